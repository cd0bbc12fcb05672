/* Like a trace (trace.c), a visitor of a second load. A place in a file is used only if the bytes
 * there are the literal as the expression has it: an escape in a quoted text, for example, would
 * shift them. Such a literal is not tunable. */
#include "tunables.h"

#include "core/base/check.h"
#include "core/policy/eval/compile.h"
#include "core/policy/load/rule_places.h"
#include "core/policy/load/snapshot_load.h"

#include <stdlib.h>

/* Public part first, so that a pointer to it is one to the whole. */
struct tunables_store {
    struct tunables tunables;
    struct arena arena;
};

struct finder {
    struct load_visitor visitor; /* first */
    struct tunables_store *store;
    const struct load *load;
    struct tunable *tunables;
    size_t tunable_count;
    const struct expression **parts;
    size_t part_count;
    struct condition_node *nodes; /* of the condition being taken apart */
    size_t node_count;
    /* Of that condition. */
    size_t rule;
    const struct source *source;
    const struct noted_expression *noted;
};

/* ---- places ---- */

/* The byte in a file at a line and column (in characters); SIZE_MAX: there is none. */
static size_t byte_at(struct text content, struct position at) {
    size_t line = 1, column = 1, i = 0;
    if (content.length >= 3 && memcmp(content.data, "\xef\xbb\xbf", 3) == 0)
        i = 3;
    for (; i < content.length; i++) {
        bool begins = ((unsigned char)content.data[i] & 0xc0) != 0x80;
        if (begins && line == at.line && column == at.column)
            return i;
        column += begins;
        if (content.data[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return SIZE_MAX;
}

/* Fills the place of `length` bytes of a node's text. false: they are not in the file as they are
 * in the text. */
static bool find_place(const struct finder *finder, const struct source *source,
                       const struct tree_node *node, size_t offset, size_t length,
                       struct tunable *tunable) {
    struct position at = tree_locate(source, node, offset, length);
    size_t byte = byte_at(source->content, at);
    if (byte == SIZE_MAX || source->content.length - byte < length ||
        memcmp(source->content.data + byte, node->text.data + offset, length) != 0)
        return false;
    tunable->file = (size_t)(source - finder->load->sources);
    tunable->offset = byte;
    tunable->length = length;
    tunable->line = at.line;
    return true;
}

static size_t add_tunable(struct finder *finder, struct tunable tunable) {
    size_t count = finder->tunable_count;
    if ((count & (count - 1)) == 0) /* a power of two, or nothing yet */
        finder->tunables =
            check_reallocarray(finder->tunables, count ? 2 * count : 1, sizeof *finder->tunables);
    finder->tunables[finder->tunable_count++] = tunable;
    return count;
}

/* ---- conditions ---- */

/* The same part of several rules is computed once. */
static size_t add_part(struct finder *finder, const struct syntax *syntax) {
    const struct expression *part = expression_build(syntax, &finder->store->arena);
    for (size_t i = 0; i < finder->part_count; i++)
        if (expression_is_same(finder->parts[i], part))
            return i;
    size_t count = finder->part_count;
    if ((count & (count - 1)) == 0)
        finder->parts =
            check_reallocarray(finder->parts, count ? 2 * count : 1, sizeof(*finder->parts));
    finder->parts[finder->part_count++] = part;
    return count;
}

static size_t add_node(struct finder *finder, struct condition_node node) {
    size_t count = finder->node_count;
    if ((count & (count - 1)) == 0)
        finder->nodes =
            check_reallocarray(finder->nodes, count ? 2 * count : 1, sizeof *finder->nodes);
    finder->nodes[finder->node_count++] = node;
    return count;
}

static bool relation_of(enum token_type sign, bool value_first, enum tunable_relation *ret) {
    switch (sign) {
    case TOKEN_LESS:
        *ret = value_first ? BELOW : ABOVE;
        return true;
    case TOKEN_LESS_EQUAL:
        *ret = value_first ? AT_MOST : AT_LEAST;
        return true;
    case TOKEN_GREATER:
        *ret = value_first ? ABOVE : BELOW;
        return true;
    case TOKEN_GREATER_EQUAL:
        *ret = value_first ? AT_LEAST : AT_MOST;
        return true;
    default:
        return false;
    }
}

static bool is_number(const struct syntax *node) {
    return node->kind == SYNTAX_CONSTANT &&
           (node->constant.type == VALUE_INT || node->constant.type == VALUE_DOUBLE);
}

/* As it is written, with runs of white space as one space. */
static struct text line_of(const struct finder *finder, const struct syntax *node) {
    const struct text all = finder->noted->node->text;
    const char *at = all.data + finder->noted->offset + node->start,
               *end = all.data + finder->noted->offset + node->end;
    char *line = arena_alloc(&finder->store->arena, (size_t)(end - at) + 1);
    size_t length = 0;
    check(line);
    for (; at < end; at++) {
        bool is_space = *at == ' ' || *at == '\n' || *at == '\t' || *at == '\r';
        if (!is_space)
            line[length++] = *at;
        else if (length > 0 && line[length - 1] != ' ')
            line[length++] = ' ';
    }
    line[length] = '\0';
    return (struct text){.data = line, .length = length};
}

/* A comparison with a limit: value and literal, and what the literal is multiplied by, if anything.
 */
struct comparison {
    const struct syntax *value, *literal, *factor;
    enum tunable_relation relation;
};

/* `literal * factor` or `factor * literal`, of doubles. */
static bool is_product(const struct syntax *node, struct comparison *comparison) {
    if (node->kind != SYNTAX_BINARY || node->sign != TOKEN_STAR || node->type != VALUE_DOUBLE)
        return false;
    bool literal_first = is_number(node->first);
    comparison->literal = literal_first ? node->first : node->first->next;
    comparison->factor = literal_first ? node->first->next : node->first;
    return is_number(comparison->literal) && !is_number(comparison->factor);
}

/* One side has the limit, the other the value. */
static bool split(const struct syntax *value, const struct syntax *limit,
                  struct comparison *comparison) {
    *comparison =
        (struct comparison){.value = value, .literal = limit, .relation = comparison->relation};
    if (is_number(value) || (!is_number(limit) && !is_product(limit, comparison)))
        return false;
    return value->type == limit->type && (!comparison->factor || value->type == VALUE_DOUBLE);
}

static bool find_comparison(const struct syntax *node, struct comparison *comparison) {
    if (node->kind != SYNTAX_BINARY || !node->first || !node->first->next)
        return false;
    for (int value_first = 1; value_first >= 0; value_first--) {
        const struct syntax *value = value_first ? node->first : node->first->next,
                            *limit = value_first ? node->first->next : node->first;
        if (!relation_of(node->sign, value_first, &comparison->relation))
            return false;
        if (split(value, limit, comparison))
            return true;
    }
    return false;
}

/* false if this is no comparison with a limit whose place is known. */
static bool take_limit(struct finder *finder, const struct syntax *node) {
    struct tunable tunable = {.kind = TUNABLE_LIMIT, .rule = finder->rule};
    struct comparison of;
    if (!find_comparison(node, &of) ||
        !find_place(finder, finder->source, finder->noted->node,
                    finder->noted->offset + of.literal->offset, of.literal->length, &tunable))
        return false;
    struct condition_node limit = {.kind = CONDITION_LIMIT, .factor = SIZE_MAX};
    tunable.value = of.literal->constant;
    tunable.relation = of.relation;
    tunable.compared = line_of(finder, of.value);
    limit.part = add_part(finder, of.value);
    if (of.factor) {
        limit.factor = add_part(finder, of.factor);
        tunable.compared =
            arena_printf(&finder->store->arena, "%" TEXT_FORMAT " / %" TEXT_FORMAT,
                         TEXT_ARGS(tunable.compared), TEXT_ARGS(line_of(finder, of.factor)));
        check(tunable.compared.data);
    }
    limit.tunable = add_tunable(finder, tunable);
    size_t at = add_node(finder, limit);
    finder->nodes[at].end = finder->node_count;
    return true;
}

static void take(struct finder *finder, const struct syntax *node) {
    enum condition_kind kind = node->kind == SYNTAX_AND  ? CONDITION_AND
                               : node->kind == SYNTAX_OR ? CONDITION_OR
                               : node->kind == SYNTAX_UNARY && node->sign == TOKEN_NOT
                                   ? CONDITION_NOT
                                   : CONDITION_PART;
    if (take_limit(finder, node))
        return;
    size_t at = add_node(finder, (struct condition_node){.kind = kind});
    if (kind == CONDITION_PART) {
        size_t part = add_part(finder, node);
        finder->nodes[at].part = part;
    } else {
        for (const struct syntax *operand = node->first; operand; operand = operand->next)
            take(finder, operand);
    }
    finder->nodes[at].end = finder->node_count;
}

/* ---- what is tunable ---- */

static void take_score(struct finder *finder, const struct rule_place *place) {
    const struct tree_node *node = tree_child(tree_child(place->item, "then"), "score");
    struct tunable tunable = {.kind = TUNABLE_SCORE,
                              .rule = finder->rule,
                              .value =
                                  value_int(finder->load->snapshot->rules[finder->rule].score)};
    if (node && find_place(finder, place->source, node, 0, node->text.length, &tunable))
        add_tunable(finder, tunable);
}

static void take_rules(struct finder *finder) {
    const struct snapshot *snapshot = finder->load->snapshot;
    struct arena *arena = &finder->store->arena;
    struct rule_place *places = check_calloc(snapshot->rule_count + 1, sizeof *places);
    struct condition *conditions = arena_calloc(arena, snapshot->rule_count, sizeof *conditions);
    check(conditions);
    rule_places_find(finder->load, places);
    for (size_t i = 0; i < snapshot->rule_count; i++) {
        finder->rule = i;
        finder->source = places[i].source;
        finder->noted = places[i].when;
        finder->node_count = 0;
        take_score(finder, &places[i]);
        take(finder, finder->noted->syntax);
        struct condition_node *nodes = arena_calloc(arena, finder->node_count, sizeof *nodes);
        check(nodes);
        memcpy(nodes, finder->nodes, finder->node_count * sizeof *nodes);
        conditions[i] = (struct condition){.nodes = nodes, .count = finder->node_count};
    }
    finder->store->tunables.conditions = conditions;
    free(places);
}

static void take_cutoffs(struct finder *finder) {
    static const char *const names[VERDICT_COUNT] = {[VERDICT_REVIEW] = "review",
                                                     [VERDICT_CHALLENGE] = "challenge",
                                                     [VERDICT_DECLINE] = "decline"};
    struct tree_node *root = NULL;
    const struct source *source =
        load_find((struct load *)(uintptr_t)finder->load, FILE_POLICY, &root);
    const struct tree_node *cutoffs = tree_child(tree_child(root, "policy"), "cutoffs");
    for (enum verdict verdict = 0; source && verdict < VERDICT_COUNT; verdict++) {
        const struct tree_node *node = names[verdict] ? tree_child(cutoffs, names[verdict]) : NULL;
        struct tunable tunable = {.kind = TUNABLE_CUTOFF,
                                  .verdict = verdict,
                                  .value = value_int(finder->load->snapshot->cutoffs[verdict])};
        if (node && find_place(finder, source, node, 0, node->text.length, &tunable))
            add_tunable(finder, tunable);
    }
}

static void *keep(struct arena *arena, const void *items, size_t count, size_t size) {
    void *kept = arena_calloc(arena, count, size);
    check(kept);
    if (count > 0)
        memcpy(kept, items, count * size);
    return kept;
}

static void visit(struct load_visitor *self, struct load *load) {
    struct finder *finder = (struct finder *)self;
    struct tunables *tunables = &finder->store->tunables;
    struct arena *arena = &finder->store->arena;
    finder->load = load;
    take_cutoffs(finder);
    take_rules(finder);
    tunables->count = finder->tunable_count;
    tunables->of = keep(arena, finder->tunables, finder->tunable_count, sizeof *finder->tunables);
    tunables->part_count = finder->part_count;
    tunables->parts = keep(arena, finder->parts, finder->part_count, sizeof(*finder->parts));
}

int tunables_new(const struct snapshot *snapshot, struct tunables **ret_tunables,
                 struct error *ret_error) {
    struct tunables_store *store = check_calloc(1, sizeof *store);
    struct finder finder = {.visitor = {visit}, .store = store};
    arena_init(&store->arena, SIZE_MAX / 4); /* the limits are the policy's */
    int r = load_visit(snapshot->files, snapshot->file_count, &finder.visitor,
                       &store->tunables.snapshot, ret_error);
    free(finder.tunables);
    free(finder.parts);
    free(finder.nodes);
    if (r < 0) {
        tunables_free(&store->tunables);
        return r;
    }
    check(store->tunables.snapshot->slot_count == snapshot->slot_count);
    *ret_tunables = &store->tunables;
    return 0;
}

void tunables_free(struct tunables *tunables) {
    if (!tunables)
        return;
    struct tunables_store *store = (struct tunables_store *)tunables;
    snapshot_unref(tunables->snapshot);
    arena_deinit(&store->arena);
    free(store);
}
