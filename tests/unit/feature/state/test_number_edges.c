/* Numbers at the edges of what the quick ways take: values beyond which sums and squares of a few
 * entries no longer fit in 64 bits (read/values.c; all of an int64 has tests in test_state.c), and
 * times and values around each length of their bytes. Held against the naive model, and against the
 * bytes of the same entries applied in the opposite order, which inserts where the other appends.
 */
#include "core/feature/read/values.h"
#include "tests/unit/feature/naive_model.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <inttypes.h>

#define NOW   (1700000000 * SECOND)
#define HOUR  (3600 * SECOND)
#define DAY   (24 * HOUR)
#define SMALL (INT64_C(1) << 28)
#define FEW   16 /* the most that are looked through one by one: read/scan.h */

static const enum aggregate sums[] = {AGGREGATE_SUM, AGGREGATE_MEAN, AGGREGATE_STDDEV,
                                      AGGREGATE_MIN, AGGREGATE_MAX,  AGGREGATE_COUNT};
#define SUMS (sizeof sums / sizeof *sums)

static struct payment payment_of(int64_t time_us, int column, int64_t value) {
    struct payment payment = {.time_us = time_us,
                              .id_hash = (uint64_t)time_us * UINT64_C(0x9e3779b97f4a7c15),
                              .present = UINT32_C(1) << column};
    payment.integers[column] = value;
    return payment;
}

static void assert_value(struct value got, struct value expected, const char *what, int64_t value,
                         size_t count) {
    char is[64], wanted[64];
    if (value_equal(got, expected))
        return;
    value_format(got, is, sizeof is);
    value_format(expected, wanted, sizeof wanted);
    fail_msg("%s of %zu around %" PRId64 ": %s, expected %s", what, count, value, is, wanted);
}

/* `count` entries, of which every third is `value` and the others are as `other` says, each in a
 * tile of its own, and the current one. */
static void read_few(const struct scene *scene, int64_t value, int64_t other, int64_t current_value,
                     size_t count) {
    struct state_scratch *scratch = state_scratch_new();
    struct naive_model naive = {0};
    struct value got[SUMS];
    struct state state;
    state_init(&state);
    for (size_t i = 0; i < count; i++) {
        struct payment payment = payment_of(NOW - (int64_t)(count - i) * 40 * SECOND, SCENE_ITEMS,
                                            i % 3 == 0 ? value : other);
        struct entry entry = scene_transaction(&payment);
        naive_model_pay(&naive, &payment);
        scene_apply(scene, &state, &entry);
    }
    struct payment current = payment_of(NOW, SCENE_ITEMS, current_value);
    struct entry entry = scene_transaction(&current);
    const struct naive_window window = {.after_us = NOW - HOUR, .until_us = NOW};
    for (int way = 0; way < 2; way++) {
        if (way == 0)
            state_read(ENCODED(&scene->entity, &state), &scene->entity, scene->plan.lateness_us,
                       NOW, &entry, scratch, got);
        else
            state_evaluate(&state, &scene->entity, scene->plan.lateness_us, NOW, &entry, scratch,
                           got);
        for (size_t i = 0; i < SUMS; i++)
            assert_value(got[i],
                         naive_model_value(&naive, &scene->features[i], &window, NOW, &current),
                         aggregate_name(sums[i]), value, count);
    }
    naive_model_deinit(&naive);
    state_deinit(&state);
    state_scratch_free(scratch);
}

static void test_few_numbers(void **state) {
    /* From 2^29 on the squares of all of them do not fit in 64 bits. */
    static const int64_t edges[] = {SMALL, INT64_C(1) << 29, INT64_C(1) << 30, INT64_C(1) << 31,
                                    INT64_C(1) << 45};
    static const size_t counts[] = {1, 2, 3, FEW, FEW + 1, 63};
    static struct scene scene;
    (void)state;
    scene_init(&scene, SECOND);
    for (size_t i = 0; i < SUMS; i++)
        scene_add(&scene, sums[i], sums[i] == AGGREGATE_COUNT ? -1 : SCENE_ITEMS, -1, -1, HOUR, 0);
    scene_finish(&scene);
    for (size_t e = 0; e < sizeof edges / sizeof *edges; e++)
        for (int64_t value = edges[e] - 2; value <= edges[e] + 2; value++)
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                read_few(&scene, value, value, value, counts[c]);
                read_few(&scene, -value, -value, -value, counts[c]);
                read_few(&scene, value, -value, value, counts[c]);
                read_few(&scene, value, 3, value, counts[c]);
                read_few(&scene, -value, 3, -value, counts[c]);
                read_few(&scene, value, value, 3, counts[c]);
                read_few(&scene, 3, 3, value, counts[c]);
                read_few(&scene, 3, 3, -value, counts[c]);
            }
}

/* Bytes that have been checked may say that there are as many as can be: one more wraps around, as
 * it does in states. */
static void test_most_entries(void **state) {
    static struct scene scene;
    static struct reading reading;
    struct payment current = payment_of(NOW, SCENE_ITEMS, 3);
    struct entry entry = scene_transaction(&current);
    struct value got[3];
    (void)state;
    scene_init(&scene, SECOND);
    scene_add(&scene, AGGREGATE_STDDEV, SCENE_ITEMS, -1, -1, HOUR, 0);
    scene_add(&scene, AGGREGATE_MEAN, SCENE_ITEMS, -1, -1, HOUR, 0);
    scene_add(&scene, AGGREGATE_COUNT, -1, -1, -1, HOUR, 0);
    scene_finish(&scene);
    reading_begin(&reading, &scene.entity, NOW, &entry);
    for (size_t i = 0; i < scene.entity.aggregation_count; i++)
        reading.aggregated[i].count = INT64_MAX;
    values_put(&reading, got);
    assert_value(got[0], value_absent(), "stddev", 3, 0);
    assert_value(got[1], value_absent(), "mean", 3, 0);
    assert_value(got[2], value_int(INT64_MIN), "count", 3, 0);
}

/* Counts and sums of one column, without ids: the shortest entries there are. */
static void init_plain(struct scene *scene) {
    scene_init(scene, SECOND);
    scene->entity.column_count = SCENE_AMOUNT + 1;
    scene->entity.filter_count = 0;
    scene_add(scene, AGGREGATE_COUNT, -1, -1, -1, 3000 * DAY, 0);
    scene_add(scene, AGGREGATE_SUM, SCENE_AMOUNT, -1, -1, 3000 * DAY, 0);
    scene_add(scene, AGGREGATE_SUM, SCENE_AMOUNT, -1, -1, DAY, 0);
    scene_finish(scene);
    assert_true(plan_omit_ids(&scene->entity));
}

#define ENTRIES_MAX 64

/* The bytes after each entry, and what is read from them. */
static void assert_same_either_way(const struct scene *scene, const struct payment *payments,
                                   size_t count) {
    struct state_scratch *scratch = state_scratch_new();
    struct naive_model naive = {0};
    struct state forth;
    state_init(&forth);
    for (size_t n = 1; n <= count; n++) {
        struct state back;
        struct error error;
        struct entry entry = scene_transaction(&payments[n - 1]);
        state_init(&back);
        scene_apply(scene, &forth, &entry);
        naive_model_pay(&naive, &payments[n - 1]);
        for (size_t i = n; i-- > 0;) {
            entry = scene_transaction(&payments[i]);
            scene_apply(scene, &back, &entry);
        }
        assert_true(scene_equal(&scene->entity, &forth, &back));
        assert_int_equal(scene_check(&scene->entity, &forth, &error), 0);
        struct value got[3];
        int64_t at_us = payments[n - 1].time_us;
        state_evaluate(&forth, &scene->entity, scene->plan.lateness_us, at_us, NULL, scratch, got);
        for (size_t i = 0; i < 3; i++) {
            const struct feature *feature = &scene->features[i];
            struct naive_window window = {.after_us = at_us - feature->window_us,
                                          .until_us = at_us};
            assert_value(got[i], naive_model_value(&naive, feature, &window, at_us, NULL),
                         aggregate_name(feature->aggregate), payments[n - 1].integers[0], n);
        }
        state_deinit(&back);
    }
    naive_model_deinit(&naive);
    state_deinit(&forth);
    state_scratch_free(scratch);
}

/* A step and a value that have as many bytes as they can with so many bits. */
static void test_appended_numbers(void **state) {
    static struct scene scene;
    (void)state;
    init_plain(&scene);
    for (unsigned step_bits = 0; step_bits <= 43; step_bits += step_bits % 7 == 0 ? 6 : 1)
        for (unsigned value_bits = 0; value_bits < 64; value_bits += value_bits % 7 == 5 ? 1 : 6) {
            struct payment payments[ENTRIES_MAX];
            int64_t time_us = NOW;
            for (size_t i = 0; i < 20; i++) {
                int64_t value = (int64_t)((UINT64_C(1) << value_bits) - i % 2);
                payments[i] = payment_of(time_us, SCENE_AMOUNT, i % 4 < 2 ? value : -(value / 2));
                time_us += (INT64_C(1) << step_bits) - (int64_t)(i % 2);
            }
            assert_same_either_way(&scene, payments, step_bits < 40 ? 20 : 12);
        }
}

/* What is not as most are, in between: no value, no later time. */
static void test_appended_others(void **state) {
    struct chance chance = {.state = chance_seed()};
    static struct scene scene;
    (void)state;
    init_plain(&scene);
    for (int64_t left = chance_steps(400); left > 0; left--) {
        struct payment payments[ENTRIES_MAX];
        int64_t time_us = NOW;
        for (size_t i = 0; i < ENTRIES_MAX; i++) {
            payments[i] =
                payment_of(time_us, SCENE_AMOUNT,
                           (int64_t)(chance_next(&chance) >> (1 + chance_below(&chance, 62))) *
                               (chance_below(&chance, 2) ? 1 : -1));
            payments[i].present = chance_below(&chance, 8) > 0;
            payments[i].id_hash = chance_next(&chance);
            time_us += chance_below(&chance, 6) > 0
                           ? 20 * 60 * SECOND + chance_below(&chance, 100000 * SECOND)
                           : 0;
        }
        assert_same_either_way(&scene, payments, ENTRIES_MAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_numbers),
        cmocka_unit_test(test_most_entries),
        cmocka_unit_test(test_appended_numbers),
        cmocka_unit_test(test_appended_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
