/* Distributions: buckets that are narrow enough, the same bytes in any order, and no others. */
#include "core/feature/sketch/distribution.h"
#include "tests/unit/feature/scene.h"

#include "tests/unit/unit.h"

#include <math.h>

/* Ascending, and none of them 0. */
static void assert_sound(const struct distribution *distribution) {
    for (uint32_t i = 0; i < distribution->count; i++) {
        const struct bucket *bucket = &distribution->buckets[i];
        assert_true(bucket->count != 0 && bucket->number < DISTRIBUTION_BUCKETS);
        assert_true(i == 0 || bucket->number > bucket[-1].number);
    }
}

/* Its bytes; what they decode to, into an empty distribution, is the same one. */
static void decode_again(const struct distribution *distribution, struct buffer *bytes,
                         struct distribution *ret_distribution) {
    buffer_clear(bytes);
    distribution_encode(distribution, bytes);
    struct cursor cursor = cursor_of(bytes->bytes, bytes->length);
    distribution_decode(&cursor, ret_distribution);
    assert_false(cursor.failed);
    assert_int_equal(cursor_left(&cursor), 0);
    assert_sound(distribution);
    assert_int_equal(ret_distribution->count, distribution->count);
    for (uint32_t i = 0; i < distribution->count; i++) {
        assert_int_equal(ret_distribution->buckets[i].number, distribution->buckets[i].number);
        assert_int_equal(ret_distribution->buckets[i].count, distribution->buckets[i].count);
    }
}

static void encode(const struct distribution *distribution, struct buffer *bytes) {
    struct distribution decoded = {0};
    decode_again(distribution, bytes, &decoded);
    distribution_deinit(&decoded);
}

static bool is_dense(const struct buffer *bytes) {
    struct cursor cursor = cursor_of(bytes->bytes, bytes->length);
    cursor_varint(&cursor);
    return cursor_u8(&cursor) == 1;
}

static void assert_bucket(int64_t value) {
    unsigned bucket = distribution_bucket(value);
    assert_true(bucket < DISTRIBUTION_BUCKETS);
    int64_t middle = distribution_value(bucket);
    assert_int_equal(distribution_bucket(middle), bucket);
    long double error = fabsl((long double)middle - (long double)value);
    if (error * 128 >= fabsl((long double)value) && error > 0)
        fail_msg("%lld counts as %lld", (long long)value, (long long)middle);
    assert_true((value < 0) == (middle < 0));
    /* Not into the bucket of anything smaller, which would turn the order around. */
    if (value > INT64_MIN) {
        unsigned below = distribution_bucket(value - 1);
        assert_true(below == bucket || below + 1 == bucket);
    }
}

static int64_t random_value(struct chance *chance) {
    return (int64_t)chance_next(chance) >> chance_below(chance, 57);
}

static void a_bucket_is_near_all_its_values(void **unused) {
    (void)unused;
    for (int64_t value = -300000; value <= 300000; value++)
        assert_bucket(value);
    for (int64_t value = -127; value <= 127; value++)
        assert_int_equal(distribution_value(distribution_bucket(value)), value);
    for (unsigned bucket = 0; bucket < DISTRIBUTION_BUCKETS; bucket++)
        assert_int_equal(distribution_bucket(distribution_value(bucket)), bucket);
    for (int bit = 7; bit < 63; bit++)
        for (int64_t beside = -2; beside <= 2; beside++) {
            assert_bucket((INT64_C(1) << bit) + beside);
            assert_bucket(-(INT64_C(1) << bit) + beside);
        }
    assert_bucket(INT64_MAX);
    assert_bucket(INT64_MIN + 1);
    assert_int_equal(distribution_value(distribution_bucket(INT64_MIN)), INT64_MIN);
    struct chance chance = {.state = chance_seed()};
    for (int64_t left = chance_steps(200000); left > 0; left--)
        assert_bucket(random_value(&chance));
}

/* Weights may be negative for a while; what is 0 in the end leaves no trace. */
static void sums_are_the_same_in_any_order(void **unused) {
    (void)unused;
    struct chance chance = {.state = chance_seed()};
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    size_t dense = 0, rounds = 0;
    for (int64_t left = chance_steps(500); left > 0; left--) {
        struct distribution all = {0}, joined = {0}, parts[3] = {0}, decoded = {0};
        int64_t limit = 1 + chance_below(&chance, 400);
        bool any_size = chance_below(&chance, 2);
        for (int64_t i = chance_below(&chance, 600); i > 0; i--) {
            unsigned bucket = distribution_bucket(any_size ? random_value(&chance)
                                                           : chance_below(&chance, limit) - 50);
            int64_t weight = chance_below(&chance, 4) - 1;
            distribution_add(&all, bucket, weight);
            distribution_add(&parts[chance_below(&chance, 3)], bucket, weight + 5);
            distribution_add(&parts[chance_below(&chance, 3)], bucket, -5);
        }
        int64_t first = chance_below(&chance, 3);
        for (int64_t i = 0; i < 3; i++) {
            decode_again(&parts[(first + i) % 3], &b, &decoded);
            distribution_add_all(&joined, i == 1 ? &decoded : &parts[(first + i) % 3]);
            distribution_deinit(&decoded);
            decoded = (struct distribution){0};
        }
        encode(&all, &a);
        encode(&joined, &b);
        dense += is_dense(&a);
        rounds++;
        assert_int_equal(a.length, b.length);
        assert_memory_equal(a.bytes, b.bytes, a.length);
        distribution_deinit(&all);
        distribution_deinit(&joined);
        for (int i = 0; i < 3; i++)
            distribution_deinit(&parts[i]);
    }
    assert_true(dense > 0 && dense < rounds);
    buffer_deinit(&a);
    buffer_deinit(&b);
}

static void the_shorter_form_is_taken(void **unused) {
    (void)unused;
    struct distribution distribution = {0};
    struct buffer bytes;
    buffer_init(&bytes);
    static const uint8_t none[] = {2, 0, 0}; /* sparse, no bucket */
    encode(&distribution, &bytes);
    assert_int_equal(bytes.length, sizeof none);
    assert_memory_equal(bytes.bytes, none, sizeof none);
    distribution_add(&distribution, distribution_bucket(100), 3);
    static const uint8_t one[] = {5, 0, 1, 0xe4, 0x1d, 6}; /* bucket 3712 + 100 = 29 · 128 + 100 */
    encode(&distribution, &bytes);
    assert_int_equal(bytes.length, sizeof one);
    assert_memory_equal(bytes.bytes, one, sizeof one);
    for (int64_t value = 101; value < 110; value++)
        distribution_add(&distribution, distribution_bucket(value), value == 105 ? 0 : 1);
    static const uint8_t ten[] = {14, 1, 0xe4, 0x1d, 10, 6, 2, 2, 2, 2, 0, 2, 2, 2, 2};
    encode(&distribution, &bytes);
    assert_int_equal(bytes.length, sizeof ten);
    assert_memory_equal(bytes.bytes, ten, sizeof ten);
    buffer_deinit(&bytes);
    distribution_deinit(&distribution);
}

static const struct {
    const char *what;
    uint8_t bytes[12];
    size_t length;
    bool is_taken; /* it can be decoded, but not to what is written in this way */
} unsound[] = {
    {"nothing", {0}, 0},
    {"an unknown form", {2, 0}, 2},
    {"a missing count", {0, 1, 5}, 3},
    {"a count of 0", {0, 1, 5, 0}, 4},
    {"something behind", {0, 1, 5, 2, 9}, 5},
    {"a long number", {0, 1, 0x85, 0, 2}, 5},
    {"a bucket that there is not", {0, 1, 0x80, 0x3a, 2}, 5},
    {"sparse, where dense is shorter", {0, 4, 5, 2, 0, 2, 0, 2, 0, 2}, 10, true},
    {"dense, where sparse is no longer", {1, 5, 1, 2}, 4, true},
    {"dense and empty", {1, 0, 0}, 3},
    {"dense from a 0", {1, 4, 5, 0, 2, 2, 2, 2}, 8},
    {"dense to a 0", {1, 5, 5, 2, 2, 2, 2, 0}, 8},
    {"dense beyond the last bucket", {1, 0xfe, 0x39, 3, 2, 2, 2}, 7},
};

/* Behind its size. Returns whether all of it could be decoded, and whether the same is written. */
static bool is_taken(const uint8_t *inside, size_t length, bool *ret_same) {
    struct distribution distribution = {0};
    struct buffer bytes, again;
    buffer_init(&bytes);
    buffer_init(&again);
    buffer_append_varint(&bytes, length);
    buffer_append(&bytes, inside, length);
    struct cursor cursor = cursor_of(bytes.bytes, bytes.length);
    distribution_decode(&cursor, &distribution);
    bool taken = !cursor.failed && cursor_left(&cursor) == 0;
    if (taken)
        distribution_encode(&distribution, &again);
    *ret_same = taken && again.length == bytes.length &&
                memcmp(again.bytes, bytes.bytes, bytes.length) == 0;
    distribution_deinit(&distribution);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
    return taken;
}

static void what_would_not_be_written_is_not_taken(void **unused) {
    (void)unused;
    bool same;
    assert_true(is_taken((const uint8_t *)"\1\5\4\2\2\2\2", 7, &same) && same);
    for (size_t i = 0; i < sizeof unsound / sizeof *unsound; i++) {
        bool taken = is_taken(unsound[i].bytes, unsound[i].length, &same);
        if (taken != unsound[i].is_taken || same)
            fail_msg("%s is taken as sound", unsound[i].what);
    }
    struct distribution distribution = {0};
    struct cursor cursor = cursor_of("\3\0", 2); /* longer than all there is */
    distribution_decode(&cursor, &distribution);
    assert_true(cursor.failed);
    distribution_deinit(&distribution);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_near_all_its_values),
        cmocka_unit_test(sums_are_the_same_in_any_order),
        cmocka_unit_test(the_shorter_form_is_taken),
        cmocka_unit_test(what_would_not_be_written_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
