#include "expression.h"

#include "../base/check.h"
#include "program.h"
#include "threshold.h"

static const char *const error_names[EXPRESSION_ERROR_COUNT] = {
    [EXPRESSION_OVERFLOW] = "overflow",
    [EXPRESSION_DIVISION_BY_ZERO] = "division by zero",
    [EXPRESSION_BAD_ARGUMENT] = "bad argument",
    [EXPRESSION_TOO_LARGE] = "too large",
};

const char *expression_error_name(enum expression_error error) {
    if (error <= 0 || error >= EXPRESSION_ERROR_COUNT)
        return "none";
    return error_names[error];
}

enum value_type expression_type(const struct expression *expression) {
    return expression->type;
}

uint32_t expression_cost(const struct expression *expression) {
    return expression->cost;
}

static bool is_missing(const struct value *v) {
    return v->type == VALUE_ABSENT || v->type == VALUE_ERROR;
}

/* The first absent one of `count` values, else the first error, else NULL: what an operator that
 * needs all of them gives. Absent wins, as CEL's unknown does: an error may come from it. */
static const struct value *first_missing(const struct value *values, size_t count) {
    const struct value *error = NULL;
    for (size_t i = 0; i < count; i++) {
        if (values[i].type == VALUE_ABSENT)
            return &values[i];
        if (values[i].type == VALUE_ERROR && !error)
            error = &values[i];
    }
    return error;
}

/* Results are put in place part by part: a value that is copied right after its parts were written
 * makes the processor wait. */
static void put_bool(struct value *v, bool boolean) {
    v->type = VALUE_BOOL;
    v->boolean = boolean;
}

/* && with `deciding` false, || with `deciding` true: the deciding value wins over absent, absent
 * over an error, an error over the other value. Into the first one. */
static void merge(struct value *pair, bool deciding) {
    for (size_t i = 0; i < 2; i++)
        if (pair[i].type == VALUE_BOOL && pair[i].boolean == deciding) {
            put_bool(&pair[0], deciding);
            return;
        }
    const struct value *missing = first_missing(pair, 2);
    if (missing)
        pair[0] = *missing;
}

/* Texts, which most lists are of, need not be put in order for that. */
static bool is_same(const struct value *a, const struct value *b) {
    if (a->type == VALUE_TEXT && b->type == VALUE_TEXT)
        return text_equal(a->text, b->text);
    return value_order(*a, *b) == 0;
}

static bool is_ordered(int order, enum operation operation) {
    switch (operation) {
    case OPERATION_LESS:
        return order < 0;
    case OPERATION_LESS_EQUAL:
        return order <= 0;
    case OPERATION_GREATER:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* Into the first one. */
static void compare(struct value *pair, enum operation operation) {
    const struct value *missing = first_missing(pair, 2);
    if (missing == &pair[1])
        pair[0] = pair[1];
    if (missing)
        return;
    if (operation == OPERATION_EQUAL || operation == OPERATION_NOT_EQUAL) {
        put_bool(&pair[0], is_same(&pair[0], &pair[1]) == (operation == OPERATION_EQUAL));
        return;
    }
    int order = value_order(pair[0], pair[1]);
    put_bool(&pair[0], order != 2 && is_ordered(order, operation));
}

static void in_constants(struct value *v, const struct value *constants, size_t count) {
    if (is_missing(v))
        return;
    for (size_t i = 0; i < count; i++)
        if (is_same(v, &constants[i])) {
            put_bool(v, true);
            return;
        }
    put_bool(v, false);
}

/* value, found, item: the list is complete only with all its items, so a missing one stays. */
static struct value in_item(const struct value *three) {
    const struct value *missing = first_missing(three, 3);
    if (missing)
        return *missing;
    return value_bool(three[1].boolean || value_order(three[0], three[2]) == 0);
}

static const struct value *read_slot(const struct instruction *at, const struct value *frame) {
    const struct value *v = &frame[at->slot];
    check(v->type == at->type || is_missing(v));
    return v;
}

static struct value has_slot(const struct instruction *at, const struct value *frame) {
    struct value v = frame[at->slot];
    return v.type == VALUE_ERROR ? v : value_bool(v.type != VALUE_ABSENT);
}

static struct value call(const struct instruction *at, const struct value *arguments,
                         struct arena *arena) {
    const struct value *missing = first_missing(arguments, at->count);
    return missing ? *missing : at->apply(arguments, arena);
}

/* Before the first generation there is no table: the fallback for every key that is there. */
static struct value read_threshold(const struct instruction *at, const struct value *keys,
                                   const struct value *frame) {
    const struct value *missing = first_missing(keys, at->count), *table = &frame[at->target];
    if (missing)
        return *missing;
    if (table->type == VALUE_ABSENT)
        return *at->constant;
    struct text parts[THRESHOLD_KEYS_MAX];
    char bytes[THRESHOLD_KEY_MAX];
    for (size_t i = 0; i < at->count; i++)
        parts[i] = keys[i].text;
    struct text key = threshold_key(parts, at->count, bytes);
    return value_double(threshold_look_up(table->text, key, at->constant->number));
}

static bool is_bool(const struct value *v, bool boolean) {
    return v->type == VALUE_BOOL && v->boolean == boolean;
}

/* The result, in the stack. */
static const struct value *run(const struct instruction *code, uint32_t start,
                               const struct value *frame, struct arena *arena,
                               struct value stack[PROGRAM_STACK_MAX]) {
    struct value *top = stack; /* the first free place */
    const struct instruction *at = code + start;
    for (;; at++) {
        switch ((enum operation)at->operation) {
        case OPERATION_END:
            return &top[-1];
        case OPERATION_CONSTANT:
            *top++ = *at->constant;
            break;
        case OPERATION_SLOT:
            *top++ = *read_slot(at, frame);
            break;
        case OPERATION_HAS:
            *top++ = has_slot(at, frame);
            break;
        case OPERATION_NOT:
            if (!is_missing(&top[-1]))
                put_bool(&top[-1], !top[-1].boolean);
            break;
        case OPERATION_EQUAL:
        case OPERATION_NOT_EQUAL:
        case OPERATION_LESS:
        case OPERATION_LESS_EQUAL:
        case OPERATION_GREATER:
        case OPERATION_GREATER_EQUAL:
            top--;
            compare(top - 1, at->operation);
            break;
        case OPERATION_CALL:
            top -= at->count;
            *top = call(at, top, arena);
            top++;
            break;
        case OPERATION_AND:
        case OPERATION_OR:
            if (is_bool(&top[-1], at->operation == OPERATION_OR))
                at = code + at->target - 1;
            break;
        case OPERATION_AND_MERGE:
        case OPERATION_OR_MERGE:
            top--;
            merge(top - 1, at->operation == OPERATION_OR_MERGE);
            break;
        case OPERATION_BRANCH:
            if (is_missing(&top[-1]))
                at = code + at->end - 1;
            else if (!(--top)->boolean)
                at = code + at->target - 1;
            break;
        case OPERATION_JUMP:
            at = code + at->target - 1;
            break;
        case OPERATION_IN_LIST:
            if (!is_missing(&top[-1]))
                top[-1] = value_bool(list_has(at->list, top[-1].text));
            break;
        case OPERATION_IN_CONSTANTS:
            in_constants(&top[-1], at->constant, at->count);
            break;
        case OPERATION_IN_ITEM:
            top--;
            top[-1] = in_item(top - 2);
            break;
        case OPERATION_IN_END:
            top--;
            top[-1] = top[0];
            break;
        case OPERATION_THRESHOLD:
            top -= at->count;
            *top = read_threshold(at, top, frame);
            top++;
            break;
        }
    }
}

struct value program_run(const struct instruction *code, uint32_t start, const struct value *frame,
                         struct arena *arena) {
    struct value stack[PROGRAM_STACK_MAX];
    return *run(code, start, frame, arena, stack);
}

struct value expression_eval(const struct expression *expression, const struct value *frame,
                             struct arena *arena) {
    return program_run(expression->code, 0, frame, arena);
}

bool expression_is_true(const struct expression *expression, const struct value *frame,
                        struct arena *arena) {
    struct value stack[PROGRAM_STACK_MAX];
    const struct value *v = run(expression->code, 0, frame, arena, stack);
    return v->type == VALUE_BOOL && v->boolean;
}
