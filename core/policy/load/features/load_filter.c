/* Features of an entity share filters: a condition is evaluated once for an entity, however many
 * features have it. Conditions are equal when their canonical forms are, so spacing and brackets do
 * not matter. */
#include "load_filter.h"

#include "core/base/check.h"
#include "core/policy/eval/compile.h"

static struct text canonical_text(struct features_loader *loader, const struct syntax *syntax) {
    struct buffer buffer;
    buffer_init(&buffer);
    syntax_print_definition(syntax, &buffer);
    struct text t =
        arena_text(loader->load->arena,
                   (struct text){.data = (const char *)buffer.bytes, .length = buffer.length});
    buffer_deinit(&buffer);
    check(t.data);
    return t;
}

int load_filter_add(struct features_loader *loader, struct entity_draft *draft,
                    const struct reader *reader, const struct tree_node *node,
                    const struct syntax *syntax) {
    struct entity_plan *plan = &draft->plan;
    struct text source = canonical_text(loader, syntax);
    for (size_t i = 0; i < plan->filter_count; i++)
        if (text_equal(plan->filters[i].source, source))
            return (int)i;
    if (plan->filter_count == PLAN_FILTERS_MAX) {
        read_diagnostic(reader, node,
                        "entity \"%" TEXT_FORMAT "\" has more than %d different conditions",
                        TEXT_ARGS(plan->name), PLAN_FILTERS_MAX);
        return -1;
    }
    draft->binding.filters[plan->filter_count] = expression_build(syntax, loader->load->arena);
    plan->filters[plan->filter_count] =
        (struct filter){.source = source, .outcome = syntax_reads(syntax, TEXT_LITERAL("outcome"))};
    return (int)plan->filter_count++;
}
