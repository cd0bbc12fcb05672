/* The sample of changed decisions: which ones are kept does not depend on who saw them. */
#include "batch/report/report_changes.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "tests/unit/batch/damage.h"
#include "tests/unit/unit.h"

#define CHANGES 400

static struct report_change change_of(unsigned number) {
    char id[16];
    snprintf(id, sizeof id, "t%u", number);
    const struct reason reason = {.rule = text_of("many"), .text = text_of(id)};
    const struct decision decision = {
        .verdict = VERDICT_REVIEW, .score = number, .reasons = &reason, .reason_count = 1};
    struct report_change change = {
        .hash = hash_text(text_of(id)),
        .position = number + 1,
        .id = {.data = text_copy(text_of(id)), .length = strlen(id)},
    };
    report_decision_fill(&change.sides[REPORT_REPLAYED], &decision);
    report_decision_fill(&change.sides[REPORT_AGAINST], &decision);
    return change;
}

/* How many smaller hashes there are. */
static unsigned rank_of(unsigned number) {
    char id[16], other[16];
    unsigned rank = 0;
    snprintf(id, sizeof id, "t%u", number);
    for (unsigned i = 0; i < CHANGES; i++) {
        snprintf(other, sizeof other, "t%u", i);
        rank += hash_text(text_of(other)) < hash_text(text_of(id));
    }
    return rank;
}

static void check_kept(const struct report_changes *changes, size_t most) {
    size_t at = 0;
    for (unsigned number = 0; number < CHANGES; number++) {
        if (rank_of(number) >= most)
            continue;
        assert_true(at < changes->count);
        const struct report_change *change = &changes->of[at++];
        char id[16];
        snprintf(id, sizeof id, "t%u", number);
        assert_int_equal(change->position, number + 1);
        assert_true(text_is(change->id, id));
        assert_int_equal(change->sides[REPORT_REPLAYED].score, number);
        assert_true(text_is(change->sides[REPORT_AGAINST].reasons[0].text, id));
    }
    assert_int_equal(changes->count, at);
}

static void test_sample(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 7, 100, CHANGES - 1, CHANGES, CHANGES + 10};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct report_changes workers[3];
        for (size_t i = 0; i < 3; i++)
            report_changes_init(&workers[i], sizes[s]);
        for (unsigned number = 0; number < CHANGES; number++)
            report_changes_put(&workers[number * number % 3], change_of(number));
        report_changes_merge(&workers[0], &workers[2]);
        report_changes_merge(&workers[0], &workers[1]);
        report_changes_finish(&workers[0]);
        check_kept(&workers[0], sizes[s]);
        for (size_t i = 0; i < 3; i++)
            report_changes_deinit(&workers[i]);
    }
}

static void test_wants(void **state) {
    (void)state;
    struct report_changes none, one;
    report_changes_init(&none, 0);
    report_changes_init(&one, 1);
    assert_false(report_changes_wants(&none, 0, 1));
    struct report_change change = change_of(5);
    uint64_t hash = change.hash;
    report_changes_put(&one, change);
    assert_true(report_changes_wants(&one, hash - 1, 100));
    assert_false(report_changes_wants(&one, hash + 1, 1));
    assert_true(report_changes_wants(&one, hash, 5)); /* the same hash, earlier */
    assert_false(report_changes_wants(&one, hash, 7));
    report_changes_deinit(&one);
    report_changes_deinit(&none);
}

static void test_reasons_are_limited(void **state) {
    (void)state;
    struct reason reasons[REPORT_REASONS_MAX + 5];
    for (size_t i = 0; i < REPORT_REASONS_MAX + 5; i++)
        reasons[i] = (struct reason){.rule = text_of("r"), .suppressed = i % 2};
    const struct decision decision = {.reasons = reasons, .reason_count = REPORT_REASONS_MAX + 5};
    struct report_change change = {0};
    report_decision_fill(&change.sides[0], &decision);
    report_decision_fill(&change.sides[1], &(struct decision){0});
    assert_int_equal(change.sides[0].reason_count, REPORT_REASONS_MAX);
    assert_true(change.sides[0].reasons[1].suppressed && !change.sides[0].reasons[2].suppressed);
    assert_int_equal(change.sides[1].reason_count, 0);
    struct report_changes changes;
    report_changes_init(&changes, 3);
    report_changes_put(&changes, change);
    report_changes_deinit(&changes);
}

/* ---- put away, and taken out again ---- */

static void put_numbers(struct report_changes *changes, unsigned first, unsigned end) {
    for (unsigned number = first; number < end; number++) {
        struct report_change change = change_of(number);
        change.event_time_us = -(int64_t)number;
        change.amount_minor = 100 * (int64_t)number;
        change.label = LABEL_FRAUD;
        if (number % 2)
            memcpy(change.currency, "EUR", 3);
        report_changes_put(changes, change);
    }
}

static void test_gone_on_with(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 100, CHANGES + 10};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct report_changes begun, rest;
        struct buffer bytes;
        buffer_init(&bytes);
        report_changes_init(&begun, sizes[s]);
        report_changes_init(&rest, sizes[s]);
        put_numbers(&begun, 0, CHANGES / 3);
        report_changes_encode(&begun, &bytes);
        struct cursor cursor = cursor_of(bytes.bytes, bytes.length);
        report_changes_decode(&rest, &cursor);
        assert_false(cursor.failed);
        assert_int_equal(cursor_left(&cursor), 0);
        put_numbers(&rest, CHANGES / 3, CHANGES);
        report_changes_finish(&rest);
        check_kept(&rest, sizes[s]);
        for (size_t i = 0; i < rest.count; i++) {
            const struct report_change *change = &rest.of[i];
            int64_t number = (int64_t)change->position - 1;
            assert_int_equal(change->event_time_us, -number);
            assert_int_equal(change->amount_minor, 100 * number);
            assert_int_equal(change->label, LABEL_FRAUD);
            assert_string_equal(change->currency, number % 2 ? "EUR" : "");
            assert_int_equal(change->sides[REPORT_AGAINST].verdict, VERDICT_REVIEW);
            assert_true(text_is(change->sides[REPORT_AGAINST].reasons[0].rule, "many"));
        }
        report_changes_deinit(&begun);
        report_changes_deinit(&rest);
        buffer_deinit(&bytes);
    }
}

static void decode_changes(void *user, struct cursor *cursor) {
    struct report_changes changes;
    (void)user;
    report_changes_init(&changes, 20);
    report_changes_decode(&changes, cursor);
    report_changes_finish(&changes);
    report_changes_deinit(&changes);
}

static void test_damage(void **state) {
    (void)state;
    struct report_changes changes;
    struct buffer bytes;
    buffer_init(&bytes);
    report_changes_init(&changes, 20);
    put_numbers(&changes, 0, 40);
    report_changes_encode(&changes, &bytes);
    damage_all(&bytes, decode_changes, NULL);
    report_changes_deinit(&changes);
    buffer_deinit(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_wants),
        cmocka_unit_test(test_reasons_are_limited),
        cmocka_unit_test(test_gone_on_with),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
