/* Brakes in a service, from bytes to bytes: which decisions count, between which two the brake
 * comes, and what is left of it after a disk that refuses to write and another policy. */
#include "server/base/service_state.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#define BATCH_MAX 200

static const char rules[] = "rules:\n"
                            "  - name: big\n"
                            "    when: amount_minor >= 1000\n"
                            "    then: {verdict: review, score: %d}\n"
                            "    at_most: 10%% per 10m\n";

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void write_rule(struct bench *bench, int score) {
    char text[512];
    snprintf(text, sizeof text, rules, score);
    bench_write_policy(bench, "rules/velocity.yaml", text);
}

static int setup(void **state) {
    bench_setup(state);
    write_rule(*state, 50);
    return 0;
}

static int teardown(void **state) {
    limit_files(RLIM_INFINITY); /* a test may have failed before it did */
    return bench_teardown(state);
}

/* ---- calls ---- */

static struct transaction batch[BATCH_MAX];
static char ids[BATCH_MAX][16], cards[BATCH_MAX][16];

/* `plain` transactions, then `big` ones, with ids from `first` on. Each has a card of its own. */
static struct response score(struct bench *bench, unsigned first, unsigned plain, unsigned big,
                             bool dry_run) {
    assert_true(plain + big <= BATCH_MAX);
    for (unsigned i = 0; i < plain + big; i++) {
        snprintf(ids[i], sizeof ids[i], "t%u", first + i);
        snprintf(cards[i], sizeof cards[i], "c%u", first + i);
        batch[i] = bench_transaction(ids[i], first + i, cards[i], i < plain ? 100 : 1000);
    }
    const struct request request = {
        .call = CALL_SCORE,
        .score = {.transactions = batch, .transaction_count = plain + big, .dry_run = dry_run}};
    return bench_call(bench, &request);
}

static const struct decision *decision_of(const struct response *response, size_t index) {
    assert_int_equal(response->score.results[index].error.code, 0);
    return &response->score.results[index].decision;
}

/* As the next transaction would be decided. */
static bool is_live(struct bench *bench, unsigned number) {
    struct response response = score(bench, number, 0, 1, true);
    const struct decision *decision = decision_of(&response, 0);
    assert_int_equal(decision->reason_count, 1);
    assert_int_equal(decision->verdict,
                     decision->reasons[0].shadow ? VERDICT_APPROVE : VERDICT_REVIEW);
    return !decision->reasons[0].shadow;
}

static struct response change(struct bench *bench, const char *rule, bool pull,
                              uint64_t definition) {
    const struct request request = {.call = CALL_CHANGE_BRAKE,
                                    .brake_change = {.rule = text_of(rule),
                                                     .of_policy = *rule == '\0',
                                                     .pull = pull,
                                                     .definition = definition,
                                                     .source = TEXT_LITERAL("analyst:7")}};
    return bench_call(bench, &request);
}

static struct status_response status(struct bench *bench) {
    struct status_response status = bench_status(bench);
    while (status.synced_position < status.position)
        status = bench_status(bench);
    return status;
}

static void reload(struct bench *bench) {
    const struct request request = {.call = CALL_RELOAD, .reload.wait = true};
    struct response response = bench_call(bench, &request);
    assert_int_equal(response.reload.policy.result, RELOAD_ADOPTED);
}

/* ---- tests ---- */

static void it_comes_between_two_decisions_of_one_message(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    uint64_t before = bench_status(bench).position;
    struct response response = score(bench, 0, 90, 20, false);
    for (size_t i = 0; i < 110; i++) {
        const struct decision *decision = decision_of(&response, i);
        bool is_braked = i > 100; /* 11 of 101 exceed 10 % */
        assert_int_equal(decision->position, before + 1 + i + is_braked);
        assert_int_equal(decision->verdict, i < 90 || is_braked ? VERDICT_APPROVE : VERDICT_REVIEW);
        assert_int_equal(decision->score, i < 90 || is_braked ? 0 : 50);
    }
    struct status_response now = bench_status(bench);
    assert_int_equal(now.position, before + 111);
    assert_int_equal(now.brake_count, 1);
    assert_int_equal(now.described_brakes, 1);
    assert_true(text_is(now.brakes[0].rule, "big"));
    assert_true(text_is(now.brakes[0].reason, "11 of 101 decisions, at_most 10% per 10m"));
    assert_int_equal(now.brakes[0].position, before + 102);
    assert_true(now.brakes[0].applies);
}

/* Neither repeated transactions nor those that are only tried. */
static void only_archived_decisions_count(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, 0, 90, 0, false);
    score(bench, 90, 0, 10, false);
    for (int i = 0; i < 3; i++) {
        score(bench, 90, 0, 10, false); /* known */
        score(bench, 100, 0, 50, true);
    }
    assert_true(is_live(bench, 200));
    score(bench, 100, 0, 1, false);
    assert_false(is_live(bench, 200));
}

/* The decisions are taken back, and their counts and the brake with them. */
static void a_failed_write_takes_it_back(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, 0, 90, 5, false);
    status(bench);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(0);
    struct response response = score(bench, 95, 0, 20, false);
    limit_files(RLIM_INFINITY);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(response.score.results[i].error.code, ERROR_UNAVAILABLE);
    bench_await(bench, SERVICE_UNAVAILABLE);
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    assert_int_equal(bench_status(bench).brake_count, 0);
    score(bench, 95, 0, 20, false); /* of so few, no share is too large */
    assert_true(is_live(bench, 200));
}

static void a_failed_change_is_withdrawn(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, 0, 1, 0, false);
    status(bench);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(0);
    struct response response = change(bench, "big", true, 0);
    limit_files(RLIM_INFINITY);
    assert_int_equal(response.error.code, ERROR_UNAVAILABLE);
    bench_await(bench, SERVICE_UNAVAILABLE);
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    assert_true(is_live(bench, 100));
    response = change(bench, "big", true, 0);
    assert_int_equal(response.error.code, 0);
    assert_true(response.brake_change.changed);
    assert_false(is_live(bench, 100));
}

static void by_hand(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    uint64_t before = bench_status(bench).position;
    struct response pulled = change(bench, "", true, 0);
    assert_true(pulled.brake_change.changed);
    assert_int_equal(pulled.brake_change.position, before + 1);
    assert_false(is_live(bench, 1));
    struct response again = change(bench, "", true, 0);
    assert_false(again.brake_change.changed);
    assert_int_equal(again.brake_change.position, 0);
    assert_int_equal(again.brake_change.definition, pulled.brake_change.definition);
    assert_int_equal(bench_status(bench).position, before + 1);
    struct status_response now = bench_status(bench);
    assert_int_equal(now.brakes[0].rule.length, 0);
    assert_true(text_is(now.brakes[0].source, "analyst:7"));
    assert_true(change(bench, "big", true, 0).brake_change.changed);
    assert_true(change(bench, "", false, 0).brake_change.changed);
    assert_false(is_live(bench, 1)); /* the rule has a brake of its own */
    assert_true(change(bench, "big", false, 0).brake_change.changed);
    assert_true(is_live(bench, 1));
    struct response unknown = change(bench, "bigger", false, 0);
    assert_int_equal(unknown.error.code, ERROR_NOT_FOUND);
    assert_true(text_is(unknown.error.field, "rule"));
}

/* With as many as may be, one more would pull it. A person who lifts it says that these were fine.
 */
static void one_that_was_lifted_counts_anew(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, 0, 90, 10, false);
    assert_true(change(bench, "big", true, 0).brake_change.changed);
    assert_true(change(bench, "big", false, 0).brake_change.changed);
    score(bench, 100, 0, 1, false);
    assert_true(is_live(bench, 300));
    score(bench, 101, 90, 9, false); /* 10 of 100 since then */
    assert_true(is_live(bench, 300));
    score(bench, 200, 0, 1, false);
    assert_false(is_live(bench, 300));
}

/* What was counted under another policy does not pull the brake of this one, and a brake on a rule
 * as it is no longer declared can be lifted by its definition. */
static void another_policy(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, 0, 90, 10, false);
    write_rule(bench, 60);
    reload(bench);
    score(bench, 100, 0, 10, false);
    assert_true(is_live(bench, 300));
    score(bench, 110, 90, 0, false); /* 100 in all, 10 of them big: as many as may be */
    assert_true(is_live(bench, 300));
    score(bench, 200, 0, 1, false);
    assert_false(is_live(bench, 300));
    uint64_t definition = bench_status(bench).brakes[0].definition;
    write_rule(bench, 50);
    reload(bench);
    assert_true(is_live(bench, 300));
    assert_false(bench_status(bench).brakes[0].applies);
    assert_false(change(bench, "big", false, 0).brake_change.changed);
    assert_true(change(bench, "big", false, definition).brake_change.changed);
    assert_int_equal(bench_status(bench).brake_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_comes_between_two_decisions_of_one_message),
        TEST(only_archived_decisions_count),
        TEST(a_failed_write_takes_it_back),
        TEST(a_failed_change_is_withdrawn),
        TEST(by_hand),
        TEST(one_that_was_lifted_counts_anew),
        TEST(another_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
