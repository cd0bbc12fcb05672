/* What pulls a brake, against a model that keeps every decision and counts them all again. */
#include "server/base/brake_counts.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

#define SECOND    INT64_C(1000000)
#define START     (INT64_C(1767225600) * SECOND) /* 2026-01-01 */
#define DECISIONS 4000

static const char policy_yaml[] =
    "policy: {name: counted, base_currency: EUR, at_most: 30% per 1h}\n";
static const char rules_yaml[] = "rules:\n"
                                 "  - {name: free, when: amount > 1.0, then: {score: 1}}\n"
                                 "  - {name: often, when: amount > 2.0, then: {score: 1},"
                                 " at_most: 20% per 10m}\n"
                                 "  - {name: rare, when: amount > 3.0, then: {score: 1},"
                                 " at_most: 2.5% per 1m}\n"
                                 "  - {name: daily, when: amount > 4.0, then: {score: 1},"
                                 " at_most: 0.5% per 24h}\n"
                                 "  - {name: ten, when: amount > 5.0, then: {score: 1},"
                                 " at_most: 10% per 10m}\n";

enum { FREE, OFTEN, RARE, DAILY, TEN, RULES, OF_POLICY = RULES, LIMITS };

static struct snapshot *load(const char *policy, const char *rules) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("policy.yaml"), .content = text_of(policy)},
        {.path = TEXT_LITERAL("rules/all.yaml"), .content = text_of(rules)},
    };
    struct buffer messages;
    struct error error;
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    if (snapshot_load(files, 2, &snapshot, &messages, &error) < 0)
        fail_msg("%s", error.text);
    buffer_deinit(&messages);
    return snapshot;
}

/* ---- the model ---- */

struct event {
    int64_t at_us;
    bool fires[LIMITS];
};

static struct event events[DECISIONS];
static size_t since[LIMITS]; /* fires before this one do not count: the brake was pulled then */

/* Those of the sixtieth of the period that `at_us` is in, and of the 59 before it. */
static bool is_in_window(int64_t then_us, int64_t at_us, int64_t per_us) {
    int64_t step_us = per_us / 60;
    return then_us / step_us > at_us / step_us - 60;
}

static bool model_exceeds(const struct brake_limit *at_most, size_t limit, size_t last,
                          size_t begin, struct brake_record *ret_counts) {
    uint64_t fires = 0, decisions = 0;
    if (!events[last].fires[limit])
        return false;
    for (size_t i = begin; i <= last; i++) {
        bool counts = is_in_window(events[i].at_us, events[last].at_us, at_most->per_us);
        decisions += counts;
        fires += counts && i >= since[limit] && events[i].fires[limit];
    }
    *ret_counts = (struct brake_record){.fires = fires, .decisions = decisions};
    return fires >= 10 && decisions >= 100 &&
           (double)fires / (double)decisions > at_most->share_e6 / 1e6 + 1e-12;
}

/* ---- both ---- */

static const struct brake_limit *limit_of(const struct snapshot *snapshot, size_t limit) {
    return limit == OF_POLICY ? &snapshot->at_most : &snapshot->rules[limit].at_most;
}

/* A decision in which these rules fired, some of them without effect. */
static bool count(struct brake_counts *counts, struct event *event, uint64_t *random) {
    struct reason reasons[RULES];
    struct decision decision = {.reasons = reasons, .verdict = VERDICT_APPROVE};
    for (uint32_t i = 0; i < RULES; i++) {
        bool has_effect = event->fires[i];
        if (!has_effect && split_mix(random) % 4 > 0)
            continue;
        bool shadow = !has_effect && split_mix(random) % 2;
        reasons[decision.reason_count++] =
            (struct reason){.index = i, .shadow = shadow, .suppressed = !has_effect && !shadow};
    }
    if (event->fires[OF_POLICY])
        decision.verdict = VERDICT_REVIEW;
    return brake_counts_add(counts, &decision, event->at_us);
}

static void take_all(struct brake_counts *counts, const struct snapshot *snapshot, size_t last,
                     size_t begin, unsigned *pulled) {
    for (size_t limit = 0; limit < LIMITS; limit++) {
        const struct brake_limit *at_most = limit_of(snapshot, limit);
        struct brake_record expected, brake;
        if (at_most->share_e6 == 0 || !model_exceeds(at_most, limit, last, begin, &expected))
            continue;
        enum arm arm = (enum arm)(limit % ARM_COUNT);
        assert_true(brake_counts_take(counts, arm, &brake));
        assert_int_equal(brake.arm, arm);
        struct text name = limit == OF_POLICY ? (struct text){0} : snapshot->rules[limit].name;
        assert_true(text_equal(brake.rule, name));
        uint64_t definition =
            limit == OF_POLICY ? snapshot->definition : snapshot->rules[limit].definition;
        assert_true(brake.definition == brake_definition(definition, arm));
        assert_true((brake.definition == definition) == (arm == ARM_NONE));
        assert_int_equal(brake.fires, expected.fires);
        assert_int_equal(brake.decisions, expected.decisions);
        assert_int_equal(brake.share_e6, at_most->share_e6);
        assert_int_equal(brake.window_us, at_most->per_us);
        assert_false(brake.lifted);
        since[limit] = last + 1;
        pulled[limit]++;
    }
    struct brake_record none;
    assert_false(brake_counts_take(counts, ARM_NONE, &none));
}

static void as_the_model_counts(void **state) {
    (void)state;
    struct snapshot *snapshot = load(policy_yaml, rules_yaml);
    unsigned pulled[LIMITS] = {0};
    for (uint64_t step = 0; step < asked_steps(6); step++) {
        uint64_t random = asked_seed(1) + step;
        struct brake_counts *counts = brake_counts_new(snapshot);
        unsigned slow = 1 + (unsigned)(split_mix(&random) % 9); /* seconds between decisions */
        int64_t at_us = START;
        size_t begin = 0;
        for (size_t limit = 0; limit < LIMITS; limit++)
            since[limit] = 0;
        for (size_t i = 0; i < DECISIONS; i++) {
            struct event *event = &events[i];
            bool is_pause = split_mix(&random) % 500 == 0;
            at_us += (int64_t)(split_mix(&random) % (slow * 200000u));
            at_us += is_pause ? (int64_t)(split_mix(&random) % 5000) * SECOND : 0;
            *event = (struct event){.at_us = at_us};
            bool is_burst = i / 400 % 2;
            for (size_t limit = 0; limit < LIMITS; limit++)
                event->fires[limit] = split_mix(&random) % 1000 < (is_burst ? 250 : 12);
            if (split_mix(&random) % 1500 == 0) { /* a lift */
                brake_counts_clear(counts);
                begin = i;
            }
            count(counts, event, &random);
            take_all(counts, snapshot, i, begin, pulled);
        }
        brake_counts_free(counts);
    }
    snapshot_unref(snapshot);
    assert_int_equal(pulled[FREE], 0);
    for (size_t limit = OFTEN; limit < LIMITS; limit++)
        assert_true(pulled[limit] > 0); /* else nothing was tested */
}

/* One more than the share allows, not as many; and never on few decisions. */
static void the_limits_of_the_limit(void **state) {
    (void)state;
    struct snapshot *snapshot = load(policy_yaml, rules_yaml);
    uint64_t random = 1;
    for (size_t decisions = 99; decisions <= 101; decisions++) {
        struct brake_counts *counts = brake_counts_new(snapshot);
        struct event event = {.at_us = START};
        for (size_t i = 10; i < decisions; i++)
            assert_false(count(counts, &event, &random));
        event.fires[TEN] = true;
        for (size_t i = 0; i < 10; i++)
            assert_false(count(counts, &event, &random)); /* 10 of 99, of 100 and of 101 */
        bool exceeds = count(counts, &event, &random);    /* 11 of 100, of 101, of 102 */
        assert_true(exceeds);
        brake_counts_free(counts);
    }
    struct brake_counts *counts = brake_counts_new(snapshot);
    struct event all = {.at_us = START, .fires = {[TEN] = true}};
    for (size_t i = 0; i < 99; i++)
        assert_false(count(counts, &all, &random));
    assert_true(count(counts, &all, &random)); /* the 100th */
    brake_counts_free(counts);
    snapshot_unref(snapshot);
}

static void nothing_to_count(void **state) {
    (void)state;
    struct snapshot *snapshot =
        load("policy: {name: none, base_currency: EUR}\n",
             "rules:\n  - {name: free, when: amount > 1.0, then: {score: 1}}\n");
    assert_null(brake_counts_new(snapshot));
    brake_counts_clear(NULL);
    brake_counts_free(NULL);
    snapshot_unref(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_model_counts),
        cmocka_unit_test(the_limits_of_the_limit),
        cmocka_unit_test(nothing_to_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
