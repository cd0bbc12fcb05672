/* Sets of thresholds as bytes: they survive encoding and decoding, and other bytes are refused. */
#include "core/wire/bytes/threshold_set.h"
#include "core/wire/record/record.h"
#include "tests/unit/unit.h"

#include <math.h>

static struct text keys[] = {{"4111", 4}, {"5411", 4}, {"7995", 4}};
static double values[] = {-1.5, 0.1, 1e300};
static struct threshold_values thresholds[] = {
    {.name = {"by_mcc", 6},
     .definition = UINT64_C(0xfedcba9876543210),
     .has_overall = true,
     .overall = 1.0 / 3.0,
     .samples = UINT64_C(1) << 40,
     .key_count = 1,
     .keys = keys,
     .values = values,
     .group_count = 3},
    {.name = {"small", 5}, .definition = 1},
};
static struct threshold_cutoff cutoffs[] = {
    {.verdict = VERDICT_REVIEW, .definition = 7, .score = 1},
    {.verdict = VERDICT_DECLINE, .definition = 8, .score = DECISION_SCORE_MAX},
};
static const struct threshold_set set = {
    .thresholds = thresholds, .threshold_count = 2, .cutoffs = cutoffs, .cutoff_count = 2};

static void assert_same(const struct threshold_set *found) {
    assert_int_equal(found->threshold_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct threshold_values *a = &found->thresholds[i], *b = &thresholds[i];
        assert_true(text_equal(a->name, b->name));
        assert_int_equal(a->definition, b->definition);
        assert_int_equal(a->has_overall, b->has_overall);
        assert_true(a->overall == b->overall);
        assert_int_equal(a->samples, b->samples);
        assert_int_equal(a->key_count, b->key_count);
        assert_int_equal(a->group_count, b->group_count);
        for (size_t j = 0; j < b->group_count; j++) {
            assert_true(text_equal(a->keys[j], b->keys[j]));
            assert_true(a->values[j] == b->values[j]);
        }
    }
    assert_int_equal(found->cutoff_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(found->cutoffs[i].verdict, cutoffs[i].verdict);
        assert_int_equal(found->cutoffs[i].definition, cutoffs[i].definition);
        assert_int_equal(found->cutoffs[i].score, cutoffs[i].score);
    }
}

static int decode(const struct threshold_set *in, size_t limit, struct arena *arena,
                  struct threshold_set *ret_set, struct error *ret_error) {
    struct buffer buffer;
    buffer_init(&buffer);
    threshold_set_encode(in, &buffer);
    arena_init(arena, limit);
    int r = threshold_set_decode(buffer.bytes, buffer.length, arena, ret_set, ret_error);
    buffer_deinit(&buffer);
    return r;
}

static void comes_out_as_it_went_in(void **state) {
    (void)state;
    struct arena arena;
    struct threshold_set found;
    struct error error;
    assert_int_equal(decode(&set, 1 << 20, &arena, &found, &error), 0);
    assert_same(&found);
    arena_deinit(&arena);
}

static void a_generation_record_carries_it(void **state) {
    (void)state;
    struct record record = {.type = RECORD_GENERATION, .receive_time_us = 5}, found;
    record.generation.generation_id = 9;
    record.generation.thresholds = set;
    struct buffer buffer;
    struct arena arena;
    struct error error;
    buffer_init(&buffer);
    arena_init(&arena, 1 << 20);
    record_encode(&record, &buffer);
    assert_int_equal(
        record_decode(RECORD_GENERATION, buffer.bytes, buffer.length, &arena, &found, &error), 0);
    assert_same(&found.generation.thresholds);
    /* None: the bytes of before there were any. */
    size_t length = buffer.length;
    record.generation.thresholds = (struct threshold_set){0};
    buffer_clear(&buffer);
    record_encode(&record, &buffer);
    assert_true(buffer.length < length - 100);
    assert_int_equal(
        record_decode(RECORD_GENERATION, buffer.bytes, buffer.length, &arena, &found, &error), 0);
    assert_true(threshold_set_is_empty(&found.generation.thresholds));
    arena_deinit(&arena);
    buffer_deinit(&buffer);
}

static void refuse(const char *words) {
    struct arena arena;
    struct threshold_set found;
    struct error error = {0};
    assert_int_equal(decode(&set, 1 << 20, &arena, &found, &error), -ERROR_DAMAGED);
    if (!strstr(error.text, words))
        fail_msg("%s", error.text);
    arena_deinit(&arena);
}

static void what_does_not_fit_together_is_refused(void **state) {
    (void)state;
    keys[1] = keys[0];
    refuse("out of order");
    keys[1] = (struct text){"5411", 4};
    values[2] = NAN;
    refuse("not a number");
    values[2] = 1e300;
    thresholds[0].overall = INFINITY;
    refuse("not a number");
    thresholds[0].overall = 1.0 / 3.0;
    cutoffs[0].verdict = VERDICT_APPROVE;
    refuse("a verdict that has none");
    cutoffs[0].verdict = VERDICT_REVIEW;
    cutoffs[1].score = DECISION_SCORE_MAX + 1;
    refuse("not a score");
    cutoffs[1].score = 0;
    refuse("not a score");
    cutoffs[1].score = DECISION_SCORE_MAX;
}

static void bytes_cut_short_are_refused(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer);
    threshold_set_encode(&set, &buffer);
    size_t whole = 0;
    for (size_t length = 0; length < buffer.length; length++) {
        struct arena arena;
        struct threshold_set found;
        struct error error;
        arena_init(&arena, 1 << 20);
        uint8_t *bytes = malloc(length + 1); /* exactly as long: sanitizers see reads behind */
        memcpy(bytes, buffer.bytes, length);
        int r = threshold_set_decode(bytes, length, &arena, &found, &error);
        assert_true(r == 0 || r == -ERROR_DAMAGED);
        whole += r == 0; /* between two members it is a set with fewer of them */
        free(bytes);
        arena_deinit(&arena);
    }
    assert_true(whole >= 1 && whole <= 4);
    buffer_deinit(&buffer);
}

static void memory_is_limited(void **state) {
    (void)state;
    struct arena arena;
    struct threshold_set found;
    struct error error;
    assert_int_equal(decode(&set, 100, &arena, &found, &error), -ERROR_TOO_LARGE);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_as_it_went_in),
        cmocka_unit_test(a_generation_record_carries_it),
        cmocka_unit_test(what_does_not_fit_together_is_refused),
        cmocka_unit_test(bytes_cut_short_are_refused),
        cmocka_unit_test(memory_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
