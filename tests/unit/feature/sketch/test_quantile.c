/* Quantiles against sorting: exact among raw values, within the bound among collapsed ones. */
#include "core/feature/plan/plan.h"
#include "core/feature/sketch/quantile.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <math.h>

#define VALUES_MAX 300

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Of rank ⌈q · n⌉, counted out. */
static int64_t nearest_rank(int64_t *values, size_t count, unsigned q_parts) {
    qsort(values, count, sizeof *values, by_number);
    size_t rank = 1;
    while (rank * PLAN_Q_PARTS < count * q_parts)
        rank++;
    return values[rank - 1];
}

static void add_collapsed(struct quantile *quantile, const int64_t *values, size_t count) {
    struct distribution distribution = {0};
    for (size_t i = 0; i < count; i++)
        distribution_add(&distribution, distribution_bucket(values[i]), 1);
    quantile_add_all(quantile, &distribution);
    distribution_deinit(&distribution);
}

static int64_t random_value(struct chance *chance, int64_t limit) {
    if (chance_below(chance, 4) == 0)
        return (int64_t)chance_next(chance) >> chance_below(chance, 57);
    return chance_below(chance, limit) - limit / 4;
}

static void quantiles_are_those_of_sorted_values(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    struct quantile quantile;
    quantile_init(&quantile);
    for (int64_t left = chance_steps(5000); left > 0; left--) {
        int64_t values[VALUES_MAX + 1];
        size_t count = (size_t)chance_below(&chance, VALUES_MAX + 1);
        size_t raw = chance_below(&chance, 2) ? count : (size_t)chance_below(&chance, VALUES_MAX);
        raw = raw > count ? count : raw;
        int64_t limit = 1 + chance_below(&chance, 100000);
        for (size_t i = 0; i < count; i++)
            values[i] = random_value(&chance, limit);
        quantile_clear(&quantile);
        for (size_t i = 0; i < raw; i++)
            quantile_add(&quantile, values[i], 1);
        add_collapsed(&quantile, values + raw, count - raw);
        struct quantile_value current = {.value = random_value(&chance, limit),
                                         .weight = chance_below(&chance, 2)};
        if (current.weight > 0)
            values[count++] = current.value;
        for (int i = 0; i < 4; i++) { /* several of one aggregation */
            unsigned q_parts = (unsigned)(1 + chance_below(&chance, PLAN_Q_PARTS - 1));
            int64_t got = 0;
            bool any = quantile_find(&quantile, q_parts, current, &got);
            assert_int_equal(any, count > 0);
            if (!any)
                continue;
            int64_t exact = nearest_rank(values, count, q_parts);
            long double error = fabsl((long double)got - (long double)exact);
            if (raw + (current.weight > 0) == count ? got != exact
                                                    : error * 128 > fabsl((long double)exact))
                fail_msg("%zu values, %zu of them raw, q %u: %lld, expected %lld", count, raw,
                         q_parts, (long long)got, (long long)exact);
        }
    }
    quantile_deinit(&quantile);
}

static int64_t find(struct quantile *quantile, unsigned q_parts) {
    int64_t value = 0;
    assert_true(quantile_find(quantile, q_parts, (struct quantile_value){0}, &value));
    return value;
}

static void weights_are_how_often_a_value_stands_there(void **unused) {
    (void)unused;
    struct quantile quantile;
    quantile_init(&quantile);
    quantile_clear(&quantile);
    quantile_add(&quantile, 10, 3);
    quantile_add(&quantile, 20, 1);
    quantile_add(&quantile, 5, 0);
    quantile_add(&quantile, -30, -7); /* waits for its transaction */
    assert_int_equal(find(&quantile, 7500), 10);
    assert_int_equal(find(&quantile, 7501), 20);
    quantile_deinit(&quantile);
}

/* Also where some of a bucket have collapsed below zero. */
static void what_is_below_zero_does_not_count(void **unused) {
    (void)unused;
    struct distribution distribution = {0};
    struct quantile quantile;
    quantile_init(&quantile);
    quantile_clear(&quantile);
    distribution_add(&distribution, distribution_bucket(7), -5);
    distribution_add(&distribution, distribution_bucket(9), 2);
    quantile_add_all(&quantile, &distribution);
    quantile_add(&quantile, 7, 1);
    assert_int_equal(find(&quantile, 3333), 7);
    assert_int_equal(find(&quantile, 3334), 9);
    quantile_clear(&quantile);
    assert_false(quantile_find(&quantile, 5000, (struct quantile_value){0}, &(int64_t){0}));
    quantile_deinit(&quantile);
    distribution_deinit(&distribution);
}

/* What only damaged bytes hold must do no harm. */
static void absurd_weights_do_no_harm(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    struct quantile quantile;
    quantile_init(&quantile);
    for (int64_t left = chance_steps(2000); left > 0; left--) {
        quantile_clear(&quantile);
        for (int tile = 0; tile < 3; tile++) {
            struct distribution distribution = {0};
            for (int i = 0; i < 5; i++)
                distribution_add(&distribution, distribution_bucket(chance_below(&chance, 4)),
                                 (int64_t)chance_next(&chance) >> chance_below(&chance, 3));
            quantile_add_all(&quantile, &distribution);
            distribution_deinit(&distribution);
            quantile_add(&quantile, chance_below(&chance, 4), INT32_MAX);
        }
        int64_t value = 0;
        struct quantile_value current = {chance_below(&chance, 4), chance_below(&chance, 2)};
        if (quantile_find(&quantile, 9999, current, &value))
            assert_true(value >= 0 && value < 4);
    }
    quantile_deinit(&quantile);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_sorted_values),
        cmocka_unit_test(weights_are_how_often_a_value_stands_there),
        cmocka_unit_test(what_is_below_zero_does_not_count),
        cmocka_unit_test(absurd_weights_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
