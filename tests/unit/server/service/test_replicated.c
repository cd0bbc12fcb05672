/* A service of a cluster, without the cluster: the test is its log, which says what is committed
 * and who decides. Answers wait for the log, and a standby writes nothing. */
#include "server/base/commit.h"
#include "server/base/run_pool.h"
#include "server/base/service_state.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define OTHER "tcp://other.example:7731"

static int setup(void **state) {
    bench_setup(state);
    struct bench *bench = *state;
    bench->settings.replicated = true;
    bench->settings.cluster.node = "n1";
    return 0;
}

static void set_file_limit(rlim_t bytes) {
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int teardown(void **state) {
    set_file_limit(RLIM_INFINITY); /* a test may have failed before it did */
    return bench_teardown(state);
}

/* ---- the log ---- */

/* The primary, with everything that it has committed. Returns the last position. */
static uint64_t open_primary(struct bench *bench) {
    bench_open(bench);
    struct service *service = bench->service;
    pthread_mutex_lock(&service->lock);
    service->replication.is_member = service->replication.is_primary = true;
    service->replication.committed = archive_end(service->archive);
    uint64_t position = service->replication.committed.position;
    pthread_mutex_unlock(&service->lock);
    return position;
}

/* What a node does when a transaction of Kafka is confirmed, or when it is deposed. */
static void commit_until(struct bench *bench, uint64_t position, bool is_primary) {
    struct service *service = bench->service;
    pthread_mutex_lock(&service->lock);
    service->replication.committed.position = position;
    service->replication.is_primary = is_primary;
    struct run *runs = commit_release(service);
    pthread_mutex_unlock(&service->lock);
    runs_reply(runs);
}

static void become_standby(struct bench *bench, const char *primary) {
    struct service *service = bench->service;
    pthread_mutex_lock(&service->lock);
    service->replication.is_primary = false;
    snprintf(service->replication.primary, sizeof service->replication.primary, "%s", primary);
    service_set_state(service, SERVICE_STANDBY, "%s", "");
    pthread_mutex_unlock(&service->lock);
}

static uint64_t position_of(struct bench *bench) {
    pthread_mutex_lock(&bench->service->lock);
    uint64_t position = archive_end(bench->service->archive).position;
    pthread_mutex_unlock(&bench->service->lock);
    return position;
}

/* ---- requests ---- */

static struct bench_questions *ask(struct bench *bench, const struct request *request) {
    return bench_ask_all(bench, request, 1);
}

static struct bench_questions *ask_score(struct bench *bench, const char *id, bool dry_run) {
    const struct transaction transaction = bench_transaction(id, 1, "c0", 100);
    const struct request request = {
        .call = CALL_SCORE,
        .score = {.transactions = &transaction, .transaction_count = 1, .dry_run = dry_run}};
    return ask(bench, &request);
}

static struct bench_questions *ask_outcome(struct bench *bench, const char *id) {
    const struct outcome outcome = {
        .transaction_id = text_of(id), .label = LABEL_FRAUD, .source = TEXT_LITERAL("test")};
    const struct request request = {.call = CALL_REPORT_OUTCOME,
                                    .outcome = {.outcomes = &outcome, .outcome_count = 1}};
    return ask(bench, &request);
}

/* It must be there already. */
static struct response take(struct bench_questions *asked) {
    struct response response;
    assert_true(bench_is_answered(asked, 0));
    bench_take_answers(asked, &response);
    return response;
}

static struct decision take_decision(struct bench_questions *asked) {
    struct response response = take(asked);
    assert_int_equal(response.error.code, 0);
    assert_int_equal(response.score.count, 1);
    assert_int_equal(response.score.results[0].error.code, 0);
    return response.score.results[0].decision;
}

static void check_not_primary(const struct response *response, const char *primary) {
    assert_int_equal(response->error.code, ERROR_NOT_PRIMARY);
    assert_true(text_is(response->error.primary, primary));
    assert_true(response->error.message.length > 0);
}

static void take_not_primary(struct bench_questions *asked, const char *primary) {
    struct response response = take(asked);
    check_not_primary(&response, primary);
}

/* ---- the primary ---- */

static void an_answer_waits_for_its_commit(void **state) {
    struct bench *bench = *state;
    enum { COUNT = 4 };
    static const char *const ids[COUNT] = {"a", "b", "c", "d"};
    struct bench_questions *asked[COUNT];
    uint64_t position = open_primary(bench);
    for (int i = 0; i < COUNT; i++)
        asked[i] = ask_score(bench, ids[i], false);
    assert_int_equal(position_of(bench), position + COUNT);
    commit_until(bench, position, true); /* of nothing new */
    for (int i = 0; i < COUNT; i++) {
        for (int j = i; j < COUNT; j++)
            assert_false(bench_is_answered(asked[j], 0));
        commit_until(bench, position + (uint64_t)i + 1, true);
        struct decision decision = take_decision(asked[i]);
        assert_int_equal(decision.position, position + (uint64_t)i + 1);
        assert_false(decision.duplicate);
    }
}

/* Those of one batch are written together, and each waits for its own record; a request of several
 * for its last. */
static void a_batch_waits_for_each(void **state) {
    struct bench *bench = *state;
    struct transaction transactions[4];
    struct response responses[3];
    static const char *const ids[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++)
        transactions[i] = bench_transaction(ids[i], i, "c0", 100);
    const struct request requests[3] = {
        {.call = CALL_SCORE, .score = {.transactions = transactions, .transaction_count = 1}},
        {.call = CALL_SCORE, .score = {.transactions = transactions + 1, .transaction_count = 2}},
        {.call = CALL_SCORE, .score = {.transactions = transactions + 3, .transaction_count = 1}}};
    static const bool answered[5][3] = {{false, false, false},
                                        {true, false, false},
                                        {true, false, false},
                                        {true, true, false},
                                        {true, true, true}};
    uint64_t position = open_primary(bench);
    struct bench_questions *asked = bench_ask_all(bench, requests, 3);
    for (uint64_t committed = 0; committed <= 4; committed++) {
        commit_until(bench, position + committed, true);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(bench_is_answered(asked, i), answered[committed][i]);
    }
    bench_take_answers(asked, responses);
    assert_int_equal(responses[1].score.results[1].decision.position, position + 3);
}

/* The first decision is told only when it is sure to stay. */
static void a_repeat_waits_too(void **state) {
    struct bench *bench = *state;
    uint64_t position = open_primary(bench);
    struct bench_questions *first = ask_score(bench, "a", false);
    struct bench_questions *other = ask_score(bench, "b", false);
    struct bench_questions *again = ask_score(bench, "a", false);
    assert_int_equal(position_of(bench), position + 2);
    assert_false(bench_is_answered(again, 0));
    commit_until(bench, position + 1, true);
    struct decision decision = take_decision(first), repeated = take_decision(again);
    assert_int_equal(decision.position, position + 1);
    assert_int_equal(repeated.position, position + 1);
    assert_true(repeated.duplicate);
    assert_int_equal(repeated.score, decision.score);
    assert_false(bench_is_answered(other, 0));
    assert_true(take_decision(ask_score(bench, "a", false)).duplicate); /* at once by now */
    commit_until(bench, position + 2, true);
    take_decision(other);
    assert_int_equal(position_of(bench), position + 2);
}

static void so_does_an_outcome_that_changes_nothing(void **state) {
    struct bench *bench = *state;
    uint64_t position = open_primary(bench);
    struct bench_questions *scored = ask_score(bench, "a", false);
    struct bench_questions *first = ask_outcome(bench, "a");
    struct bench_questions *again = ask_outcome(bench, "a");
    uint64_t last = position_of(bench);
    assert_int_equal(last, position + 2);
    commit_until(bench, last - 1, true);
    take_decision(scored);
    assert_false(bench_is_answered(first, 0));
    assert_false(bench_is_answered(again, 0));
    commit_until(bench, last, true);
    assert_int_equal(take(first).outcome.results[0].error.code, 0);
    assert_int_equal(take(again).outcome.results[0].error.code, 0);
}

/* A thread of its own records and hands the answer to those that wait, maybe after the commit. */
static void history_waits_for_its_commit(void **state) {
    struct bench *bench = *state;
    uint64_t position = open_primary(bench);
    struct backfill_item items[2] = {
        {.transaction = bench_transaction("old", -1800, "c0", 1), .has_outcome = true},
        {.transaction = bench_transaction("older", -2800, "c0", 1)}};
    items[0].outcome.label = LABEL_FRAUD;
    const struct request history = {.call = CALL_BACKFILL, .backfill = {items, 2}};
    struct bench_questions *asked = ask(bench, &history);
    while (position_of(bench) < position + 3)
        usleep(1000);
    commit_until(bench, position + 2, true);
    assert_false(bench_is_answered(asked, 0));
    commit_until(bench, position + 3, true);
    struct response response;
    bench_take_answers(asked, &response);
    assert_int_equal(response.error.code, 0);
    assert_true(response.backfill.results[0].outcome_recorded);
    assert_int_equal(response.backfill.results[1].position, position + 3);
    /* While it waits, another server becomes the primary. */
    items[1].transaction = bench_transaction("oldest", -3000, "c0", 1);
    asked = ask(bench, &history);
    while (position_of(bench) < position + 4)
        usleep(1000);
    become_standby(bench, OTHER);
    commit_until(bench, position + 3, false);
    bench_take_answers(asked, &response);
    check_not_primary(&response, OTHER);
}

/* What only reads may tell of records that are not committed. */
static void reads_wait_for_nothing(void **state) {
    struct bench *bench = *state;
    uint64_t position = open_primary(bench);
    struct bench_questions *waits = ask_score(bench, "a", false);
    assert_true(take_decision(ask_score(bench, "new", true)).dry_run);
    assert_true(take_decision(ask_score(bench, "a", true)).dry_run); /* decided anew */
    struct status_response status = bench_status(bench);
    assert_true(text_is(status.state, "ready"));
    assert_int_equal(status.position, position + 1);
    assert_int_equal(status.committed_position, position);
    assert_true(text_is(status.node, "n1"));
    assert_false(bench_is_answered(waits, 0));
    commit_until(bench, position + 1, true);
    take_decision(waits);
    assert_int_equal(bench_status(bench).committed_position, position + 1);
}

/* The repeat in a request whose write failed is still one. */
static void a_repeat_waits_when_a_write_fails(void **state) {
    struct bench *bench = *state;
    bench->settings.lazy_sync_interval_us = 600 * BENCH_SECOND; /* its mark would fail, too */
    uint64_t position = open_primary(bench);
    const struct transaction both[] = {bench_transaction("a", 1, "c0", 100),
                                       bench_transaction("b", 2, "c0", 100)};
    const struct request request = {.call = CALL_SCORE,
                                    .score = {.transactions = both, .transaction_count = 2}};
    struct bench_questions *first = ask_score(bench, "a", false);
    set_file_limit(0);
    struct bench_questions *behind = ask(bench, &request);
    set_file_limit(RLIM_INFINITY);
    assert_int_equal(metric_value(bench->metrics, ARCHIVE_WRITE_FAILURES, 0), 1);
    assert_false(bench_is_answered(first, 0));
    assert_false(bench_is_answered(behind, 0));
    commit_until(bench, position + 1, true);
    assert_int_equal(take_decision(first).position, position + 1);
    struct response response = take(behind);
    assert_int_equal(response.score.results[0].decision.position, position + 1);
    assert_true(response.score.results[0].decision.duplicate);
    assert_int_equal(response.score.results[1].error.code, ERROR_UNAVAILABLE);
}

static void closing_answers_those_that_wait(void **state) {
    struct bench *bench = *state;
    open_primary(bench);
    struct bench_questions *waits = ask_score(bench, "a", false);
    assert_false(bench_is_answered(waits, 0));
    bench_close(bench);
    assert_int_equal(take(waits).error.code, ERROR_UNAVAILABLE);
}

/* With another durability nothing waits, whatever is committed. */
static void written_answers_do_not_wait(void **state) {
    struct bench *bench = *state;
    bench->settings.replicated = false;
    uint64_t position = open_primary(bench);
    assert_int_equal(take_decision(ask_score(bench, "a", false)).position, position + 1);
    assert_true(take_decision(ask_score(bench, "a", false)).duplicate);
    become_standby(bench, OTHER);
    take_not_primary(ask_score(bench, "b", false), OTHER);
}

/* ---- deposed ---- */

static void those_that_wait_are_sent_away(void **state) {
    struct bench *bench = *state;
    enum { COUNT = 4 };
    static const char *const ids[COUNT] = {"a", "b", "c", "d"};
    struct bench_questions *asked[COUNT];
    uint64_t position = open_primary(bench);
    uint64_t refused = metric_value(bench->metrics, ERRORS, ERROR_NOT_PRIMARY);
    for (int i = 0; i < COUNT; i++)
        asked[i] = ask_score(bench, ids[i], false);
    struct bench_questions *again = ask_score(bench, "d", false);
    commit_until(bench, position + 1, true);
    assert_int_equal(take_decision(asked[0]).position, position + 1);
    /* Confirmed while it was deposed: what is committed is true. */
    commit_until(bench, position + 2, false);
    assert_int_equal(take_decision(asked[1]).position, position + 2);
    take_not_primary(asked[2], "");
    take_not_primary(asked[3], "");
    take_not_primary(again, "");
    assert_int_equal(metric_value(bench->metrics, ERRORS, ERROR_NOT_PRIMARY) - refused, 3);
}

/* ---- a standby ---- */

static void a_standby_writes_nothing(void **state) {
    struct bench *bench = *state;
    open_primary(bench);
    static const char *const primaries[] = {OTHER, "", "ipc:///run/harrier"};
    const struct list_change change = {.list = TEXT_LITERAL("a"), .value = TEXT_LITERAL("b")};
    const struct request changes = {.call = CALL_CHANGE_LIST, .list_change = {&change, 1}};
    const struct request brake = {.call = CALL_CHANGE_BRAKE,
                                  .brake_change = {.of_policy = true, .pull = true}};
    const struct backfill_item item = {.transaction = bench_transaction("old", -1800, "c0", 1)};
    const struct request history = {.call = CALL_BACKFILL, .backfill = {&item, 1}};
    uint64_t position = position_of(bench);
    for (size_t i = 0; i < sizeof primaries / sizeof *primaries; i++) {
        become_standby(bench, primaries[i]);
        take_not_primary(ask_score(bench, "a", false), primaries[i]);
        take_not_primary(ask_outcome(bench, "a"), primaries[i]);
        take_not_primary(ask(bench, &changes), primaries[i]);
        take_not_primary(ask(bench, &brake), primaries[i]);
        take_not_primary(ask(bench, &history), primaries[i]);
        assert_int_equal(position_of(bench), position);
    }
    /* Also while it has no states: the primary has them. */
    become_standby(bench, OTHER);
    pthread_mutex_lock(&bench->service->lock);
    service_set_state(bench->service, SERVICE_UNAVAILABLE, "reading the log");
    pthread_mutex_unlock(&bench->service->lock);
    take_not_primary(ask_score(bench, "a", false), OTHER);
    assert_int_equal(take(ask_score(bench, "a", true)).error.code, ERROR_UNAVAILABLE);
}

static void a_standby_answers_what_only_reads(void **state) {
    struct bench *bench = *state;
    uint64_t position = open_primary(bench);
    struct bench_questions *waits = ask_score(bench, "a", false);
    commit_until(bench, position + 1, true);
    take_decision(waits);
    become_standby(bench, OTHER);
    assert_true(take_decision(ask_score(bench, "new", true)).dry_run);
    const struct text key = TEXT_LITERAL("c0");
    const struct request reads[] = {
        {.call = CALL_GET_ENTITY,
         .entity = {.entity = TEXT_LITERAL("card"), .key = &key, .key_count = 1}},
        {.call = CALL_GET_LIST},
        {.call = CALL_EXPLAIN, .explain.transaction_id = TEXT_LITERAL("a")},
    };
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        struct response response = bench_call(bench, &reads[i]);
        if (response.error.code != 0)
            fail_msg("%.*s", (int)response.error.message.length, response.error.message.data);
        assert_int_equal(response.call, reads[i].call);
    }
    struct status_response status = bench_status(bench);
    assert_true(text_is(status.state, "standby"));
    assert_true(text_is(status.node, "n1"));
    assert_true(text_is(status.primary, OTHER));
    assert_int_equal(status.position, position + 1);
    assert_int_equal(status.committed_position, position + 1);
}

/* It adopts a policy, and the primary records its own. */
static void a_standby_reloads_without_a_record(void **state) {
    struct bench *bench = *state;
    const struct request reload = {.call = CALL_RELOAD, .reload.wait = true};
    uint64_t position = open_primary(bench);
    become_standby(bench, OTHER);
    uint64_t snapshot = bench_status(bench).snapshot_id;
    bench_write_rules(bench, 600);
    assert_int_equal(bench_call(bench, &reload).error.code, 0);
    assert_int_not_equal(bench_status(bench).snapshot_id, snapshot);
    assert_int_equal(position_of(bench), position);
    assert_int_equal(service_state(bench->service, NULL, 0), SERVICE_STANDBY);
}

static void its_metrics_tell_its_part(void **state) {
    struct bench *bench = *state;
    uint64_t position = open_primary(bench);
    struct bench_questions *waits = ask_score(bench, "a", false);
    service_measure(bench->service);
    assert_int_equal(metric_value(bench->metrics, SERVER_READY, 0), 1);
    assert_int_equal(metric_value(bench->metrics, SERVER_DECIDES, 0), 1);
    assert_int_equal(metric_value(bench->metrics, LOG_COMMITTED_POSITION, 0), position);
    assert_int_equal(metric_value(bench->metrics, LOG_LAG, 0), 1);
    commit_until(bench, position + 1, true);
    take_decision(waits);
    become_standby(bench, OTHER);
    service_measure(bench->service);
    assert_int_equal(metric_value(bench->metrics, SERVER_READY, 0), 1);
    assert_int_equal(metric_value(bench->metrics, SERVER_DECIDES, 0), 0);
    assert_int_equal(metric_value(bench->metrics, LOG_LAG, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_answer_waits_for_its_commit),
        TEST(a_batch_waits_for_each),
        TEST(a_repeat_waits_too),
        TEST(so_does_an_outcome_that_changes_nothing),
        TEST(reads_wait_for_nothing),
        TEST(a_repeat_waits_when_a_write_fails),
        TEST(closing_answers_those_that_wait),
        TEST(written_answers_do_not_wait),
        TEST(those_that_wait_are_sent_away),
        TEST(history_waits_for_its_commit),
        TEST(a_standby_writes_nothing),
        TEST(a_standby_answers_what_only_reads),
        TEST(a_standby_reloads_without_a_record),
        TEST(its_metrics_tell_its_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
