/* Taking expressions apart and evaluating the parts.
 *
 * The policy is loaded a second time with a visitor, because a snapshot keeps no trees. Each part
 * is compiled into a program of its own, in the order it is written, the whole first; for a frame
 * all programs are run, and then each part is marked with whether the evaluator reaches it and
 * whether it decides the result. The whole is compared with the rule's own program, so a trace that
 * disagrees with the decision stops the process. */
#include "trace.h"

#include "analysis_report.h"
#include "core/base/check.h"
#include "core/policy/eval/compile.h"
#include "core/policy/eval/cost.h"
#include "core/policy/load/rule_places.h"
#include "core/policy/load/snapshot_load.h"

#include <stdlib.h>

struct part {
    struct text text;
    enum trace_kind kind;
    unsigned depth;
    size_t end; /* after the last of its own parts */
    const struct expression *program;
    size_t slot;
    const struct list *list;
    const struct threshold *threshold;
};

/* One expression: parts in the order they are written, the whole first. */
struct layout {
    const struct part *parts;
    size_t count;
};

struct trace {
    struct snapshot *snapshot; /* what the programs point to */
    struct arena arena;
    struct layout *rules, *computed; /* parallel to the snapshot's */
};

/* ---- taking an expression apart ---- */

struct taker {
    struct load_visitor visitor; /* first */
    struct trace *trace;
    const struct load *load;
    const struct noted_expression *noted; /* being taken apart */
    struct part *parts;
    size_t count, capacity;
};

/* Behind a literal that begins at `at`. */
static size_t skip_literal(struct text t, size_t at) {
    bool raw = at > 0 && (t.data[at - 1] == 'r' || t.data[at - 1] == 'R');
    char quote = t.data[at++];
    while (at < t.length && t.data[at] != quote)
        at += t.data[at] == '\\' && !raw ? 2 : 1;
    return at < t.length ? at + 1 : t.length;
}

static void put_character(struct buffer *out, char c) {
    bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    bool after_space = out->length == 0 || out->bytes[out->length - 1] == ' ';
    if (!space)
        buffer_append_u8(out, (uint8_t)c);
    else if (!after_space)
        buffer_append_u8(out, ' ');
}

/* On one line and without comments; texts in quotes are copied unchanged. */
static struct text on_one_line(struct text t, struct arena *arena) {
    struct buffer out;
    buffer_init(&out);
    for (size_t at = 0; at < t.length;) {
        if (t.data[at] == '"' || t.data[at] == '\'') {
            size_t end = skip_literal(t, at);
            buffer_append(&out, t.data + at, end - at);
            at = end;
        } else if (t.data[at] == '/' && at + 1 < t.length && t.data[at + 1] == '/') {
            while (at < t.length && t.data[at] != '\n')
                at++;
        } else {
            put_character(&out, t.data[at++]);
        }
    }
    while (out.length > 0 && out.bytes[out.length - 1] == ' ')
        out.length--;
    struct text line =
        arena_text(arena, (struct text){.data = (const char *)out.bytes, .length = out.length});
    check(line.data);
    buffer_deinit(&out);
    return line;
}

static struct text text_of_node(const struct taker *taker, const struct syntax *node) {
    const struct noted_expression *noted = taker->noted;
    struct text source = {.data = noted->node->text.data + noted->offset + node->start,
                          .length = node->end - node->start};
    return on_one_line(analysis_unwrapped(source), &taker->trace->arena);
}

static enum trace_kind kind_of(const struct syntax *node) {
    switch (node->kind) {
    case SYNTAX_AND:
        return TRACE_AND;
    case SYNTAX_OR:
        return TRACE_OR;
    case SYNTAX_CONDITIONAL:
        return TRACE_CONDITIONAL;
    case SYNTAX_MACRO:
        return TRACE_MACRO;
    case SYNTAX_UNARY:
        return node->sign == TOKEN_NOT ? TRACE_NOT : TRACE_OTHER;
    case SYNTAX_BINARY:
        if (node->sign == TOKEN_IN && node->last->list)
            return TRACE_LIST;
        return node->function ? TRACE_OTHER : TRACE_COMPARISON;
    case SYNTAX_CALL:
        return !node->function && !node->pattern && !node->name ? TRACE_HAS : TRACE_OTHER;
    default:
        break;
    }
    if (node->name && node->name->kind == NAME_THRESHOLD)
        return TRACE_THRESHOLD;
    return node->name ? TRACE_NAME : TRACE_OTHER;
}

static struct part *add_part(struct taker *taker, const struct syntax *node, unsigned depth) {
    if (taker->count == taker->capacity) {
        taker->capacity = taker->capacity ? taker->capacity * 2 : 64;
        taker->parts = check_reallocarray(taker->parts, taker->capacity, sizeof *taker->parts);
    }
    struct part *part = &taker->parts[taker->count++];
    *part = (struct part){
        .text = text_of_node(taker, node), .kind = kind_of(node), .depth = depth, .slot = SIZE_MAX};
    const struct snapshot *snapshot = taker->load->snapshot;
    if (part->kind == TRACE_LIST)
        part->list = node->last->list;
    else if (part->kind == TRACE_THRESHOLD)
        part->threshold = &snapshot->thresholds[node->name->slot - snapshot->first_threshold];
    else if (part->kind == TRACE_NAME)
        part->slot = node->name->slot;
    return part;
}

/* Adds a node and its parts; take() leaves out constants, take_always() does not. */
static void take(struct taker *taker, const struct syntax *node, unsigned depth);
static void take_always(struct taker *taker, const struct syntax *node, unsigned depth);

/* range.map(variables, body): what the macro evaluates for each item, by its own loop. */
static const struct expression *build_each(struct taker *taker, const struct syntax *macro,
                                           const struct syntax *body) {
    bool two = syntax_variable_count(macro) == 2;
    struct syntax range = *macro->first, first = *macro->first->next, second = *first.next,
                  value = *body, map = *macro;
    range.next = &first;
    first.next = two ? &second : &value;
    second.next = &value;
    value.next = NULL;
    map.macro = MACRO_MAP;
    map.type = TYPE_LIST_OF(body->type);
    map.first = &range;
    map.last = &value;
    map.operand_count = two ? 4 : 3;
    return expression_build(&map, &taker->trace->arena);
}

static void take_macro(struct taker *taker, const struct syntax *node, unsigned depth) {
    take(taker, node->first, depth);
    for (const struct syntax *body = syntax_macro_parts(node); body; body = body->next) {
        if (!type_can_nest(body->type))
            continue;
        struct part *part = add_part(taker, body, depth);
        part->kind = TRACE_EACH;
        part->program = build_each(taker, node, body);
        part->list = NULL;
        part->threshold = NULL;
        part->end = taker->count;
    }
}

/* The outermost index is the last key. */
static void take_keys(struct taker *taker, const struct syntax *node, unsigned depth) {
    if (node->kind != SYNTAX_INDEX)
        return;
    take_keys(taker, node->first, depth);
    take_always(taker, node->last, depth);
}

/* The name that has() tests. Its properties were never filled, because has() does not evaluate it.
 * The key of a map is left out: it may not exist. */
static void take_asked(struct taker *taker, const struct syntax *node, unsigned depth) {
    struct syntax name = *node;
    name.reads_frame = true;
    if (name.name)
        take_always(taker, &name, depth);
}

static void take_operands(struct taker *taker, const struct syntax *node, enum trace_kind kind,
                          unsigned depth) {
    if (kind == TRACE_MACRO) {
        take_macro(taker, node, depth);
        return;
    }
    if (kind == TRACE_THRESHOLD) {
        take_keys(taker, node, depth);
        return;
    }
    if (kind == TRACE_NAME)
        return;
    if (kind == TRACE_HAS) {
        take_asked(taker, node->first, depth);
        return;
    }
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (!operand->list)
            (kind == TRACE_CONDITIONAL ? take_always : take)(taker, operand, depth);
}

/* Constants are left out. */
static void take(struct taker *taker, const struct syntax *node, unsigned depth) {
    if (!cost_is_constant(node))
        take_always(taker, node, depth);
}

/* Parts that depend on a macro's variable have no single value; TRACE_EACH lists them. */
static void take_always(struct taker *taker, const struct syntax *node, unsigned depth) {
    if (node->reads_local != LOCAL_NONE)
        return;
    size_t index = taker->count;
    struct part *part = add_part(taker, node, depth);
    part->program = expression_build(node, &taker->trace->arena);
    take_operands(taker, node, part->kind, depth + 1);
    taker->parts[index].end = taker->count;
}

/* The parts are collected in an array that is reused, and copied once their number is known. */
static struct layout take_apart(struct taker *taker, const struct noted_expression *noted) {
    check(noted);
    taker->noted = noted;
    taker->count = 0;
    take_always(taker, noted->syntax, 0);
    struct part *parts = arena_calloc(&taker->trace->arena, taker->count, sizeof *parts);
    check(parts);
    memcpy(parts, taker->parts, taker->count * sizeof *parts);
    return (struct layout){.parts = parts, .count = taker->count};
}

static void take_rules(struct taker *taker) {
    const struct snapshot *snapshot = taker->load->snapshot;
    struct rule_place *places = check_calloc(snapshot->rule_count + 1, sizeof *places);
    rule_places_find(taker->load, places);
    taker->trace->rules =
        arena_calloc(&taker->trace->arena, snapshot->rule_count, sizeof *taker->trace->rules);
    check(taker->trace->rules);
    for (size_t i = 0; i < snapshot->rule_count; i++)
        taker->trace->rules[i] = take_apart(taker, places[i].when);
    free(places);
}

/* Without errors, computed values are those of the file, in its order. */
static void take_computed(struct taker *taker) {
    const struct snapshot *snapshot = taker->load->snapshot;
    struct tree_node *root = NULL;
    load_find((struct load *)(uintptr_t)taker->load, FILE_FEATURES, &root);
    const struct tree_node *values = tree_child(root, "values");
    const struct tree_node *item = values ? values->first : NULL;
    taker->trace->computed = arena_calloc(&taker->trace->arena, snapshot->computed_count,
                                          sizeof *taker->trace->computed);
    check(taker->trace->computed);
    for (size_t i = 0; i < snapshot->computed_count; i++, item = item->next)
        taker->trace->computed[i] =
            take_apart(taker, noted_expression_of(taker->load, tree_child(item, "value")));
}

static void visit(struct load_visitor *self, struct load *load) {
    struct taker *taker = (struct taker *)self;
    taker->load = load;
    take_rules(taker);
    take_computed(taker);
}

int trace_new(const struct snapshot *snapshot, struct trace **ret_trace, struct error *ret_error) {
    struct trace *trace = check_calloc(1, sizeof *trace);
    struct taker taker = {.visitor = {visit}, .trace = trace};
    arena_init(&trace->arena, SIZE_MAX / 4); /* the limits are the policy's */
    int r = load_visit(snapshot->files, snapshot->file_count, &taker.visitor, &trace->snapshot,
                       ret_error);
    free(taker.parts);
    if (r < 0) {
        trace_free(trace);
        return r;
    }
    check(trace->snapshot->slot_count == snapshot->slot_count);
    *ret_trace = trace;
    return 0;
}

void trace_free(struct trace *trace) {
    if (!trace)
        return;
    snapshot_unref(trace->snapshot);
    arena_deinit(&trace->arena);
    free(trace);
}

/* ---- the values of the parts ---- */

/* Does the policy's own part of the list contain the value? Evaluated on a copy of the frame
 * without additions. */
static bool is_in_policy(const struct trace *trace, const struct list *list,
                         const struct value *value, const struct value *frame) {
    size_t count = trace->snapshot->slot_count;
    struct value *plain = check_calloc(count, sizeof *plain);
    memcpy(plain, frame, count * sizeof *plain);
    plain[list->slot] = value_absent();
    struct value in = list_contains(list, value, plain);
    free(plain);
    return in.type == VALUE_BOOL && in.boolean;
}

static void look_at_list(const struct trace *trace, struct trace_part *out,
                         const struct value *frame) {
    const struct value *value = &out[1].value; /* its only part, unless it is a literal */
    bool is_in = out->value.type == VALUE_BOOL && out->value.boolean;
    out->was_added = is_in && out->list->slot != LIST_NO_SLOT && out[1].depth == out->depth + 1 &&
                     !is_in_policy(trace, out->list, value, frame);
}

static void look_at_threshold(const struct part *part, struct trace_part *out,
                              const struct value *frame) {
    const struct value *table = &frame[part->threshold->slot];
    struct text keys[THRESHOLD_KEYS_MAX] = {{0}};
    char bytes[THRESHOLD_KEY_MAX];
    size_t count = part->threshold->key_count;
    if (table->type == VALUE_ABSENT)
        return;
    for (size_t i = 0, at = 0; i < count; i++, at++) {
        while (out[1 + at].depth > out->depth + 1) /* a key's own parts */
            at++;
        if (out[1 + at].value.type != VALUE_TEXT)
            return;
        keys[i] = out[1 + at].value.text;
    }
    struct text key = count ? threshold_key(keys, count, bytes) : (struct text){0};
    out->origin = threshold_origin(table->text, key);
}

static bool is_bool(struct value v, bool boolean) {
    return v.type == VALUE_BOOL && v.boolean == boolean;
}

static bool is_absent_or_error(struct value v) {
    return v.type == VALUE_ABSENT || v.type == VALUE_ERROR;
}

/* Parts of && and ||. The evaluator stops at the first deciding operand; an operand decides if it
 * has the value that the whole took, unless the whole is the value that needs all of them. */
static void judge_logic(const struct part *parts, struct trace_part *out, size_t whole) {
    bool deciding = parts[whole].kind == TRACE_OR, open = true;
    struct value result = out[whole].value;
    for (size_t i = whole + 1; i < parts[whole].end; i = parts[i].end) {
        out[i].reached = out[whole].reached && open;
        out[i].decides = out[whole].decides;
        if (is_bool(result, deciding) || is_absent_or_error(result))
            out[i].decides &= value_equal(out[i].value, result);
        open = open && !is_bool(out[i].value, deciding);
    }
}

/* condition ? first : second */
static void judge_conditional(const struct part *parts, struct trace_part *out, size_t whole) {
    size_t condition = whole + 1, first = parts[condition].end;
    for (size_t i = condition; i < parts[whole].end; i = parts[i].end) {
        bool taken = i == condition || is_bool(out[condition].value, i == first);
        out[i].reached = out[whole].reached && taken;
        out[i].decides = out[whole].decides && taken;
    }
}

static void judge_parts(const struct part *parts, struct trace_part *out, size_t whole) {
    if (parts[whole].kind == TRACE_AND || parts[whole].kind == TRACE_OR) {
        judge_logic(parts, out, whole);
    } else if (parts[whole].kind == TRACE_CONDITIONAL) {
        judge_conditional(parts, out, whole);
    } else {
        for (size_t i = whole + 1; i < parts[whole].end; i = parts[i].end) {
            out[i].reached = out[whole].reached;
            out[i].decides = out[whole].decides;
        }
    }
}

/* Each part may need EXPRESSION_MEMORY_MAX, as the whole had when it decided: with less, a part
 * could fail that did not. */
static size_t evaluate(const struct trace *trace, const struct layout *layout,
                       const struct expression *whole, const struct value *frame,
                       struct arena *arena, const struct trace_part **ret_parts) {
    struct trace_part *out = arena_calloc(arena, layout->count + 1, sizeof *out);
    if (!out)
        return 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct part *part = &layout->parts[i];
        if (arena->limit - arena->used < EXPRESSION_MEMORY_MAX)
            return 0;
        out[i] = (struct trace_part){.text = part->text,
                                     .kind = part->kind,
                                     .depth = part->depth,
                                     .value = expression_eval(part->program, frame, arena),
                                     .list = part->list,
                                     .threshold = part->threshold,
                                     .slot = part->slot};
    }
    if (arena->limit - arena->used < EXPRESSION_MEMORY_MAX) /* as much as the whole had before */
        return 0;
    check(value_equal(out[0].value, expression_eval(whole, frame, arena)));
    out[0].reached = out[0].decides = true;
    for (size_t i = 0; i < layout->count; i++) {
        judge_parts(layout->parts, out, i);
        if (layout->parts[i].kind == TRACE_LIST)
            look_at_list(trace, &out[i], frame);
        else if (layout->parts[i].kind == TRACE_THRESHOLD)
            look_at_threshold(&layout->parts[i], &out[i], frame);
    }
    *ret_parts = out;
    return layout->count;
}

size_t trace_rule(const struct trace *trace, size_t rule, const struct value *frame,
                  struct arena *arena, const struct trace_part **ret_parts) {
    check(rule < trace->snapshot->rule_count);
    return evaluate(trace, &trace->rules[rule], trace->snapshot->rules[rule].when, frame, arena,
                    ret_parts);
}

size_t trace_computed(const struct trace *trace, size_t computed, const struct value *frame,
                      struct arena *arena, const struct trace_part **ret_parts) {
    check(computed < trace->snapshot->computed_count);
    return evaluate(trace, &trace->computed[computed],
                    trace->snapshot->computed[computed].expression, frame, arena, ret_parts);
}
