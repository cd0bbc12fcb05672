/* A stack machine like that of evaluator.c whose values are columns of up to 64 rows. Numbers are
 * calculated with the same operations in the same order, so the results are the same bits. There
 * are no branches: both sides of && and || are calculated. A row in which a side fails that would
 * not have been evaluated is merely marked doubtful and evaluated once more. */
#include "vector_condition.h"

#include "core/base/check.h"
#include "core/policy/eval/program.h"

#include <stdlib.h>

#define DEPTH_MAX 16 /* columns that wait for each other */

struct row_step {
    enum operation operation;
    enum value_type type; /* of its operands, or of what it pushes; BOOL, INT or DOUBLE */
    size_t place;
    struct value constant;
};

struct vector_condition {
    size_t count;
    struct row_step steps[];
};

/* ---- building ---- */

/* What is known of the stack. */
struct building {
    enum value_type types[DEPTH_MAX];
    size_t depth;
};

static bool is_calculated(enum value_type type) {
    return type == VALUE_BOOL || type == VALUE_INT || type == VALUE_DOUBLE;
}

static bool push(struct building *building, enum value_type type) {
    if (building->depth == DEPTH_MAX || !is_calculated(type))
        return false;
    building->types[building->depth++] = type;
    return true;
}

/* Replaces two operands of one type, *ret_type, by one of the result's type. False: they differ. */
static bool join(struct building *building, enum value_type *ret_type, enum value_type result) {
    if (building->depth < 2)
        return false;
    *ret_type = building->types[--building->depth];
    if (building->types[building->depth - 1] != *ret_type)
        return false;
    building->types[building->depth - 1] = result;
    return true;
}

static bool find_place(const struct row_places *places, uint64_t slot, size_t *ret_place) {
    if (slot < places->first || slot - places->first >= places->count)
        return false;
    *ret_place = places->places[slot - places->first];
    return *ret_place != SIZE_MAX;
}

/* false: an instruction, type or name that columns do not support. */
static bool build_step(struct building *building, const struct instruction *at,
                       const struct row_places *places, struct row_step *step) {
    step->operation = (enum operation)at->operation;
    switch (step->operation) {
    case OPERATION_CONSTANT:
        step->constant = *at->constant;
        step->type = at->constant->type;
        return push(building, step->type);
    case OPERATION_SLOT:
        step->type = (enum value_type)at->type;
        return find_place(places, at->slot, &step->place) && push(building, step->type);
    case OPERATION_HAS:
        return find_place(places, at->slot, &step->place) && push(building, VALUE_BOOL);
    case OPERATION_NOT:
        return building->depth > 0 && building->types[building->depth - 1] == VALUE_BOOL;
        COMPARISONS(COMPARISON_CASE)
        return join(building, &step->type, VALUE_BOOL) && step->type != VALUE_BOOL;
    case OPERATION_ADD_INTS:
    case OPERATION_SUBTRACT_INTS:
    case OPERATION_MULTIPLY_INTS:
        return join(building, &step->type, VALUE_INT) && step->type == VALUE_INT;
    case OPERATION_ADD:
    case OPERATION_SUBTRACT:
    case OPERATION_MULTIPLY:
    case OPERATION_DIVIDE:
        return join(building, &step->type, VALUE_DOUBLE) && step->type == VALUE_DOUBLE;
    case OPERATION_AND_MERGE:
    case OPERATION_OR_MERGE:
        return join(building, &step->type, VALUE_BOOL) && step->type == VALUE_BOOL;
    default:
        return false;
    }
}

/* A jump that saves one row the second operand. Skipping it changes no result: the operand's own
 * merge follows. */
static bool is_shortcut(const struct instruction *at) {
    return at->operation == OPERATION_AND || at->operation == OPERATION_OR;
}

static bool build(struct vector_condition *condition, const struct expression *expression,
                  const struct row_places *places) {
    struct building building = {.depth = 0};
    const struct instruction *at = expression->code;
    for (; at->operation != OPERATION_END; at++)
        if (!is_shortcut(at) &&
            !build_step(&building, at, places, &condition->steps[condition->count++]))
            return false;
    return building.depth == 1 && building.types[0] == VALUE_BOOL;
}

struct vector_condition *vector_condition_new(const struct expression *expression,
                                              const struct row_places *places) {
    struct vector_condition *condition =
        check_calloc(1, sizeof *condition + expression->length * sizeof *condition->steps);
    if (build(condition, expression, places))
        return condition;
    free(condition);
    return NULL;
}

void vector_condition_free(struct vector_condition *condition) {
    free(condition);
}

/* ---- calculating ---- */

/* One value of each row; of bools a bit each. */
union row_column {
    int64_t integers[VECTOR_CONDITION_MOST];
    double numbers[VECTOR_CONDITION_MOST];
    uint64_t bits;
};

struct rows {
    const struct value *values;
    size_t stride, count;
    uint64_t doubtful; /* rows that are for expression_eval() */
};

/* A row whose value has another type, absent or an error, is doubtful; its column entry is then
 * arbitrary. */
static void take_slot(struct rows *rows, const struct row_step *step, union row_column *column) {
    const struct value *v = rows->values + step->place;
    const enum value_type type = step->type;
    uint64_t doubtful = 0, bits = 0;
    for (size_t i = 0; i < rows->count; i++, v += rows->stride) {
        doubtful |= (uint64_t)(v->type != type) << i;
        if (type == VALUE_BOOL)
            bits |= (uint64_t)(v->type == type && v->boolean) << i;
        else
            column->integers[i] = v->integer; /* or the bits of a number */
    }
    rows->doubtful |= doubtful;
    if (type == VALUE_BOOL)
        column->bits = bits;
}

static void take_presence(struct rows *rows, const struct row_step *step,
                          union row_column *column) {
    const struct value *v = rows->values + step->place;
    uint64_t bits = 0;
    for (size_t i = 0; i < rows->count; i++, v += rows->stride) {
        bits |= (uint64_t)(v->type == VALUE_ABSENT || v->type == VALUE_ERROR) << i;
    }
    rows->doubtful |= bits; /* a default may replace it, so the row is evaluated */
    column->bits = UINT64_MAX;
}

static void take_constant(const struct rows *rows, const struct row_step *step,
                          union row_column *column) {
    if (step->type == VALUE_BOOL)
        column->bits = step->constant.boolean ? UINT64_MAX : 0;
    else
        for (size_t i = 0; i < rows->count; i++)
            column->integers[i] = step->constant.integer;
}

/* Into the first one; so do those below. */
static void calculate_ints(struct rows *rows, enum operation operation, union row_column *a,
                           const union row_column *b) {
    uint64_t doubtful = 0;
    for (size_t i = 0; i < rows->count; i++) {
        int64_t left = a->integers[i], right = b->integers[i];
        bool overflows;
        if (operation == OPERATION_ADD_INTS)
            overflows = __builtin_add_overflow(left, right, &a->integers[i]);
        else if (operation == OPERATION_SUBTRACT_INTS)
            overflows = __builtin_sub_overflow(left, right, &a->integers[i]);
        else
            overflows = __builtin_mul_overflow(left, right, &a->integers[i]);
        doubtful |= (uint64_t)overflows << i;
    }
    rows->doubtful |= doubtful;
}

__attribute__((no_sanitize("float-divide-by-zero"))) static void
calculate_numbers(const struct rows *rows, enum operation operation, union row_column *a,
                  const union row_column *b) {
    double *numbers = a->numbers;
    const double *others = b->numbers;
    const size_t count = rows->count;
    if (operation == OPERATION_ADD)
        for (size_t i = 0; i < count; i++)
            numbers[i] += others[i];
    else if (operation == OPERATION_SUBTRACT)
        for (size_t i = 0; i < count; i++)
            numbers[i] -= others[i];
    else if (operation == OPERATION_MULTIPLY)
        for (size_t i = 0; i < count; i++)
            numbers[i] *= others[i];
    else
        for (size_t i = 0; i < count; i++)
            numbers[i] /= others[i];
}

/* The bits of `a relation b`, of each row's numbers. */
#define COMPARED(name, relation)                                                                   \
    case OPERATION_##name:                                                                         \
        for (size_t i = 0; i < count; i++)                                                         \
            bits |= (uint64_t)(a[i] relation b[i]) << i;                                           \
        return bits;
#define COMPARING(function, type)                                                                  \
    static uint64_t function(const type *a, const type *b, size_t count,                           \
                             enum operation operation) {                                           \
        uint64_t bits = 0;                                                                         \
        switch (operation) {                                                                       \
            COMPARISONS(COMPARED)                                                                  \
        default:                                                                                   \
            return bits;                                                                           \
        }                                                                                          \
    }
COMPARING(compare_ints, int64_t)
COMPARING(compare_numbers, double)

static void compare_rows(const struct rows *rows, const struct row_step *step, union row_column *a,
                         const union row_column *b) {
    if (step->type == VALUE_INT)
        a->bits = compare_ints(a->integers, b->integers, rows->count, step->operation);
    else
        a->bits = compare_numbers(a->numbers, b->numbers, rows->count, step->operation);
}

/* top: the first free column. Returns the next one. */
static union row_column *do_step(struct rows *rows, const struct row_step *step,
                                 union row_column *top) {
    switch (step->operation) {
    case OPERATION_CONSTANT:
        take_constant(rows, step, top);
        return top + 1;
    case OPERATION_SLOT:
        take_slot(rows, step, top);
        return top + 1;
    case OPERATION_HAS:
        take_presence(rows, step, top);
        return top + 1;
    case OPERATION_NOT:
        top[-1].bits = ~top[-1].bits;
        return top;
    case OPERATION_ADD_INTS:
    case OPERATION_SUBTRACT_INTS:
    case OPERATION_MULTIPLY_INTS:
        calculate_ints(rows, step->operation, &top[-2], &top[-1]);
        break;
    case OPERATION_ADD:
    case OPERATION_SUBTRACT:
    case OPERATION_MULTIPLY:
    case OPERATION_DIVIDE:
        calculate_numbers(rows, step->operation, &top[-2], &top[-1]);
        break;
    case OPERATION_AND_MERGE:
        top[-2].bits &= top[-1].bits;
        break;
    case OPERATION_OR_MERGE:
        top[-2].bits |= top[-1].bits;
        break;
    default:
        compare_rows(rows, step, &top[-2], &top[-1]);
    }
    return top - 1;
}

uint64_t vector_condition_open(const struct vector_condition *condition, const struct value *values,
                               size_t stride, size_t rows) {
    union row_column columns[DEPTH_MAX], *top = columns;
    struct rows all = {.values = values, .stride = stride, .count = rows};
    check(rows <= VECTOR_CONDITION_MOST);
    for (size_t i = 0; i < condition->count; i++)
        top = do_step(&all, &condition->steps[i], top);
    uint64_t of_rows = rows < VECTOR_CONDITION_MOST ? (UINT64_C(1) << rows) - 1 : UINT64_MAX;
    return (columns[0].bits | all.doubtful) & of_rows;
}
