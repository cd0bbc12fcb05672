/* Sketches: exact while small, near enough when not, and the same whatever the order. */
#include "core/feature/sketch/sketch.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <math.h>

/* Its bytes; what they decode to, into an empty sketch, has the same ones. */
static void decode_again(const struct sketch *sketch, struct buffer *bytes,
                         struct sketch *ret_sketch) {
    struct buffer again;
    buffer_init(&again);
    buffer_clear(bytes);
    sketch_encode(sketch, bytes);
    struct cursor cursor = cursor_of(bytes->bytes, bytes->length);
    sketch_decode(&cursor, ret_sketch);
    assert_false(cursor.failed);
    assert_int_equal(cursor_left(&cursor), 0);
    assert_int_equal(ret_sketch->is_estimated, sketch->is_estimated);
    assert_int_equal(ret_sketch->count, sketch->count);
    assert_int_equal(sketch_bytes(ret_sketch), sketch_bytes(sketch));
    sketch_encode(ret_sketch, &again);
    assert_int_equal(again.length, bytes->length);
    assert_memory_equal(again.bytes, bytes->bytes, bytes->length);
    buffer_deinit(&again);
}

static void values_are_kept_up_to_the_limit(void **unused) {
    (void)unused;
    struct sketch sketch = {0}, decoded = {0};
    struct buffer bytes;
    buffer_init(&bytes);
    for (uint64_t i = 0; i < SKETCH_VALUES_MAX; i++) {
        sketch_add(&sketch, i * 7919 % 64);
        sketch_add(&sketch, i * 7919 % 64);
    }
    decode_again(&sketch, &bytes, &decoded);
    assert_false(decoded.is_estimated);
    assert_int_equal(decoded.count, SKETCH_VALUES_MAX);
    for (uint64_t i = 0; i < SKETCH_VALUES_MAX; i++)
        assert_true(sketch.values[i] == i && decoded.values[i] == i);
    sketch_add(&sketch, SKETCH_VALUES_MAX);
    sketch_deinit(&decoded);
    decode_again(&sketch, &bytes, &decoded);
    assert_true(decoded.is_estimated);
    assert_int_equal(bytes.length, 1 + SKETCH_REGISTERS_BYTES);
    sketch_deinit(&sketch);
    sketch_deinit(&decoded);
    buffer_deinit(&bytes);
}

/* The bytes of a union depend on the values alone. */
static void unions_are_the_same_in_any_order(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    for (int64_t left = chance_steps(300); left > 0; left--) {
        struct sketch all = {0}, parts[3] = {0}, joined = {0}, decoded = {0};
        int64_t limit = 1 + chance_below(&chance, 400);
        for (int64_t i = chance_below(&chance, 600); i > 0; i--) {
            uint64_t value = (uint64_t)chance_below(&chance, limit);
            sketch_add(&all, value);
            sketch_add(&parts[chance_below(&chance, 3) * chance_below(&chance, 2)], value);
        }
        int64_t first = chance_below(&chance, 3);
        for (int64_t i = 0; i < 3; i++) {
            decode_again(&parts[(first + i) % 3], &b, &decoded);
            sketch_add_all(&joined, i == 1 ? &decoded : &parts[(first + i) % 3]);
            sketch_deinit(&decoded);
        }
        buffer_clear(&a);
        buffer_clear(&b);
        sketch_encode(&all, &a);
        sketch_encode(&joined, &b);
        assert_int_equal(a.length, b.length);
        assert_memory_equal(a.bytes, b.bytes, a.length);
        sketch_deinit(&all);
        sketch_deinit(&joined);
        for (int i = 0; i < 3; i++)
            sketch_deinit(&parts[i]);
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

/* Packed or one byte each: the same registers, and the same answer to whether a value changes
 * them. */
static void packed_registers_are_the_registers(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    struct sketch sketch = {0};
    static struct registers registers, unpacked;
    struct buffer before, after;
    buffer_init(&before);
    buffer_init(&after);
    memset(&registers, 0, sizeof registers);
    for (uint64_t i = 0; i < 100; i++) {
        sketch_add(&sketch, i);
        registers_add(&registers, i);
    }
    sketch_encode(&sketch, &before);
    size_t changed = 0;
    for (int i = 0; i < 3000; i++) {
        uint64_t value = chance_next(&chance);
        bool expected = registers_would_change(&registers, value);
        sketch_add(&sketch, value);
        registers_add(&registers, value);
        buffer_clear(&after);
        sketch_encode(&sketch, &after);
        bool changes = memcmp(before.bytes, after.bytes, after.length) != 0;
        assert_int_equal(changes, expected);
        changed += changes;
        memset(&unpacked, 0, sizeof unpacked);
        registers_add_packed(&unpacked, after.bytes + 1);
        assert_memory_equal(&unpacked, &registers, sizeof registers);
        memcpy(before.bytes, after.bytes, after.length);
    }
    assert_true(changed > 0 && changed < 3000);
    sketch_deinit(&sketch);
    buffer_deinit(&before);
    buffer_deinit(&after);
}

static bool is_taken(const struct buffer *bytes, size_t length) {
    struct sketch sketch = {0};
    struct cursor cursor = cursor_of(bytes->bytes, length);
    sketch_decode(&cursor, &sketch);
    sketch_deinit(&sketch);
    return !cursor.failed;
}

static void what_would_not_be_written_is_not_taken(void **unused) {
    (void)unused;
    struct buffer bytes;
    buffer_init(&bytes);
    assert_false(is_taken(&bytes, 0));
    buffer_append_u8(&bytes, 2);
    buffer_append_u64(&bytes, 5);
    buffer_append_u64(&bytes, 9);
    assert_true(is_taken(&bytes, bytes.length));
    for (size_t length = 0; length < bytes.length; length++)
        assert_false(is_taken(&bytes, length));
    bytes.bytes[9] = 5; /* the same once more */
    assert_false(is_taken(&bytes, bytes.length));
    bytes.bytes[9] = 4;
    assert_false(is_taken(&bytes, bytes.length));
    bytes.bytes[16] = 1; /* the highest byte */
    assert_true(is_taken(&bytes, bytes.length));

    static const uint8_t registers[SKETCH_REGISTERS_BYTES];
    buffer_clear(&bytes);
    buffer_append_u8(&bytes, SKETCH_VALUES_MAX + 1);
    buffer_append(&bytes, registers, sizeof registers);
    assert_true(is_taken(&bytes, bytes.length));
    assert_false(is_taken(&bytes, bytes.length - 1));
    bytes.bytes[SKETCH_REGISTERS_BYTES] = 55 << 2; /* the last register; 55 is the greatest rank */
    assert_true(is_taken(&bytes, bytes.length));
    bytes.bytes[SKETCH_REGISTERS_BYTES] = 56 << 2;
    assert_false(is_taken(&bytes, bytes.length));
    bytes.bytes[SKETCH_REGISTERS_BYTES] = 0;
    bytes.bytes[0] = SKETCH_VALUES_MAX + 2;
    assert_false(is_taken(&bytes, bytes.length));
    buffer_deinit(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_kept_up_to_the_limit),
        cmocka_unit_test(unions_are_the_same_in_any_order),
        cmocka_unit_test(estimates_have_the_stated_error),
        cmocka_unit_test(estimates_are_the_same_everywhere),
        cmocka_unit_test(packed_registers_are_the_registers),
        cmocka_unit_test(what_would_not_be_written_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
