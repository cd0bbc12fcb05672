#include "prefilter_scale.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

union bound {
    int64_t integer;
    double number;
};

static int compare_integers(const void *a, const void *b) {
    int64_t x = ((const union bound *)a)->integer, y = ((const union bound *)b)->integer;
    return (x > y) - (x < y);
}

static int compare_numbers(const void *a, const void *b) {
    double x = ((const union bound *)a)->number, y = ((const union bound *)b)->number;
    return (x > y) - (x < y);
}

/* Where the answer of the test changes: at its least value, and behind its greatest. */
static size_t put_bounds(const struct test *test, union bound *bounds) {
    size_t count = 0;
    if (test->kind == TEST_INTEGER) {
        if (test->integer.low > INT64_MIN)
            bounds[count++].integer = test->integer.low;
        if (test->integer.high < INT64_MAX)
            bounds[count++].integer = test->integer.high + 1;
    } else {
        if (test->number.low > -INFINITY)
            bounds[count++].number = test->number.low;
        if (test->number.high < INFINITY)
            bounds[count++].number = nextafter(test->number.high, INFINITY);
    }
    return count;
}

/* Sorts them and leaves each once. */
static size_t settle(union bound *bounds, size_t count, enum test_kind kind) {
    int (*compare)(const void *, const void *) =
        kind == TEST_INTEGER ? compare_integers : compare_numbers;
    size_t kept = 0;
    qsort(bounds, count, sizeof *bounds, compare);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare(&bounds[kept - 1], &bounds[i]) != 0)
            bounds[kept++] = bounds[i];
    return kept;
}

/* A value of the piece. Without bounds every value is in the only one. */
static struct value value_within(const union bound *bounds, size_t count, size_t piece,
                                 const struct test *test) {
    struct value v = {.type = (enum value_type)test->type};
    if (test->kind == TEST_INTEGER)
        v.integer = count == 0 ? 0 : piece > 0 ? bounds[piece - 1].integer : bounds[0].integer - 1;
    else
        v.number = count == 0  ? 0
                   : piece > 0 ? bounds[piece - 1].number
                               : nextafter(bounds[0].number, -INFINITY);
    return v;
}

/* What is open with this value, as the tests themselves say. */
static uint64_t open_with(const struct gate *const *gates, size_t count, struct value v) {
    uint64_t open = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        struct test test = gates[i]->test;
        struct list_address address = {0};
        test.slot = 0;
        if (look(&test, (enum test_kind)test.kind, &v, true, &address) != PASSES)
            open &= ~gates[i]->conditions;
    }
    return open;
}

/* The tests of one number. */
struct drawn {
    const struct gate **gates;
    size_t count;
    union bound *bounds;
    size_t bound_count;
};

static uint64_t conditions_of(const struct drawn *drawn) {
    uint64_t conditions = 0;
    for (size_t i = 0; i < drawn->count; i++)
        conditions |= drawn->gates[i]->conditions;
    return conditions;
}

static uint64_t open_within(const struct drawn *drawn, size_t piece) {
    return open_with(
        drawn->gates, drawn->count,
        value_within(drawn->bounds, drawn->bound_count, piece, &drawn->gates[0]->test));
}

static uint64_t open_without_number(const struct drawn *drawn) {
    return drawn->gates[0]->test.kind == TEST_NUMBER
               ? open_with(drawn->gates, drawn->count, value_double(NAN))
               : UINT64_MAX;
}

static struct cut cut_of(const struct drawn *drawn) {
    struct cut cut = {
        .slot = drawn->gates[0]->test.slot,
        .type = drawn->gates[0]->test.type,
        .open = {open_within(drawn, 0), open_within(drawn, 1)},
        .conditions = conditions_of(drawn),
        .open_nan = open_without_number(drawn),
    };
    memcpy(&cut.bound, drawn->bounds, sizeof cut.bound);
    return cut;
}

static void fill_scale(struct scale *scale, const struct drawn *drawn) {
    size_t count = drawn->bound_count;
    *scale = (struct scale){.conditions = conditions_of(drawn),
                            .slot = drawn->gates[0]->test.slot,
                            .type = drawn->gates[0]->test.type,
                            .count = (uint16_t)count};
    for (size_t piece = 0; piece <= count; piece++)
        scale->words[piece] = open_within(drawn, piece);
    if (count > 0)
        memcpy(scale->words + count + 1, drawn->bounds, count * sizeof *drawn->bounds);
    scale->words[2 * count + 1] = open_without_number(drawn);
}

/* The tests of the first one's number among those that are left, which go. */
static size_t take_same(const struct gate **left, size_t *left_count, const struct gate **taken) {
    size_t count = 0, stay = 0;
    uint32_t slot = left[0]->test.slot;
    uint8_t type = left[0]->test.type;
    for (size_t i = 0; i < *left_count; i++)
        if (left[i]->test.slot == slot && left[i]->test.type == type)
            taken[count++] = left[i];
        else
            left[stay++] = left[i];
    *left_count = stay;
    return count;
}

static void find_bounds(struct drawn *drawn) {
    size_t count = 0;
    for (size_t i = 0; i < drawn->count; i++)
        count += put_bounds(&drawn->gates[i]->test, drawn->bounds + count);
    drawn->bound_count = settle(drawn->bounds, count, (enum test_kind)drawn->gates[0]->test.kind);
}

void scales_build(struct scales *scales, const struct gate *gates, size_t count,
                  struct arena *arena) {
    /* The most that they come to is two bounds for each test. */
    struct cut *cut = arena_calloc(arena, count, sizeof *cut);
    struct scale *scale =
        arena_alloc(arena, count * (sizeof *scale + scale_words(2) * sizeof *scale->words));
    const struct gate **left = check_calloc(count, sizeof *left);
    struct drawn drawn = {.gates = check_calloc(count, sizeof *drawn.gates),
                          .bounds = check_calloc(2 * count, sizeof *drawn.bounds)};
    check(cut && scale);
    scales->cuts = cut;
    scales->scales = scale;
    for (size_t i = 0; i < count; i++)
        left[i] = &gates[i];
    while (count > 0) {
        drawn.count = take_same(left, &count, drawn.gates);
        find_bounds(&drawn);
        if (drawn.bound_count == 1) {
            *cut++ = cut_of(&drawn);
            continue;
        }
        fill_scale(scale, &drawn);
        scale = (struct scale *)(scale->words + scale_words(drawn.bound_count));
    }
    scales->cuts_end = cut;
    scales->scales_end = scale;
    free(left);
    free(drawn.gates);
    free(drawn.bounds);
}

const struct flag *flags_build(const struct gate *gates, size_t count, struct arena *arena,
                               const struct flag **ret_end) {
    struct flag *flags = arena_calloc(arena, count, sizeof *flags), *end = flags;
    check(flags);
    for (size_t i = 0; i < count; i++) {
        struct flag *flag = flags;
        while (flag < end && flag->slot != gates[i].test.slot)
            flag++;
        if (flag == end)
            *end++ = (struct flag){.slot = gates[i].test.slot, .open = {UINT64_MAX, UINT64_MAX}};
        flag->conditions |= gates[i].conditions;
        flag->open[gates[i].test.turned] &= ~gates[i].conditions;
    }
    *ret_end = end;
    return flags;
}
