/* Requests that come together: the same answers as one after the other, fewer writes, and none of
 * them if the write fails. */
#include "server/base/commit.h"
#include "server/base/service_state.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define TRANSACTIONS 40

static int setup(void **state) {
    bench_setup(state);
    struct bench *bench = *state;
    bench->settings.lazy_sync_interval_us = 60 * BENCH_SECOND; /* it writes a mark, too */
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

/* ---- requests ---- */

/* Few cards, so that each decision depends on those before it. */
static void make(struct transaction *transactions, char ids[][8], struct request *requests) {
    static const char *const cards[] = {"c0", "c1", "c2"};
    for (int i = 0; i < TRANSACTIONS; i++) {
        snprintf(ids[i], sizeof ids[i], "t%d", i % 11 == 10 ? i - 3 : i); /* some repeat another */
        transactions[i] = bench_transaction(ids[i], i % 11 == 10 ? i - 3 : i, cards[i * i % 3],
                                            100 + i * (i % 11 != 10));
        requests[i] = (struct request){
            .call = CALL_SCORE,
            .score = {.transactions = &transactions[i],
                      .transaction_count = 1,
                      .return_features = true,
                      .dry_run = i % 7 == 6},
        };
    }
    transactions[5].amount_minor = -1;
    requests[20] = (struct request){.call = CALL_STATUS, .status.state_hash = true};
}

static void assert_same_bytes(const struct response *a, const struct response *b) {
    struct buffer first, second;
    buffer_init(&first);
    buffer_init(&second);
    message_encode_response(a, &first);
    message_encode_response(b, &second);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.bytes, second.bytes, first.length);
    buffer_deinit(&first);
    buffer_deinit(&second);
}

static void answers_are_those_of_one_after_the_other(void **state) {
    struct bench *together = *state, apart;
    struct transaction transactions[TRANSACTIONS];
    struct request requests[TRANSACTIONS];
    struct response all[TRANSACTIONS];
    char ids[TRANSACTIONS][8];
    make(transactions, ids, requests);
    bench_init(&apart);
    bench_open(together);
    bench_open(&apart);
    bench_call_all(together, requests, TRANSACTIONS, all);
    for (int i = 0; i < TRANSACTIONS; i++) {
        struct response one = bench_call(&apart, &requests[i]);
        if (requests[i].call == CALL_STATUS) {
            assert_int_equal(all[i].status.position, one.status.position);
            assert_int_equal(all[i].status.state_hash, one.status.state_hash);
        } else {
            assert_same_bytes(&all[i], &one);
        }
    }
    assert_int_equal(bench_status(together).state_hash, bench_status(&apart).state_hash);
    bench_deinit(&apart);
}

static struct front_look look_at(const struct buffer *bytes) {
    struct front_look look;
    service_look(NULL, bytes->bytes, bytes->length, &look);
    return look;
}

static bool may_answer_much(const struct buffer *bytes) {
    return look_at(bytes).may_answer_much;
}

/* What a front may handle many of before it has sent an answer. */
static void only_transactions_and_outcomes_are_answered_in_proportion(void **state) {
    (void)state;
    const struct transaction transaction = bench_transaction("a", 1, "c0", 1);
    const struct outcome outcome = {.transaction_id = TEXT_LITERAL("a"), .label = LABEL_FRAUD};
    const struct amendment amendment = {.transaction_id = TEXT_LITERAL("a"),
                                        .kind = AMENDMENT_VOID};
    const struct backfill_item item = {.transaction = transaction};
    const struct text key = TEXT_LITERAL("c0");
    const struct list_change change = {.list = TEXT_LITERAL("a"), .value = TEXT_LITERAL("b")};
    const struct request requests[] = {
        {.call = CALL_SCORE, .score = {&transaction, 1}},
        {.call = CALL_REPORT_OUTCOME, .outcome = {&outcome, 1}},
        {.call = CALL_GET_ENTITY,
         .entity = {.entity = TEXT_LITERAL("card"), .key = &key, .key_count = 1}},
        {.call = CALL_STATUS},
        {.call = CALL_CHANGE_LIST, .list_change = {&change, 1}},
        {.call = CALL_GET_LIST, .list.list = TEXT_LITERAL("a")},
        {.call = CALL_RELOAD},
        {.call = CALL_EXPLAIN, .explain.transaction_id = TEXT_LITERAL("a")},
        {.call = CALL_AMEND, .amend = {&amendment, 1}},
        {.call = CALL_CHANGE_BRAKE, .brake_change.rule = TEXT_LITERAL("a")},
        {.call = CALL_FIND},
        {.call = CALL_BACKFILL, .backfill = {&item, 1}},
    };
    static_assert(sizeof requests / sizeof *requests == CALL_COUNT - 1, "one for each call");
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct buffer bytes;
        struct error error;
        buffer_init(&bytes);
        assert_int_equal(message_encode_request(&requests[i], &bytes, &error), 0);
        bool is_little = requests[i].call == CALL_SCORE || requests[i].call == CALL_REPORT_OUTCOME;
        assert_int_equal(may_answer_much(&bytes), !is_little);
        assert_int_equal(look_at(&bytes).asks_for_verdicts, requests[i].call == CALL_SCORE);
        if (is_little) { /* of two calls the last one counts */
            const struct request last = {.call = CALL_GET_LIST, .list.list = TEXT_LITERAL("a")};
            assert_int_equal(message_encode_request(&last, &bytes, &error), 0);
            assert_true(may_answer_much(&bytes));
        }
        buffer_deinit(&bytes);
    }
}

/* What an outcome's client would do with a verdict nobody knows. */
static void only_who_asks_for_verdicts_gets_a_fallback(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    atomic_store(&bench->service->fallback, VERDICT_REVIEW);
    for (int asks = 0; asks <= 1; asks++)
        for (int why = 0; why < FRONT_REFUSAL_COUNT; why++) {
            struct text answer = service_refusal(bench->service, (enum front_refusal)why, asks);
            struct response response;
            struct error error;
            assert_int_equal(message_decode_response(answer.data, answer.length, &bench->arena,
                                                     &response, &error),
                             0);
            assert_int_equal(response.error.code,
                             why == FRONT_LATE ? ERROR_DEADLINE : ERROR_OVERLOADED);
            assert_int_equal(response.error.fallback, asks ? VERDICT_REVIEW : VERDICT_NONE);
        }
}

/* ---- writes ---- */

/* System calls of this process that wrote something. */
static unsigned long writes(void) {
    unsigned long count = 0;
    char line[64];
    FILE *file = fopen("/proc/self/io", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        sscanf(line, "syscw: %lu", &count);
    fclose(file);
    assert_true(count > 0);
    return count;
}

static void they_share_a_write(void **state) {
    struct bench *bench = *state;
    struct transaction transactions[TRANSACTIONS];
    struct request requests[TRANSACTIONS];
    struct response responses[TRANSACTIONS];
    char ids[TRANSACTIONS][8];
    make(transactions, ids, requests);
    bench->settings.lazy_sync_interval_us = 600 * BENCH_SECOND; /* no sync mark in between */
    bench_open(bench);
    bench_score(bench, bench_transaction("first", 0, "c0", 1)); /* begins the segment */
    for (unsigned long last = 0; last != writes();) { /* and whatever else a start writes */
        last = writes();
        usleep(100000);
    }
    size_t count = 0;
    for (size_t i = 0; i < TRANSACTIONS; i++)
        if (requests[i].call == CALL_SCORE && !requests[i].score.dry_run)
            requests[count++] = requests[i];
    assert_true(count > 30);
    unsigned long before = writes();
    bench_call_all(bench, requests, count, responses);
    assert_int_equal(writes() - before, 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(responses[i].error.code, 0);
}

/* What speaks of the state as it is comes behind the write of what is in it. */
static void a_failed_write_is_everybodys_before_it(void **state) {
    struct bench *bench = *state;
    bench->settings.lazy_sync_interval_us = 1000;
    bench_open(bench);
    const struct transaction known = bench_transaction("known", 0, "c0", 1),
                             first = bench_transaction("a", 1, "c0", 1),
                             other = bench_transaction("a", 1, "c0", 2),
                             bad = bench_transaction("", 1, "c0", 1);
    const struct transaction *const scored[] = {&known, &first, &first, &other, &bad};
    struct request requests[8];
    struct response responses[8];
    size_t count = 0;
    for (; count < 5; count++)
        requests[count] = (struct request){
            .call = CALL_SCORE, .score = {.transactions = scored[count], .transaction_count = 1}};
    requests[count] = requests[1]; /* decides on what the write before it was to keep */
    requests[count++].score.dry_run = true;
    requests[count++] = (struct request){.call = CALL_STATUS};
    requests[count] = requests[1];
    requests[count++].score.transactions = &other;
    assert_int_equal(bench_score(bench, known).error.code, 0);
    struct status_response good = bench_status(bench);
    while (good.synced_position < good.position) { /* the mark is a write too */
        usleep(1000);
        good = bench_status(bench);
    }
    set_file_limit(0);
    bench_call_all(bench, requests, count, responses);
    set_file_limit(RLIM_INFINITY);

    const struct score_result *result = responses[0].score.results;
    assert_int_equal(result->error.code, 0);
    assert_true(result->decision.duplicate);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(responses[i].score.results[0].error.code, ERROR_UNAVAILABLE);
    assert_int_equal(responses[4].score.results[0].error.code, ERROR_INVALID);
    assert_int_equal(responses[5].error.code, ERROR_UNAVAILABLE);
    assert_true(text_is(responses[6].status.state, "unavailable"));
    assert_int_equal(responses[7].error.code, ERROR_UNAVAILABLE);
    assert_int_equal(metric_value(bench->metrics, ARCHIVE_WRITE_FAILURES, 0), 1);

    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    struct status_response back = bench_status(bench);
    assert_int_equal(back.state_hash, good.state_hash);
    assert_int_equal(back.transactions, good.transactions);
    assert_int_equal(back.rejected - good.rejected, 6); /* each once, and so the conflict too */
    assert_false(bench_score(bench, other).decision.duplicate); /* nothing of it was kept */
}

/* ---- synced ---- */

static int setup_synced(void **state) {
    setup(state);
    struct bench *bench = *state;
    bench->settings.synced = true;
    bench->settings.sync_interval_us = 600 * BENCH_SECOND;
    return 0;
}

/* From its return on nothing is synced before the bench is closed, however slow this machine is:
 * the service has looked at the archive once, and the next time is in ten minutes. */
static void open_synced(struct bench *bench) {
    bool has_begun = false;
    bench_open(bench);
    while (!has_begun) {
        usleep(1000);
        assert_int_not_equal(service_state(bench->service, NULL, 0), SERVICE_FAILED);
        pthread_mutex_lock(&bench->service->lock);
        has_begun = commit_has_begun(bench->service);
        pthread_mutex_unlock(&bench->service->lock);
    }
}

static void synced_answers_wait_together(void **state) {
    struct bench *bench = *state;
    struct transaction transactions[TRANSACTIONS];
    struct request requests[TRANSACTIONS];
    struct response responses[TRANSACTIONS];
    bool are_early[TRANSACTIONS];
    char ids[TRANSACTIONS][8];
    make(transactions, ids, requests);
    open_synced(bench);
    uint64_t before = metric_value(bench->metrics, ARCHIVE_SYNC_DURATION, 0);
    struct bench_questions *asked = bench_ask_all(bench, requests, TRANSACTIONS);
    for (size_t i = 0; i < TRANSACTIONS; i++)
        are_early[i] = bench_is_answered(asked, i);
    bench_close(bench);
    bench_take_answers(asked, responses);
    size_t waited = 0;
    for (size_t i = 0; i < TRANSACTIONS; i++) {
        const struct score_result *result = responses[i].score.results;
        if (responses[i].call != CALL_SCORE || result->error.code != 0 || requests[i].score.dry_run)
            continue;
        assert_true(result->decision.position > 0);
        assert_false(are_early[i]);
        waited++;
    }
    assert_in_range(waited, 26, TRANSACTIONS);
    assert_int_equal(metric_value(bench->metrics, ARCHIVE_SYNC_DURATION, 0) - before, 1);
}

/* A decision that is known only because it was written is not told before it is on disk, whatever
 * becomes of what it is told together with. */
static void a_repeat_waits_for_its_sync_when_a_write_fails(void **state) {
    struct bench *bench = *state;
    open_synced(bench);
    const struct transaction first = bench_transaction("a", 1, "c0", 1),
                             both[] = {first, bench_transaction("b", 2, "c0", 1)};
    const struct request written = {.call = CALL_SCORE,
                                    .score = {.transactions = &first, .transaction_count = 1}},
                         unwritten = {.call = CALL_SCORE,
                                      .score = {.transactions = both, .transaction_count = 2}};
    struct bench_questions *before = bench_ask_all(bench, &written, 1);
    set_file_limit(0);
    struct bench_questions *behind = bench_ask_all(bench, &unwritten, 1);
    set_file_limit(RLIM_INFINITY);
    assert_int_equal(metric_value(bench->metrics, ARCHIVE_WRITE_FAILURES, 0), 1);
    assert_false(bench_is_answered(before, 0));
    bool is_early = bench_is_answered(behind, 0);
    bench_close(bench); /* syncs */
    struct response response;
    bench_take_answers(before, &response);
    assert_int_equal(response.score.results[0].error.code, 0);
    uint64_t position = response.score.results[0].decision.position;
    bench_take_answers(behind, &response);
    assert_int_equal(response.score.count, 2);
    assert_true(response.score.results[0].decision.duplicate);
    assert_int_equal(response.score.results[0].decision.position, position);
    assert_int_equal(response.score.results[1].error.code, ERROR_UNAVAILABLE);
    assert_false(is_early);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(answers_are_those_of_one_after_the_other),
        cmocka_unit_test(only_transactions_and_outcomes_are_answered_in_proportion),
        TEST(only_who_asks_for_verdicts_gets_a_fallback),
        TEST(they_share_a_write),
        TEST(a_failed_write_is_everybodys_before_it),
        cmocka_unit_test_setup_teardown(synced_answers_wait_together, setup_synced, teardown),
        cmocka_unit_test_setup_teardown(a_repeat_waits_for_its_sync_when_a_write_fails,
                                        setup_synced, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
