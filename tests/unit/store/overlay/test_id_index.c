/* The index of ids against a plain list: random ones, with the hashes that clients might choose,
 * while it grows leaf by leaf. */
#include "core/base/hash.h"
#include "core/store/overlay/id_index.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define COUNT 60000u

static uint64_t spread(uint64_t number) {
    return hash64(&number, sizeof number, 5);
}
static uint64_t counted(uint64_t number) {
    return number;
}
static uint64_t counted_above(uint64_t number) {
    return number << 44;
}

static uint64_t position_of(uint64_t number, unsigned round) {
    return 1 + (number ^ round) % ((UINT64_C(1) << 56) - 1);
}

static void expect(const struct id_index *index, uint64_t (*id)(uint64_t), uint64_t number,
                   unsigned round, enum label label) {
    struct known_id known;
    assert_true(id_index_find(index, id(number), &known));
    assert_int_equal(known.position, position_of(number, round));
    assert_int_equal(known.label, label);
}

static void test_against_a_list(void **state) {
    uint64_t (*id)(uint64_t) = *state;
    struct id_index index = {0};
    struct known_id known;
    assert_false(id_index_find(&index, id(0), &known));
    for (uint64_t i = 0; i < COUNT; i++) {
        assert_false(id_index_find(&index, id(i), &known));
        size_t capacity = index.hash_leaves.capacity;
        id_index_set(&index, id(i), (struct known_id){.position = position_of(i, 0)});
        assert_int_equal(index.count, i + 1);
        /* A leaf at a time. Where hashes are not spread, one leaf more than once. */
        if (id == spread)
            assert_true(index.hash_leaves.capacity - capacity <=
                        LEAF_BYTES / sizeof(struct id_slot));
        if (index.hash_leaves.capacity != capacity)
            for (uint64_t j = i < 50 ? 0 : i - 50; j <= i; j++)
                expect(&index, id, j, 0, 0);
    }
    for (uint64_t i = 0; i < COUNT; i++)
        expect(&index, id, i, 0, 0);
    for (uint64_t i = 0; i < COUNT; i += 3) /* known again, otherwise */
        id_index_set(&index, id(i),
                     (struct known_id){.position = position_of(i, 1), .label = LABEL_FRAUD});
    assert_int_equal(index.count, COUNT);
    for (uint64_t i = 0; i < COUNT; i++)
        expect(&index, id, i, i % 3 == 0, i % 3 == 0 ? LABEL_FRAUD : 0);
    for (uint64_t i = COUNT; i < COUNT + 1000; i++)
        assert_false(id_index_find(&index, id(i), &known));
    struct id_slot *sorted = id_index_sorted(&index);
    for (size_t i = 1; i < COUNT; i++)
        assert_true(sorted[i - 1].id_hash < sorted[i].id_hash);
    free(sorted);
    id_index_deinit(&index);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        {"spread ids", test_against_a_list, NULL, NULL, (void *)(uintptr_t)spread},
        {"counted ids", test_against_a_list, NULL, NULL, (void *)(uintptr_t)counted},
        {"counted ids, upper bits", test_against_a_list, NULL, NULL,
         (void *)(uintptr_t)counted_above},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
