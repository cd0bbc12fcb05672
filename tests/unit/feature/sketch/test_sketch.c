/* Sketches: exact while small, near enough when not, and the same whatever the order. */
#include "core/feature/sketch/sketch.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <math.h>

static struct sketch_view view_of(const struct sketch *sketch, struct buffer *bytes) {
    buffer_clear(bytes);
    sketch_encode(sketch, bytes);
    struct cursor cursor = cursor_of(bytes->bytes, bytes->length);
    struct sketch_view view = sketch_take(&cursor);
    assert_false(cursor.failed);
    assert_int_equal(cursor_left(&cursor), 0);
    assert_true(sketch_view_is_sound(&view));
    return view;
}

static void values_are_kept_up_to_the_limit(void **unused) {
    (void)unused;
    static struct sketch sketch;
    struct buffer bytes;
    buffer_init(&bytes);
    sketch_clear(&sketch);
    for (uint64_t i = 0; i < SKETCH_VALUES_MAX; i++) {
        sketch_add(&sketch, i * 7919 % 64);
        sketch_add(&sketch, i * 7919 % 64);
    }
    struct sketch_view view = view_of(&sketch, &bytes);
    assert_true(view.is_exact);
    assert_int_equal(view.count, SKETCH_VALUES_MAX);
    for (uint64_t i = 0; i < SKETCH_VALUES_MAX; i++)
        assert_true(sketch_view_holds(&view, i));
    assert_false(sketch_view_holds(&view, SKETCH_VALUES_MAX));
    sketch_add(&sketch, SKETCH_VALUES_MAX);
    view = view_of(&sketch, &bytes);
    assert_false(view.is_exact);
    assert_int_equal(bytes.length, 1 + SKETCH_REGISTERS_BYTES);
    buffer_deinit(&bytes);
}

/* The bytes of a union depend on the values alone. */
static void unions_are_the_same_in_any_order(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    static struct sketch all, parts[3], joined;
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    for (int64_t left = chance_steps(300); left > 0; left--) {
        sketch_clear(&all);
        sketch_clear(&joined);
        for (int i = 0; i < 3; i++)
            sketch_clear(&parts[i]);
        int64_t limit = 1 + chance_below(&chance, 400);
        for (int64_t i = chance_below(&chance, 600); i > 0; i--) {
            uint64_t value = (uint64_t)chance_below(&chance, limit);
            sketch_add(&all, value);
            sketch_add(&parts[chance_below(&chance, 3) * chance_below(&chance, 2)], value);
        }
        int64_t first = chance_below(&chance, 3);
        for (int64_t i = 0; i < 3; i++) {
            struct sketch_view view = view_of(&parts[(first + i) % 3], &b);
            sketch_add_view(&joined, &view);
        }
        view_of(&all, &a);
        view_of(&joined, &b);
        assert_int_equal(a.length, b.length);
        assert_memory_equal(a.bytes, b.bytes, a.length);
    }
    buffer_deinit(&a);
    buffer_deinit(&b);
}

/* The errors of many sketches: their root mean square is the standard error, and nothing drags them
 * to one side. */
static void estimates_have_the_stated_error(void **unused) {
    (void)unused;
    const int64_t counts[] = {65, 200, 1000, 2500, 5000, 20000, 100000};
    struct chance chance = {.state = chance_seed()};
    static struct registers registers;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        double squares = 0, sum = 0;
        int64_t runs = chance_steps(100);
        for (int64_t run = 0; run < runs; run++) {
            memset(&registers, 0, sizeof registers);
            uint64_t base = chance_next(&chance);
            for (int64_t j = 0; j < counts[i]; j++)
                registers_add(&registers, base + (uint64_t)j);
            double error = (double)registers_estimate(&registers) / (double)counts[i] - 1;
            squares += error * error;
            sum += error;
        }
        double deviation = sqrt(squares / (double)runs), bias = sum / (double)runs;
        if (deviation > 0.0325 * 1.3 || fabs(bias) > 0.0325 * 4 / sqrt((double)runs))
            fail_msg("%lld values: deviation %.4f, bias %.4f", (long long)counts[i], deviation,
                     bias);
    }
}

/* Decisions are repeated on other machines: to the last digit. */
static void estimates_are_the_same_everywhere(void **unused) {
    (void)unused;
    static struct registers registers;
    memset(&registers, 0, sizeof registers);
    assert_int_equal(registers_estimate(&registers), 0);
    const int64_t expected[] = {1, 98, 9825, 947916};
    size_t at = 0;
    for (uint64_t i = 1; i <= 1000000; i++) {
        registers_add(&registers, i * i);
        if (i == 1 || i == 100 || i == 10000 || i == 1000000)
            assert_int_equal(registers_estimate(&registers), expected[at++]);
    }
    memset(&registers, 63, sizeof registers); /* full, whatever that would take */
    assert_int_equal(registers_estimate(&registers), INT64_C(1) << 62);
}

static void packed_registers_take_values_in_place(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    static struct sketch sketch;
    struct buffer before, after;
    buffer_init(&before);
    buffer_init(&after);
    sketch_clear(&sketch);
    for (uint64_t i = 0; i < 100; i++)
        sketch_add(&sketch, i);
    sketch_encode(&sketch, &before);
    for (int i = 0; i < 3000; i++) {
        uint64_t value = chance_next(&chance);
        sketch_add(&sketch, value);
        buffer_clear(&after);
        sketch_encode(&sketch, &after);
        bool changes = memcmp(before.bytes, after.bytes, after.length) != 0;
        assert_int_equal(sketch_add_in_place(before.bytes + 1, value), changes);
        assert_memory_equal(before.bytes, after.bytes, after.length);
    }
    buffer_deinit(&before);
    buffer_deinit(&after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_kept_up_to_the_limit),
        cmocka_unit_test(unions_are_the_same_in_any_order),
        cmocka_unit_test(estimates_have_the_stated_error),
        cmocka_unit_test(estimates_are_the_same_everywhere),
        cmocka_unit_test(packed_registers_take_values_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
