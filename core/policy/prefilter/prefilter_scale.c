/* Building scales and flags. What is open in a piece is not reasoned out: one value of each piece
 * is put through the tests themselves, so a scale cannot disagree with them. */
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

/* Where the answer of the test changes: at its least value, and after its greatest. */
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

/* Sorts the bounds and drops duplicates. Returns how many are left. */
static size_t sort_unique(union bound *bounds, size_t count, enum test_kind kind) {
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

/* The conditions that stay open with this value, according to the tests themselves. */
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

/* All tests of one number, and the bounds at which their answers change. */
struct number_tests {
    const struct gate **gates;
    size_t count;
    union bound *bounds;
    size_t bound_count;
};

static uint64_t conditions_of(const struct number_tests *all) {
    uint64_t conditions = 0;
    for (size_t i = 0; i < all->count; i++)
        conditions |= all->gates[i]->conditions;
    return conditions;
}

static uint64_t open_within(const struct number_tests *all, size_t piece) {
    return open_with(all->gates, all->count,
                     value_within(all->bounds, all->bound_count, piece, &all->gates[0]->test));
}

/* NaN is outside of every interval, so it needs a word of its own; ints have no such value. */
static uint64_t open_without_number(const struct number_tests *all) {
    return all->gates[0]->test.kind == TEST_NUMBER
               ? open_with(all->gates, all->count, value_double(NAN))
               : UINT64_MAX;
}

static struct cut cut_of(const struct number_tests *all) {
    struct cut cut = {
        .slot = all->gates[0]->test.slot,
        .type = all->gates[0]->test.type,
        .open = {open_within(all, 0), open_within(all, 1)},
        .conditions = conditions_of(all),
        .open_nan = open_without_number(all),
    };
    memcpy(&cut.bound, all->bounds, sizeof cut.bound);
    return cut;
}

static void fill_scale(struct scale *scale, const struct number_tests *all) {
    size_t count = all->bound_count;
    *scale = (struct scale){.conditions = conditions_of(all),
                            .slot = all->gates[0]->test.slot,
                            .type = all->gates[0]->test.type,
                            .count = (uint16_t)count};
    for (size_t piece = 0; piece <= count; piece++)
        scale->words[piece] = open_within(all, piece);
    if (count > 0)
        memcpy(scale->words + count + 1, all->bounds, count * sizeof *all->bounds);
    scale->words[2 * count + 1] = open_without_number(all);
}

/* Moves the tests of one number, that of the first, from `left` to `taken`. Returns how many. */
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

static void find_bounds(struct number_tests *all) {
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++)
        count += put_bounds(&all->gates[i]->test, all->bounds + count);
    all->bound_count = sort_unique(all->bounds, count, (enum test_kind)all->gates[0]->test.kind);
}

/* Groups the tests by number; a single bound makes a cut, more make a scale. Tests with none at
 * all, such as i <= INT64_MAX, make a scale with one piece. */
void scales_build(struct scales *scales, const struct gate *gates, size_t count,
                  struct arena *arena) {
    /* There are at most two bounds for each test. */
    struct cut *cut = arena_calloc(arena, count, sizeof *cut);
    struct scale *scale =
        arena_alloc(arena, count * (sizeof *scale + scale_words(2) * sizeof *scale->words));
    const struct gate **left = check_calloc(count, sizeof *left);
    struct number_tests all = {.gates = check_calloc(count, sizeof *all.gates),
                               .bounds = check_calloc(2 * count, sizeof *all.bounds)};
    check(cut && scale);
    scales->cuts = cut;
    scales->scales = scale;
    for (size_t i = 0; i < count; i++)
        left[i] = &gates[i];
    while (count > 0) {
        all.count = take_same(left, &count, all.gates);
        find_bounds(&all);
        if (all.bound_count == 1) {
            *cut++ = cut_of(&all);
            continue;
        }
        fill_scale(scale, &all);
        scale = (struct scale *)(scale->words + scale_words(all.bound_count));
    }
    scales->cuts_end = cut;
    scales->scales_end = scale;
    free(left);
    free(all.gates);
    free(all.bounds);
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
        flag->open[gates[i].test.inverted] &= ~gates[i].conditions;
    }
    *ret_end = end;
    return flags;
}
