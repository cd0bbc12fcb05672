/* The evaluator: one loop over the instructions of a program, with a stack of values on the C
 * stack.
 *
 * Absent values and errors are values like others: each instruction that needs all of its operands
 * passes on the first missing one, absent before errors, and only && || ?: and macros can absorb
 * them (CEL's commutative logic). So nothing unwinds, and an evaluation always ends at
 * OPERATION_END with one value.
 *
 * Results are written member by member, and only those members that the type uses: copying a whole
 * struct value right after a part of it was written stalls the processor on store forwarding. That
 * is why many helpers take pointers and write in place; tests/bench/README.md has the figures. */
#include "expression.h"

#include "core/base/check.h"
#include "core/policy/lang/ip_network.h"
#include "function_address.h"
#include "function_time.h"
#include "pattern.h"
#include "program.h"
#include "program_list.h"
#include "threshold.h"
#include "value_order.h"

static const char *const error_names[EXPRESSION_ERROR_COUNT] = {
    [EXPRESSION_OVERFLOW] = "overflow",         [EXPRESSION_DIVISION_BY_ZERO] = "division by zero",
    [EXPRESSION_BAD_ARGUMENT] = "bad argument", [EXPRESSION_TOO_LARGE] = "too large",
    [EXPRESSION_NO_SUCH_KEY] = "no such key",   [EXPRESSION_OUT_OF_RANGE] = "index out of range",
    [EXPRESSION_REPEATED_KEY] = "repeated key",
};

const char *expression_error_name(enum expression_error error) {
    if (error <= 0 || error >= EXPRESSION_ERROR_COUNT)
        return "none";
    return error_names[error];
}

type_code expression_type(const struct expression *expression) {
    return expression->type;
}

uint32_t expression_cost(const struct expression *expression) {
    return expression->cost;
}

static void put_bool(struct value *v, bool boolean) {
    v->type = VALUE_BOOL;
    v->boolean = boolean;
}

/* Copies a value whose members have just been written, each with the width it was written with. */
static void put(struct value *v, const struct value *made) {
    switch (made->type) {
    case VALUE_BOOL:
        v->boolean = made->boolean;
        break;
    case VALUE_TEXT:
        v->text.data = made->text.data;
        v->text.length = made->text.length;
        break;
    case VALUE_ERROR:
        v->error_code = made->error_code;
        break;
    case VALUE_LIST:
    case VALUE_MAP:
        v->items = made->items;
        break;
    default:
        v->integer = made->integer; /* or the bits of a number */
    }
    v->type = made->type;
}

/* && with `deciding` false, || with `deciding` true: the deciding value wins over absent, absent
 * over an error, an error over the other value. Into the first one. */
static void merge(struct value *pair, bool deciding) {
    for (size_t i = 0; i < 2; i++)
        if (pair[i].type == VALUE_BOOL && pair[i].boolean == deciding) {
            put_bool(&pair[0], deciding);
            return;
        }
    const struct value *missing = program_first_missing(pair, 2);
    if (missing)
        pair[0] = *missing;
}

/* Equality without ordering: most lists hold texts, and unequal lengths decide at once. */
static bool is_same(const struct value *a, const struct value *b) {
    if (a->type == VALUE_TEXT && b->type == VALUE_TEXT)
        return text_equal(a->text, b->text);
    return value_order(*a, *b) == 0;
}

/* Comparisons of numbers follow IEEE 754: NaN is unequal to everything and less than nothing. */
#define HOLDS(name, relation)                                                                      \
    case OPERATION_##name:                                                                         \
        return a relation b;
#define COMPARING(function, type)                                                                  \
    static bool function(type a, type b, enum operation operation) {                               \
        switch (operation) {                                                                       \
            COMPARISONS(HOLDS)                                                                     \
        default:                                                                                   \
            return false;                                                                          \
        }                                                                                          \
    }
COMPARING(holds_of_orders, int)
COMPARING(holds_of_ints, int64_t)
COMPARING(holds_of_numbers, double)

/* Compares both values; the result replaces the first. Ints and doubles of one type, the most
 * common, come first. */
static void compare(struct value *pair, enum operation operation) {
    if (pair[0].type == VALUE_INT && pair[1].type == VALUE_INT) {
        put_bool(&pair[0], holds_of_ints(pair[0].integer, pair[1].integer, operation));
        return;
    }
    if (pair[0].type == VALUE_DOUBLE && pair[1].type == VALUE_DOUBLE) {
        put_bool(&pair[0], holds_of_numbers(pair[0].number, pair[1].number, operation));
        return;
    }
    const struct value *missing = program_first_missing(pair, 2);
    if (missing == &pair[1])
        put(&pair[0], missing);
    if (missing)
        return;
    if (operation == OPERATION_EQUAL || operation == OPERATION_NOT_EQUAL) {
        put_bool(&pair[0], is_same(&pair[0], &pair[1]) == (operation == OPERATION_EQUAL));
        return;
    }
    int order = value_order(pair[0], pair[1]);
    put_bool(&pair[0], order != 2 && holds_of_orders(order, 0, operation));
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

/* Operands: value, found so far, item. A missing item makes the result missing, as it would make
 * the list, even if another item is equal. */
static struct value in_item(const struct value *three) {
    const struct value *missing = program_first_missing(three, 3);
    if (missing)
        return *missing;
    return value_bool(three[1].boolean || value_order(three[0], three[2]) == 0);
}

static const struct value *read_slot(const struct instruction *at, const struct value *frame) {
    const struct value *v = &frame[at->slot];
    check(v->type == at->type || is_missing(v));
    return v;
}

static void has_slot(struct value *v, const struct value *slot) {
    if (slot->type == VALUE_ERROR)
        *v = *slot;
    else
        put_bool(v, slot->type != VALUE_ABSENT);
}

static const struct value *first_missing(const struct value *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (is_missing(&values[i]))
            return program_first_missing(values, count);
    return NULL;
}

/* Calls a function; the result replaces the first argument, or is pushed when there is none. */
static void call(const struct instruction *at, struct value *arguments, struct arena *arena) {
    const struct value *missing = first_missing(arguments, at->count);
    struct value result;
    if (!missing) {
        result = at->apply(arguments, arena);
        missing = &result;
    }
    if (missing != arguments)
        put(arguments, missing);
}

static void put_int(struct value *v, int64_t integer, bool overflows) {
    if (overflows) {
        v->type = VALUE_ERROR;
        v->error_code = EXPRESSION_OVERFLOW;
    } else {
        v->integer = integer;
    }
}

static void calculate_ints(struct value *pair, enum operation operation) {
    int64_t a = pair[0].integer, b = pair[1].integer, result;
    bool overflows;
    if (operation == OPERATION_ADD_INTS)
        overflows = __builtin_add_overflow(a, b, &result);
    else if (operation == OPERATION_SUBTRACT_INTS)
        overflows = __builtin_sub_overflow(a, b, &result);
    else
        overflows = __builtin_mul_overflow(a, b, &result);
    put_int(&pair[0], result, overflows);
}

__attribute__((no_sanitize("float-divide-by-zero"))) static void
calculate_numbers(struct value *pair, enum operation operation) {
    double a = pair[0].number, b = pair[1].number;
    if (operation == OPERATION_ADD)
        pair[0].number = a + b;
    else if (operation == OPERATION_SUBTRACT)
        pair[0].number = a - b;
    else if (operation == OPERATION_MULTIPLY)
        pair[0].number = a * b;
    else
        pair[0].number = a / b;
}

/* The operators that have instructions of their own; the same as their rows in function_table.c.
 * The result replaces the first value. */
static void calculate(struct value *pair, enum operation operation) {
    if (pair[0].type == VALUE_DOUBLE && pair[1].type == VALUE_DOUBLE) {
        calculate_numbers(pair, operation);
        return;
    }
    const struct value *missing = program_first_missing(pair, 2);
    if (missing == &pair[1])
        put(&pair[0], missing);
    if (missing)
        return;
    if (operation >= OPERATION_ADD)
        calculate_numbers(pair, operation);
    else
        calculate_ints(pair, operation);
}

static void look_up(struct value *v, const struct list *list, const struct value *frame) {
    if (is_missing(v))
        return;
    struct value is_there = list_contains(list, v, frame);
    put(v, &is_there);
}

/* The group's value. Before the first generation there is no table, and every group has the
 * fallback; a missing key makes the result missing in either case. */
static struct value read_threshold(const struct instruction *at, const struct value *keys,
                                   const struct value *frame) {
    const struct value *missing = program_first_missing(keys, at->count),
                       *table = &frame[at->target];
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

const struct prefilter *expression_prefilter(const struct expression *expression) {
    return expression->prefilter;
}

static bool is_bool(const struct value *v, bool boolean) {
    return v->type == VALUE_BOOL && v->boolean == boolean;
}

static void match(struct value *v, const struct pattern *pattern) {
    int found = is_missing(v) ? 2 : pattern_matches(pattern, v->text);
    if (found < 0)
        *v = (struct value){.type = VALUE_ERROR, .error_code = EXPRESSION_TOO_LARGE};
    else if (found < 2)
        put_bool(v, found);
}

/* Operands: a time, the name of a zone or an offset. The result replaces the first. */
static void local_time_of(struct value *pair, const struct zone_table *zones) {
    const struct value *missing = program_first_missing(pair, 2);
    if (missing)
        pair[0] = *missing;
    else
        function_local_time_of(&pair[0], pair[1].text, zones);
}

/* Runs from code[start] on. Returns a pointer to the result in `stack`, whose first `waiting`
 * values are in use. Jumps set `at` to one before their target, because the loop advances it. */
static const struct value *run(const struct instruction *code, uint32_t start, uint32_t waiting,
                               const struct value *frame, struct arena *arena,
                               struct value stack[PROGRAM_STACK_MAX]) {
    struct value *top = stack + waiting; /* the first free place */
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
            has_slot(top++, &frame[at->slot]);
            break;
        case OPERATION_NOT:
            if (!is_missing(&top[-1]))
                put_bool(&top[-1], !top[-1].boolean);
            break;
            COMPARISONS(COMPARISON_CASE)
            top--;
            compare(top - 1, at->operation);
            break;
        case OPERATION_CALL:
            top -= at->count;
            call(at, top, arena);
            top++;
            break;
        case OPERATION_ADD_INTS:
        case OPERATION_SUBTRACT_INTS:
        case OPERATION_MULTIPLY_INTS:
        case OPERATION_ADD:
        case OPERATION_SUBTRACT:
        case OPERATION_MULTIPLY:
        case OPERATION_DIVIDE:
            top--;
            calculate(top - 1, at->operation);
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
        case OPERATION_PREFILTER:
            switch (prefilter_value(at->prefilter, frame)) {
            case PREFILTER_YES:
                at += at->count;
                break;
            case PREFILTER_NO:
                at = code + at->target - 1;
                break;
            case PREFILTER_ABSENT:
            case PREFILTER_MAYBE:
                break;
            }
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
            look_up(&top[-1], at->list, frame);
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
        case OPERATION_MATCHES:
            match(&top[-1], at->pattern);
            break;
        case OPERATION_LOCAL_TIME:
            if (!is_missing(&top[-1]))
                function_local_time(&top[-1], at->zone);
            break;
        case OPERATION_LOCAL_TIME_OF:
            top--;
            local_time_of(top - 1, at->zones);
            break;
        case OPERATION_LOCAL:
            *top++ = stack[at->slot];
            break;
        case OPERATION_LOOP:
            if (is_missing(&top[-1])) {
                at = code + at->target - 1;
            } else {
                list_loop_begin(top, at->type, arena);
                top += LIST_LOOP_VALUES;
            }
            break;
        case OPERATION_LOOP_NEXT:
            if (list_loop_next(top, at->count))
                top += at->count;
            else
                at = code + at->target - 1;
            break;
        case OPERATION_LOOP_TEST:
            top--;
            if (!is_bool(top, true)) {
                top -= at->count;
                list_loop_skip(top, top + at->count);
                at = code + at->target - 1;
            }
            break;
        case OPERATION_LOOP_TAKE:
            top -= at->count + 1;
            if (!list_loop_take(top, at->type, at->count))
                at = code + at->target - 1;
            break;
        case OPERATION_LOOP_END:
            top -= LIST_LOOP_VALUES;
            list_loop_end(top, at->type);
            break;
        default:
            top = list_run(at, top, arena);
            break;
        }
    }
}

_Static_assert(EXPRESSION_LEFT_MAX >= 2 * FUNCTION_TEXT_MAX + 32, "a text, and as much again");

/* The memory that one evaluation may take from the arena: EXPRESSION_MEMORY_MAX, however much the
 * arena has left, so that the result does not depend on earlier evaluations. */
struct allowance {
    struct arena_mark mark;
    size_t limit; /* the arena's own */
};

static struct allowance allow(struct arena *arena) {
    struct allowance allowance = {.mark = arena_mark(arena), .limit = arena->limit};
    if (arena->limit - arena->used > EXPRESSION_MEMORY_MAX)
        arena->limit = arena->used + EXPRESSION_MEMORY_MAX;
    return allowance;
}

/* Restores the limit and releases what is not part of the value. A text is copied out of the way
 * first when much else was allocated; one that is longer than an expression can build belongs to
 * the frame or the snapshot and stays where it is. Lists and maps keep their memory: their items
 * may be anywhere in it. */
static struct value take_back(struct arena *arena, const struct allowance *allowance,
                              struct value v) {
    char copy[FUNCTION_TEXT_MAX];
    size_t before = allowance->mark.used;
    arena->limit = allowance->limit;
    bool text = v.type == VALUE_TEXT && v.text.length > 0;
    bool copied = text && v.text.length <= sizeof copy;
    if (arena->used == before || v.type == VALUE_LIST || v.type == VALUE_MAP ||
        (copied && arena->used - before <= 2 * v.text.length))
        return v;
    if (copied)
        memcpy(copy, v.text.data, v.text.length);
    arena_rewind(arena, allowance->mark);
    if (copied)
        v.text = arena_text(arena, (struct text){.data = copy, .length = v.text.length});
    return v;
}

struct value program_run(const struct instruction *code, uint32_t start, uint32_t waiting,
                         const struct value *frame, struct arena *arena) {
    struct value stack[PROGRAM_STACK_MAX];
    struct allowance allowance = allow(arena);
    return take_back(arena, &allowance, *run(code, start, waiting, frame, arena, stack));
}

/* Simple shapes without a program: the same as run() would do. */
static const struct value *run_slot(const struct simple_call *call, const struct value *frame) {
    const struct value *v = &frame[call->slot];
    check(v->type == call->type || is_missing(v));
    return v;
}

static struct value run_call(const struct simple_call *call, const struct value *frame,
                             struct arena *arena) {
    const struct value *first = run_slot(call, frame);
    if (is_missing(first))
        return *first;
    struct value arguments[SIMPLE_CALL_MAX];
    arguments[0] = *first;
    for (size_t i = 1; i < call->count; i++)
        arguments[i] = *call->constants[i - 1];
    if (call->is_tidy)
        return call->apply(arguments, arena);
    struct allowance allowance = allow(arena);
    return take_back(arena, &allowance, call->apply(arguments, arena));
}

/* Out of line: the stack of values is large, and callers that run simple shapes should not pay for
 * it. */
static __attribute__((noinline)) struct value
run_building(const struct expression *expression, const struct value *frame, struct arena *arena) {
    return program_run(expression->code, 0, 0, frame, arena);
}

static __attribute__((noinline)) struct value
run_plain(const struct expression *expression, const struct value *frame, struct arena *arena) {
    struct value stack[PROGRAM_STACK_MAX];
    struct value v;
    put(&v, run(expression->code, 0, 0, frame, arena, stack));
    return v;
}

struct value expression_run(const struct expression *expression, const struct value *frame,
                            struct arena *arena) {
    switch (expression->shape) {
    case SHAPE_SLOT:
        return *run_slot(&expression->call, frame);
    case SHAPE_CALL:
        return run_call(&expression->call, frame, arena);
    case SHAPE_PROGRAM:
        break;
    }
    return expression->builds ? run_building(expression, frame, arena)
                              : run_plain(expression, frame, arena);
}

struct value expression_eval(const struct expression *expression, const struct value *frame,
                             struct arena *arena) {
    if (!expression->prefilter)
        return expression_run(expression, frame, arena);
    enum prefilter_answer answer = prefilter_value(expression->prefilter, frame);
    if (answer == PREFILTER_MAYBE)
        return expression_run(expression, frame, arena);
    return answer == PREFILTER_ABSENT ? value_absent() : value_bool(answer == PREFILTER_YES);
}

/* Unlike expression_eval() this need not distinguish false from absent, so prefilters settle more.
 */
bool expression_is_true(const struct expression *expression, const struct value *frame,
                        struct arena *arena) {
    enum prefilter_answer answer = prefilter_answer(expression->prefilter, frame);
    if (answer != PREFILTER_MAYBE)
        return answer == PREFILTER_YES;
    struct value v = expression_run(expression, frame, arena);
    return is_bool(&v, true);
}

bool expression_is_network(const struct expression *expression,
                           struct expression_network *ret_network) {
    const struct simple_call *call = &expression->call;
    if (expression->shape != SHAPE_CALL || call->apply != function_network)
        return false;
    int64_t v4_bits = call->constants[0]->integer, v6_bits = call->constants[1]->integer;
    if (v4_bits < 0 || v4_bits > IP_NETWORK_V4_BITS_MAX || v6_bits < 0 ||
        v6_bits > IP_NETWORK_V6_BITS_MAX)
        return false;
    *ret_network = (struct expression_network){
        .slot = call->slot, .v4_bits = (unsigned)v4_bits, .v6_bits = (unsigned)v6_bits};
    return true;
}

/* Equal instructions, except that patterns, lists and functions are compared by address. Zones of
 * two policies are the same when their rules are. */
static bool is_same_instruction(const struct instruction *a, const struct instruction *b) {
    if (a->operation != b->operation || a->type != b->type || a->count != b->count ||
        a->target != b->target)
        return false;
    switch ((enum operation)a->operation) {
    case OPERATION_CONSTANT:
        return value_equal(*a->constant, *b->constant);
    case OPERATION_IN_CONSTANTS:
        for (size_t i = 0; i < a->count; i++)
            if (!value_equal(a->constant[i], b->constant[i]))
                return false;
        return true;
    case OPERATION_LOCAL_TIME:
        return a->zone->hash == b->zone->hash;
    case OPERATION_LOCAL_TIME_OF:
        return a->zones->hash == b->zones->hash;
    case OPERATION_PREFILTER: /* at what follows */
        return true;
    default:
        return a->slot == b->slot; /* or the same function, list … */
    }
}

bool expression_is_same(const struct expression *a, const struct expression *b) {
    if (a->type != b->type || a->length != b->length)
        return false;
    for (uint32_t i = 0; i < a->length; i++)
        if (!is_same_instruction(&a->code[i], &b->code[i]))
            return false;
    return true;
}
