/* The reduction of failing cases, on cases of which the least is known. */
#include "tests/unit/feature/shrink.h"

#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

/* Fails with these in this order, whatever is between them. */
static const int needed[] = {3, 1, 4};

static bool has_needed(const void *items, size_t count, void *subject) {
    const int *numbers = items;
    size_t found = 0, *asked = subject;
    for (size_t i = 0; i < count && found < 3; i++)
        found += numbers[i] == needed[found];
    ++*asked;
    return found == 3;
}

static void what_is_left_is_the_least(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    for (int64_t left = chance_steps(1000); left > 0; left--) {
        int numbers[200];
        size_t count = (size_t)chance_below(&chance, 200), asked = 0;
        for (size_t i = 0; i < count; i++)
            numbers[i] = (int)chance_below(&chance, 10);
        if (!has_needed(numbers, count, &asked))
            continue;
        assert_int_equal(shrink_list(numbers, count, sizeof *numbers, has_needed, &asked), 3);
        assert_memory_equal(numbers, needed, sizeof needed);
        assert_true(asked < 500);
    }
}

static bool always(const void *items, size_t count, void *subject) {
    (void)items;
    (void)count;
    (void)subject;
    return true;
}

static void what_fails_with_nothing_shrinks_to_nothing(void **unused) {
    (void)unused;
    char items[5] = {0};
    assert_int_equal(shrink_list(items, 5, 1, always, NULL), 0);
    assert_int_equal(shrink_list(items, 0, 1, always, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_is_the_least),
        cmocka_unit_test(what_fails_with_nothing_shrinks_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
