/* The values of features.yaml: computed once per transaction, in the order of the file, which is
 * why a value can only read values above it. */
#include "load_values.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/compile.h"

static uint64_t definition_of(const struct syntax *syntax) {
    struct buffer buffer;
    buffer_init(&buffer);
    syntax_print_definition(syntax, &buffer);
    uint64_t hash = hash64(buffer.bytes, buffer.length, 0);
    buffer_deinit(&buffer);
    return hash;
}

static void read_value(struct load *load, const struct reader *reader,
                       const struct tree_node *node) {
    struct snapshot *snapshot = load->snapshot;
    struct key keys[] = {{"name", true, NULL}, {"value", true, NULL}, {"about", false, NULL}};
    bool complete = read_keys(reader, node, "a value", keys, 3);
    struct text name;
    if (!keys[0].node || !read_name(reader, keys[0].node, "value", false, &name))
        return;
    struct syntax *syntax = NULL;
    if (complete)
        syntax = load_expression_node(load, reader->source, keys[1].node, "value", SCOPE_VALUE,
                                      VALUE_ABSENT);
    if (load_is_taken(name) || scope_has_entity(&load->scope, name)) {
        read_diagnostic(reader, keys[0].node, "a value cannot be called \"%" TEXT_FORMAT "\"%s",
                        TEXT_ARGS(name),
                        load_is_taken(name) ? "" : ": there is an entity of this name");
        return;
    }
    size_t slot = snapshot->first_computed + snapshot->computed_count;
    struct name *declared = load_declare(load, reader, keys[0].node,
                                         (struct name){.text = name,
                                                       .canonical = name,
                                                       .kind = NAME_VALUE,
                                                       .type = syntax ? syntax->type : VALUE_ERROR,
                                                       .slot = slot});
    if (!declared || !syntax)
        return;
    snapshot->computed[snapshot->computed_count++] =
        (struct computed){.name = name,
                          .expression = expression_build(syntax, load->arena),
                          .slot = slot,
                          .definition = definition_of(syntax)};
}

/* Makes all names known, so that a use above the declaration gets a better message than an unknown
 * name. */
static void announce_values(struct load *load, const struct tree_node *node) {
    struct scope *scope = &load->scope;
    scope->announced = arena_calloc(&load->scratch, node->child_count, sizeof *scope->announced);
    check(scope->announced);
    for (const struct tree_node *item = node->first; item; item = item->next)
        for (const struct tree_node *child = item->first; child; child = child->next)
            if (child->key && child->kind == TREE_TEXT && text_is(child->key->text, "name") &&
                scope->announced_count < node->child_count)
                scope->announced[scope->announced_count++] = child->text;
}

void load_values(struct load *load, const struct source *source, const struct tree_node *node) {
    struct reader reader = load_reader(load, source);
    if (!read_list(&reader, node, "values")) {
        load->scope.incomplete = true;
        return;
    }
    if (node->child_count > POLICY_VALUES_MAX) {
        read_diagnostic(&reader, node, "%zu values; expected at most %u", node->child_count,
                        POLICY_VALUES_MAX);
        load->scope.incomplete = true;
        return;
    }
    load->snapshot->computed =
        arena_calloc(load->arena, node->child_count, sizeof *load->snapshot->computed);
    check(load->snapshot->computed);
    announce_values(load, node);
    for (const struct tree_node *item = node->first; item; item = item->next)
        read_value(load, &reader, item);
    load->scope.announced_count = 0;
}
