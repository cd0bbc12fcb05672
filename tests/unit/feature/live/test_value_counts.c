/* Property: value_counts against arrays of counts. Few values and many, in one pool and in several,
 * that come and go in any order; values that are alike in their low or high bits.
 *
 * HARRIER_SEED repeats a run, HARRIER_STEPS makes it longer. */
#include "core/feature/live/value_counts.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#define VALUES_MAX  600
#define POOLS_MAX   3
#define MEMBERS_MAX 5
#define ROUND_STEPS 3000

struct walk {
    struct chance chance;
    struct value_counts counts;
    uint64_t words[VALUE_COUNTS_FEW * (1 + (MEMBERS_MAX + 2) / 2)];
    size_t pools, members, value_count;
    uint64_t values[VALUES_MAX];
    uint32_t naive[POOLS_MAX][MEMBERS_MAX][VALUES_MAX];
    uint64_t lists, tables;
};

/* How many values are there in some member of their pool. */
static size_t naive_count(const struct walk *walk) {
    size_t count = 0;
    for (size_t pool = 0; pool < walk->pools; pool++)
        for (size_t i = 0; i < walk->value_count; i++) {
            bool any = false;
            for (size_t member = 0; member < walk->members; member++)
                any |= walk->naive[pool][member][i] > 0;
            count += any;
        }
    return count;
}

static size_t find_value(const struct walk *walk, uint64_t value) {
    size_t i = 0;
    while (i < walk->value_count && walk->values[i] != value)
        i++;
    assert_true(i < walk->value_count);
    return i;
}

/* Each value of which there is one comes once, and no other. */
static void assert_listed(const struct walk *walk, size_t pool, size_t member) {
    bool seen[VALUES_MAX] = {false};
    uint32_t at = 0;
    uint64_t value;
    while (value_counts_next(&walk->counts, &at, pool, member, &value)) {
        size_t i = find_value(walk, value);
        assert_false(seen[i]);
        seen[i] = true;
    }
    for (size_t i = 0; i < walk->value_count; i++)
        assert_int_equal(seen[i], walk->naive[pool][member][i] > 0);
}

static void assert_all(struct walk *walk) {
    assert_int_equal(walk->counts.count, naive_count(walk));
    for (size_t pool = 0; pool < walk->pools; pool++)
        for (size_t member = 0; member < walk->members; member++) {
            for (size_t i = 0; i < walk->value_count; i++)
                assert_int_equal(value_counts_count(&walk->counts, pool, member, walk->values[i]),
                                 walk->naive[pool][member][i]);
            assert_listed(walk, pool, member);
        }
    bool are_many = value_counts_are_many(&walk->counts);
    assert_int_equal(value_counts_bytes(&walk->counts) > 0, are_many);
    walk->tables += are_many;
    walk->lists += !are_many && walk->counts.count > 0;
}

/* Alike in all bits but a few, which lie anywhere; also 0 and the greatest. */
static void choose_values(struct walk *walk) {
    static const size_t counts[] = {4, 9, 20, 70, VALUES_MAX};
    walk->value_count = counts[chance_below(&walk->chance, 5)];
    int64_t shift = chance_below(&walk->chance, 55);
    uint64_t base = chance_below(&walk->chance, 2) ? chance_next(&walk->chance) : 0;
    for (size_t i = 0; i < walk->value_count; i++)
        walk->values[i] = base ^ (uint64_t)i << shift;
    if (base == 0 && shift < 50)
        walk->values[walk->value_count - 1] = UINT64_MAX;
}

static void begin(struct walk *walk) {
    struct chance *chance = &walk->chance;
    walk->pools = 1 + (size_t)chance_below(chance, POOLS_MAX);
    walk->members = 1 + (size_t)chance_below(chance, MEMBERS_MAX);
    choose_values(walk);
    memset(walk->naive, 0, sizeof walk->naive);
    memset(walk->words, 0xa5, sizeof walk->words); /* the caller need not clear it */
    assert_true(value_counts_words(walk->members) <= sizeof walk->words / sizeof *walk->words);
    value_counts_init(&walk->counts, walk->members, walk->words);
    walk->counts.seed = (uint32_t)chance_next(chance); /* no place may matter */
}

/* leaving: of 8, how many are to go. */
static void change(struct walk *walk, int64_t leaving) {
    struct chance *chance = &walk->chance;
    size_t pool = (size_t)chance_below(chance, (int64_t)walk->pools);
    size_t member = (size_t)chance_below(chance, (int64_t)walk->members);
    size_t i = (size_t)chance_below(chance, (int64_t)walk->value_count);
    uint32_t *naive = &walk->naive[pool][member][i];
    uint64_t value = walk->values[i];
    value_counts_prefetch(&walk->counts, pool, value);
    if (chance_below(chance, 8) >= leaving) {
        assert_int_equal(value_counts_add(&walk->counts, pool, member, value), *naive == 0);
        ++*naive;
    } else if (*naive > 0) {
        --*naive;
        assert_int_equal(value_counts_remove(&walk->counts, pool, member, value), *naive == 0);
    }
    assert_int_equal(value_counts_count(&walk->counts, pool, member, value), *naive);
}

static void remove_all(struct walk *walk) {
    for (size_t pool = 0; pool < walk->pools; pool++)
        for (size_t member = 0; member < walk->members; member++)
            for (size_t i = 0; i < walk->value_count; i++)
                for (; walk->naive[pool][member][i] > 0; walk->naive[pool][member][i]--)
                    value_counts_remove(&walk->counts, pool, member, walk->values[i]);
    assert_int_equal(walk->counts.count, 0);
}

static void counts_are_those_of_arrays(void **unused) {
    (void)unused;
    struct walk *walk = test_calloc(1, sizeof *walk);
    walk->chance.state = chance_seed();
    for (int64_t left = chance_steps(600000) / ROUND_STEPS; left > 0; left--) {
        int64_t leaving = 3;
        begin(walk);
        for (int step = 0; step < ROUND_STEPS; step++) {
            if (step % 100 == 0)
                leaving = 1 + chance_below(&walk->chance, 7);
            change(walk, leaving);
            if (step % (walk->value_count < 100 ? 25 : 500) == 0)
                assert_all(walk);
            if (chance_below(&walk->chance, 1000) == 0) {
                value_counts_clear(&walk->counts);
                memset(walk->naive, 0, sizeof walk->naive);
            }
        }
        assert_all(walk);
        remove_all(walk);
        assert_all(walk);
        value_counts_deinit(&walk->counts);
    }
    assert_true(walk->lists > 0 && walk->tables > 0);
    test_free(walk);
}

/* A plan whose pools have no members: nothing is lent, and nothing is there. */
static void there_may_be_none(void **unused) {
    (void)unused;
    struct value_counts counts;
    uint64_t word, value;
    uint32_t at = 0;
    assert_int_equal(value_counts_words(0), 0);
    value_counts_init(&counts, 0, &word);
    assert_false(value_counts_next(&counts, &at, 0, 0, &value));
    assert_int_equal(value_counts_bytes(&counts), 0);
    value_counts_clear(&counts);
    value_counts_deinit(&counts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_arrays),
        cmocka_unit_test(there_may_be_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
