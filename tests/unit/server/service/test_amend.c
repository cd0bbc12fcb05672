/* Amendments through the service: what they answer, refuse and change, and that a disk that refuses
 * to write, a restart and a wait for the disk lose none. */
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int setup(void **state) {
    signal(SIGXFSZ, SIG_IGN);
    return bench_setup(state);
}

static int teardown(void **state) {
    limit_files(RLIM_INFINITY); /* a test may have failed before it did */
    return bench_teardown(state);
}

static struct amendment_result amend_with(struct bench *bench, struct amendment amendment) {
    const struct request request = {.call = CALL_AMEND,
                                    .amend = {.amendments = &amendment, .amendment_count = 1}};
    struct response response = bench_call(bench, &request);
    if (response.error.code != 0)
        return (struct amendment_result){.error = response.error};
    assert_int_equal(response.amend.count, 1);
    return response.amend.results[0];
}

static struct amendment_result amend(struct bench *bench, const char *id, enum amendment_kind kind,
                                     int64_t amount_minor) {
    return amend_with(bench, (struct amendment){.transaction_id = text_of(id),
                                                .kind = kind,
                                                .amount_minor = amount_minor,
                                                .source = TEXT_LITERAL("settlement")});
}

static void score(struct bench *bench, const char *id, int64_t amount_minor) {
    assert_int_equal(bench_score(bench, bench_transaction(id, 0, "c1", amount_minor)).error.code,
                     0);
}

static void assert_amended(struct amended amended, bool is_voided, int64_t amount_minor,
                           int64_t refunded_minor) {
    assert_int_equal(amended.is_voided, is_voided);
    assert_int_equal(amended.amount_minor, amount_minor);
    assert_int_equal(amended.refunded_minor, refunded_minor);
}

static void assert_refused(struct amendment_result result, enum error_code code, const char *field,
                           const char *words) {
    assert_string_equal(error_code_name(result.error.code), error_code_name(code));
    if (!text_is(result.error.field, field))
        fail_msg("field \"%.*s\": %.*s", TEXT_ARGS(result.error.field),
                 TEXT_ARGS(result.error.message));
    if (!memmem(result.error.message.data, result.error.message.length, words, strlen(words)))
        fail_msg("\"%s\" is not in: %.*s", words, TEXT_ARGS(result.error.message));
}

/* Totals: what is sent again changes nothing, what is taken back leaves no trace in the states. */
static void amendments_change_repeat_and_go_back(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, "a", 5000);
    score(bench, "b", 100);
    struct status_response untouched = bench_status(bench);

    struct amendment_result result = amend(bench, "a", AMENDMENT_CAPTURE, 4500);
    assert_int_equal(result.error.code, 0);
    assert_true(result.changed);
    assert_true(text_is(result.transaction_id, "a"));
    assert_int_equal(result.position, untouched.position + 1);
    assert_amended(result.previous, false, 5000, 0);
    assert_amended(result.now, false, 4500, 0);
    struct status_response captured = bench_status(bench);
    assert_int_not_equal(captured.state_hash, untouched.state_hash);
    assert_int_equal(captured.transactions, untouched.transactions);

    result = amend(bench, "a", AMENDMENT_CAPTURE, 4500);
    assert_false(result.changed);
    assert_int_equal(result.position, 0);
    assert_amended(result.previous, false, 4500, 0);
    assert_int_equal(bench_status(bench).position, captured.position);

    assert_amended(amend(bench, "a", AMENDMENT_REFUND, 1000).now, false, 4500, 1000);
    assert_amended(amend(bench, "a", AMENDMENT_VOID, 0).now, true, 4500, 1000);
    assert_amended(amend(bench, "a", AMENDMENT_RESTORE, 0).now, false, 4500, 1000);
    assert_amended(amend(bench, "a", AMENDMENT_REFUND, 0).now, false, 4500, 0);
    assert_amended(amend(bench, "a", AMENDMENT_CAPTURE, 5000).now, false, 5000, 0);
    assert_int_equal(metric_total(bench->metrics, AMENDMENTS), 6);
}

static void what_is_refused_changes_nothing(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, "a", 5000);
    amend(bench, "a", AMENDMENT_CAPTURE, 4500);
    amend(bench, "a", AMENDMENT_REFUND, 1000);
    uint64_t position = bench_status(bench).position;
    assert_refused(amend(bench, "x", AMENDMENT_VOID, 0), ERROR_NOT_FOUND, "transaction_id",
                   "was scored");
    assert_refused(amend(bench, "", AMENDMENT_VOID, 0), ERROR_INVALID, "transaction_id", "missing");
    assert_refused(amend(bench, "a", AMENDMENT_NONE, 0), ERROR_INVALID, "kind", "void");
    assert_refused(amend(bench, "a", AMENDMENT_KIND_COUNT, 0), ERROR_INVALID, "kind", "void");
    assert_refused(amend(bench, "a", AMENDMENT_VOID, 5), ERROR_INVALID, "amount_minor", "void");
    assert_refused(amend(bench, "a", AMENDMENT_REFUND, -1), ERROR_INVALID, "amount_minor", "-1");
    assert_refused(amend(bench, "a", AMENDMENT_REFUND, 4501), ERROR_INVALID, "amount_minor",
                   "4501 refunded of 4500");
    assert_refused(amend(bench, "a", AMENDMENT_CAPTURE, 999), ERROR_INVALID, "amount_minor",
                   "1000");
    const struct amendment later = {.transaction_id = TEXT_LITERAL("a"),
                                    .kind = AMENDMENT_VOID,
                                    .known_time_us = BENCH_START_US + INT64_C(86400000000) * 3650};
    assert_refused(amend_with(bench, later), ERROR_INVALID, "known_time_us", "ahead");
    amend(bench, "a", AMENDMENT_VOID, 0);
    assert_refused(amend(bench, "a", AMENDMENT_REFUND, 1200), ERROR_INVALID, "kind", "void");
    assert_int_equal(bench_status(bench).position, position + 1);
}

/* One request of many: each on what those before it made of the transaction. */
static void one_after_the_other(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, "a", 5000);
    const struct amendment amendments[] = {
        {.transaction_id = TEXT_LITERAL("a"), .kind = AMENDMENT_REFUND, .amount_minor = 100},
        {.transaction_id = TEXT_LITERAL("a"), .kind = AMENDMENT_CAPTURE, .amount_minor = 50},
        {.transaction_id = TEXT_LITERAL("a"), .kind = AMENDMENT_CAPTURE, .amount_minor = 150},
        {.transaction_id = TEXT_LITERAL("a"), .kind = AMENDMENT_REFUND, .amount_minor = 100},
    };
    const struct request request = {.call = CALL_AMEND,
                                    .amend = {.amendments = amendments, .amendment_count = 4}};
    struct response response = bench_call(bench, &request);
    const struct amendment_result *results = response.amend.results;
    assert_int_equal(response.amend.count, 4);
    assert_amended(results[0].now, false, 5000, 100);
    assert_refused(results[1], ERROR_INVALID, "amount_minor", "100");
    assert_amended(results[2].previous, false, 5000, 100);
    assert_amended(results[2].now, false, 150, 100);
    assert_false(results[3].changed);
    assert_int_equal(results[2].position, results[0].position + 1);
}

/* An outcome goes to the transaction as it is, an amendment keeps the outcome. */
static void a_restart_knows_amendments_and_outcomes(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, "a", 5000);
    score(bench, "b", 300);
    amend(bench, "a", AMENDMENT_CAPTURE, 4500);
    assert_true(bench_report(bench, "a", LABEL_FRAUD).changed);
    amend(bench, "a", AMENDMENT_REFUND, 4500);
    amend(bench, "b", AMENDMENT_VOID, 0);
    assert_true(bench_report(bench, "b", LABEL_LEGIT).changed);
    struct status_response before = bench_status(bench);
    bench_close(bench);
    bench_open(bench);
    struct status_response after = bench_status(bench);
    assert_int_equal(after.position, before.position);
    assert_int_equal(after.state_hash, before.state_hash);
    assert_int_equal(after.labels[LABEL_FRAUD], 1);
    assert_amended(amend(bench, "a", AMENDMENT_REFUND, 4500).now, false, 4500, 4500);
    struct amendment_result restored = amend(bench, "b", AMENDMENT_RESTORE, 0);
    assert_true(restored.changed);
    assert_amended(restored.previous, true, 300, 0);
    assert_int_equal(bench_report(bench, "a", LABEL_FRAUD).changed, false);
}

static void a_failed_amendment_is_withdrawn(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    score(bench, "a", 5000);
    struct status_response before = bench_status(bench);
    while (before.synced_position < before.position)
        before = bench_status(bench);
    limit_files(0);
    struct amendment_result result = amend(bench, "a", AMENDMENT_REFUND, 700);
    limit_files(RLIM_INFINITY);
    assert_int_equal(result.error.code, ERROR_UNAVAILABLE);
    assert_int_equal(metric_total(bench->metrics, AMENDMENTS), 0);
    bench_await(bench, SERVICE_UNAVAILABLE);
    assert_int_equal(amend(bench, "a", AMENDMENT_VOID, 0).error.code, ERROR_UNAVAILABLE);
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    assert_int_equal(bench_status(bench).state_hash, before.state_hash);
    result = amend(bench, "a", AMENDMENT_REFUND, 700);
    assert_true(result.changed);
    assert_amended(result.previous, false, 5000, 0);
}

struct client {
    struct bench bench;
    pthread_t thread;
};

static void *void_it(void *user) {
    struct client *client = user;
    amend(&client->bench, "a", AMENDMENT_VOID, 0);
    return NULL;
}

/* Where answers wait for the disk, one that says "it was so already" waits as well. */
static void a_repeated_amendment_waits_for_its_first_record(void **state) {
    struct bench *bench = *state;
    bench->settings.synced = true;
    bench->settings.sync_interval_us = 300000;
    bench_open(bench);
    score(bench, "a", 100); /* the next sync is a while from now */
    uint64_t before = bench_status(bench).position;
    struct client client = {.bench = {.service = bench->service}};
    client.bench.clock.clock = clock_system;
    arena_init(&client.bench.arena, 1u << 20);
    assert_int_equal(pthread_create(&client.thread, NULL, void_it, &client), 0);
    while (bench_status(bench).position == before)
        usleep(1000);
    assert_false(amend(bench, "a", AMENDMENT_VOID, 0).changed);
    assert_true(bench_status(bench).synced_position > before);
    pthread_join(client.thread, NULL);
    arena_deinit(&client.bench.arena);
}

#define MANY 1000

static int refused_of(struct bench *bench, const struct amendment *amendments) {
    const struct request request = {.call = CALL_AMEND,
                                    .amend = {.amendments = amendments, .amendment_count = MANY}};
    struct response response = bench_call(bench, &request);
    int refused = 0;
    assert_int_equal(response.amend.count, MANY);
    for (size_t i = 0; i < MANY; i++)
        refused += response.amend.results[i].error.code != 0;
    return refused;
}

static int outcomes_refused_of(struct bench *bench, const struct amendment *amendments) {
    static struct outcome outcomes[MANY];
    const struct request request = {.call = CALL_REPORT_OUTCOME,
                                    .outcome = {.outcomes = outcomes, .outcome_count = MANY}};
    for (size_t i = 0; i < MANY; i++)
        outcomes[i] =
            (struct outcome){.transaction_id = amendments[i].transaction_id, .label = LABEL_FRAUD};
    struct response response = bench_call(bench, &request);
    int refused = 0;
    assert_int_equal(response.outcome.count, MANY);
    for (size_t i = 0; i < MANY; i++)
        refused += response.outcome.results[i].error.code != 0;
    return refused;
}

/* One call may amend as many transactions as it has room for, however large those are. */
static void large_transactions_are_amended_in_one_call(void **state) {
    static char ids[MANY][8], names[TRANSACTION_ATTRIBUTES_MAX][8], text[TRANSACTION_ATTRIBUTE_MAX];
    static struct amendment amendments[MANY];
    struct attribute attributes[TRANSACTION_ATTRIBUTES_MAX];
    struct bench *bench = *state;
    struct buffer schema;
    buffer_init(&schema);
    buffer_printf(&schema, "attributes:\n");
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < TRANSACTION_ATTRIBUTES_MAX; i++) {
        snprintf(names[i], sizeof names[i], "a%02zu", i);
        buffer_printf(&schema, "  %s: {type: string, card_numbers: allow}\n", names[i]);
        attributes[i] = (struct attribute){.name = text_of(names[i]),
                                           .type = ATTRIBUTE_TEXT,
                                           .text = {.data = text, .length = sizeof text}};
    }
    buffer_append_u8(&schema, 0);
    bench_write_policy(bench, "schema.yaml", (const char *)schema.bytes);
    buffer_deinit(&schema);
    bench_open(bench);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(ids[i], sizeof ids[i], "t%zu", i);
        struct transaction transaction = bench_transaction(ids[i], 0, "c1", 500);
        transaction.attributes = attributes;
        transaction.attribute_count = TRANSACTION_ATTRIBUTES_MAX;
        assert_int_equal(bench_score(bench, transaction).error.code, 0);
        amendments[i] = (struct amendment){
            .transaction_id = text_of(ids[i]), .kind = AMENDMENT_REFUND, .amount_minor = 100};
    }
    assert_int_equal(refused_of(bench, amendments), 0);
    for (size_t i = 0; i < MANY; i++)
        amendments[i].amount_minor = 200;
    assert_int_equal(refused_of(bench, amendments), 0);
    assert_int_equal(outcomes_refused_of(bench, amendments), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(amendments_change_repeat_and_go_back),
        TEST(what_is_refused_changes_nothing),
        TEST(one_after_the_other),
        TEST(a_restart_knows_amendments_and_outcomes),
        TEST(large_transactions_are_amended_in_one_call),
        TEST(a_failed_amendment_is_withdrawn),
        TEST(a_repeated_amendment_waits_for_its_first_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
