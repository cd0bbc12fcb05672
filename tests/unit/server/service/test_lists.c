/* ChangeList and GetList, from bytes to bytes: what a change does to the next decision, and what is
 * left of it after a restart, a rebuild and a disk that refuses to write. */
#include "batch/rebuild/rebuild.h"
#include "core/policy/lists/list_table.h"
#include "server/base/service_state.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define DAY_US (86400 * BENCH_SECOND)

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int setup(void **state) {
    bench_setup(state);
    struct bench *bench = *state;
    bench_write_policy(bench, "lists.yaml",
                       "lists:\n"
                       "  blocked: {about: cards that are lost, values: [own]}\n"
                       "  nets: {type: network}\n"
                       "  shut: {values: [x], runtime: no}\n");
    bench_write_policy(bench, "rules/lists.yaml",
                       "rules:\n"
                       "  - {name: blocked, when: card in lists.blocked, then: {score: 700}}\n"
                       "  - {name: nets, when: ip in lists.nets, then: {score: 700}}\n"
                       "  - {name: shut, when: card in lists.shut, then: {score: 700}}\n");
    return 0;
}

static int teardown(void **state) {
    limit_files(RLIM_INFINITY); /* a test may have failed before it did */
    return bench_teardown(state);
}

static struct list_change_result change(struct bench *bench, const char *list, const char *value,
                                        bool remove, int64_t expiry_us) {
    const struct list_change one = {.list = text_of(list),
                                    .value = text_of(value),
                                    .remove = remove,
                                    .expiry_time_us = expiry_us,
                                    .source = TEXT_LITERAL("analyst:7"),
                                    .reason = TEXT_LITERAL("reported")};
    const struct request request = {.call = CALL_CHANGE_LIST,
                                    .list_change = {.changes = &one, .change_count = 1}};
    struct response response = bench_call(bench, &request);
    if (response.error.code)
        return (struct list_change_result){.error = response.error};
    assert_int_equal(response.list_change.count, 1);
    return response.list_change.results[0];
}

static struct list_change_result accept(struct bench *bench, const char *list, const char *value,
                                        bool remove, int64_t expiry_us) {
    struct list_change_result result = change(bench, list, value, remove, expiry_us);
    if (result.error.code)
        fail_msg("%s: %.*s", value, TEXT_ARGS(result.error.message));
    assert_int_equal(result.position != 0, result.changed);
    return result;
}

static void assert_refused(struct list_change_result result, enum error_code code,
                           const char *field, const char *says) {
    assert_string_equal(error_code_name(result.error.code), error_code_name(code));
    if (!text_is(result.error.field, field) ||
        !memmem(result.error.message.data, result.error.message.length, says, strlen(says)))
        fail_msg("field \"%.*s\": %.*s", TEXT_ARGS(result.error.field),
                 TEXT_ARGS(result.error.message));
}

static struct list_response get(struct bench *bench, const char *list) {
    const struct request request = {.call = CALL_GET_LIST, .list = {.list = text_of(list)}};
    struct response response = bench_call(bench, &request);
    if (response.error.code)
        fail_msg("%.*s", TEXT_ARGS(response.error.message));
    return response.list;
}

static unsigned number;

static bool is_blocked(struct bench *bench, const char *card, int64_t at_us) {
    char id[16];
    snprintf(id, sizeof id, "t%u", ++number);
    struct transaction transaction = bench_transaction(id, 0, card, 100);
    transaction.event_time_us = at_us;
    struct score_result result = bench_score(bench, transaction);
    assert_int_equal(result.error.code, 0);
    return result.decision.score >= 700; /* more when the card has come often */
}

/* ---- */

static void the_next_decision_feels_it(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    assert_true(is_blocked(bench, "own", BENCH_START_US));
    assert_false(is_blocked(bench, "lost", BENCH_START_US));
    uint64_t before = bench_status(bench).position;
    struct list_change_result result = accept(bench, "blocked", "lost", false, 0);
    assert_true(result.changed && !result.was_there && !result.in_policy);
    assert_int_equal(result.position, before + 1);
    assert_true(is_blocked(bench, "lost", BENCH_START_US));
    result = accept(bench, "blocked", "lost", false, 0);
    assert_true(!result.changed && result.was_there);
    result = accept(bench, "blocked", "lost", false, BENCH_START_US + DAY_US);
    assert_true(result.changed && result.was_there && result.previous_expiry_time_us == 0);
    assert_true(is_blocked(bench, "lost", BENCH_START_US - 1000));
    assert_true(is_blocked(bench, "lost", BENCH_START_US));
    bench->clock.wall_us = BENCH_START_US + 2 * DAY_US;
    assert_true(is_blocked(bench, "lost", BENCH_START_US + DAY_US - 1));
    assert_false(is_blocked(bench, "lost", BENCH_START_US + DAY_US));
    result = accept(bench, "blocked", "lost", true, 0);
    assert_true(result.changed && result.previous_expiry_time_us == BENCH_START_US + DAY_US);
    assert_false(is_blocked(bench, "lost", BENCH_START_US));
    assert_false(accept(bench, "blocked", "lost", true, 0).changed);
    result = accept(bench, "blocked", "own", true, 0);
    assert_true(!result.changed && result.in_policy);
    assert_int_equal(metric_value(bench->metrics, LIST_CHANGES, LIST_CHANGE_ADDED), 2);
    assert_int_equal(metric_value(bench->metrics, LIST_CHANGES, LIST_CHANGE_REMOVED), 1);
    assert_int_equal(metric_value(bench->metrics, LIST_CHANGES, LIST_CHANGE_NONE), 3);
}

static void what_is_refused_changes_nothing(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    uint64_t before = bench_status(bench).position;
    assert_refused(change(bench, "bloked", "x", false, 0), ERROR_NOT_FOUND, "list",
                   "did you mean \"blocked\"?");
    assert_refused(change(bench, "", "x", false, 0), ERROR_INVALID, "list", "list");
    assert_refused(change(bench, "shut", "y", false, 0), ERROR_INVALID, "list", "runtime: no");
    assert_refused(change(bench, "shut", "x", true, 0), ERROR_INVALID, "list", "lists.yaml");
    assert_refused(change(bench, "blocked", "", false, 0), ERROR_INVALID, "value", "value");
    assert_refused(change(bench, "blocked", "4242424242424242", false, 0), ERROR_INVALID, "value",
                   "card number");
    assert_refused(change(bench, "nets", "10.0.0.1/8", false, 0), ERROR_INVALID, "value",
                   "expected the network 10.0.0.0/8");
    assert_refused(change(bench, "blocked", "x", false, BENCH_START_US), ERROR_INVALID,
                   "expiry_time_us", "2026-01-01T00:00:00Z");
    assert_refused(change(bench, "blocked", "x", true, BENCH_START_US + DAY_US), ERROR_INVALID,
                   "expiry_time_us", "a removal does not expire");
    bench->deadline_us = 1;
    bench->arrived_ago_us = 100;
    assert_int_equal(change(bench, "blocked", "x", false, 0).error.code, ERROR_DEADLINE);
    bench->deadline_us = 0;
    bench->arrived_ago_us = 0;
    assert_int_equal(bench_status(bench).position, before);
    const struct request request = {.call = CALL_GET_LIST,
                                    .list = {.list = TEXT_LITERAL("bloked")}};
    struct response response = bench_call(bench, &request);
    assert_int_equal(response.error.code, ERROR_NOT_FOUND);
}

static void lists_report_of_themselves(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, "nets", "2001:DB8::/32", false, 0);
    accept(bench, "nets", "192.0.2.1/32", false, BENCH_START_US + DAY_US);
    struct list_response all = get(bench, "");
    assert_int_equal(all.list_count, 3);
    assert_int_equal(all.entry_count, 0);
    assert_true(text_is(all.lists[0].list, "blocked") && all.lists[0].runtime);
    assert_true(text_is(all.lists[0].about, "cards that are lost"));
    assert_int_equal(all.lists[0].policy_entries, 1);
    assert_true(text_is(all.lists[1].type, "network"));
    assert_int_equal(all.lists[1].added_entries, 2);
    assert_int_equal(all.lists[1].used_entries, 2);
    assert_true(all.lists[1].last_change_time_us == bench->clock.wall_us);
    assert_false(all.lists[2].runtime);
    struct list_response nets = get(bench, "nets");
    assert_int_equal(nets.list_count, 1);
    assert_int_equal(nets.entry_count, 2);
    assert_int_equal(nets.next_position, 0);
    assert_true(text_is(nets.entries[0].value, "2001:db8::/32"));
    assert_true(text_is(nets.entries[1].value, "192.0.2.1"));
    assert_int_equal(nets.entries[1].expiry_time_us, BENCH_START_US + DAY_US);
    assert_int_equal(nets.entries[1].position, nets.entries[0].position + 1);
    assert_true(text_is(nets.entries[0].reason, "reported"));
    service_measure(bench->service);
    struct buffer metrics;
    buffer_init(&metrics);
    metric_write(bench->metrics, &metrics);
    buffer_append(&metrics, "", 1);
    assert_non_null(strstr((char *)metrics.bytes, "harrierd_list_entries{list=\"nets\"} 2\n"));
    assert_non_null(strstr((char *)metrics.bytes, "harrierd_list_entries{list=\"blocked\"} 0\n"));
    buffer_deinit(&metrics);
}

static void rebuild(struct bench *bench) {
    char archive[128], generations[128];
    snprintf(archive, sizeof archive, "%s/archive", bench->folder);
    snprintf(generations, sizeof generations, "%s/generations", bench->folder);
    const struct rebuild_options options = {
        .archive = archive, .generations = generations, .now_us = 5, .version = "test"};
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    rebuild_report_deinit(&report);
}

static void a_restart_with_and_without_tables_changes_nothing(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, "blocked", "a", false, 0);
    accept(bench, "blocked", "b", false, BENCH_START_US + DAY_US);
    accept(bench, "blocked", "c", false, 0);
    accept(bench, "blocked", "a", true, 0);
    for (int round = 0; round < 3; round++) {
        assert_false(is_blocked(bench, "a", BENCH_START_US));
        assert_true(is_blocked(bench, "b", BENCH_START_US));
        assert_true(is_blocked(bench, "c", BENCH_START_US));
        struct list_response blocked = get(bench, "blocked");
        assert_int_equal(blocked.entry_count, 2);
        assert_int_equal(blocked.lists[0].changes, 4);
        bench_close(bench);
        if (round == 1)
            rebuild(bench);
        bench_open(bench);
    }
    assert_true(bench_status(bench).generation_id != 0);
    /* Goes on from what the tables hold. */
    assert_false(accept(bench, "blocked", "c", false, 0).changed);
    assert_true(accept(bench, "blocked", "c", true, 0).changed);
    assert_false(is_blocked(bench, "c", BENCH_START_US));
}

/* What was added under an earlier policy can be taken back, whatever the list takes now. */
static void what_is_there_can_be_taken_back(void **state) {
    struct bench *bench = *state;
    bench_write_policy(bench, "lists.yaml",
                       "lists:\n"
                       "  blocked: {card_numbers: allow}\n"
                       "  nets: {type: string}\n"
                       "  shut: {values: [x]}\n");
    bench_open(bench);
    accept(bench, "blocked", "4242424242424242", false, 0);
    accept(bench, "nets", "10.0.0.1/8", false, 0);
    accept(bench, "shut", "x", false, 0);
    bench_close(bench);
    bench_write_policy(bench, "lists.yaml",
                       "lists:\n"
                       "  blocked: {values: [own]}\n"
                       "  nets: {type: network}\n"
                       "  shut: {values: [x], runtime: no}\n");
    bench_open(bench);
    assert_refused(change(bench, "shut", "x", false, 0), ERROR_INVALID, "list", "runtime: no");
    struct list_change_result result = accept(bench, "blocked", "4242424242424242", true, 0);
    assert_true(result.changed && result.was_there && !result.in_policy);
    assert_int_equal(get(bench, "blocked").entry_count, 0);
    assert_true(accept(bench, "nets", "10.0.0.1/8", true, 0).changed);
    result = accept(bench, "shut", "x", true, 0);
    assert_true(result.changed && result.in_policy);
    assert_int_equal(get(bench, "shut").entry_count, 0);
    result = accept(bench, "shut", "x", true, 0); /* asked again */
    assert_true(!result.changed && result.in_policy);
}

/* Few entries may take much: their reasons are kept with them. */
static void there_is_an_end_to_what_they_take(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, "blocked", "a", false, 0);
    struct record large = {
        .type = RECORD_LIST_CHANGE,
        .position = 1000,
        .receive_time_us = BENCH_START_US,
        .list_change = {.list = TEXT_LITERAL("blocked"), .entry = TEXT_LITERAL("large")}};
    char *reason = calloc(1, LIST_TABLE_BYTES_MAX);
    large.list_change.reason = (struct text){.data = reason, .length = LIST_TABLE_BYTES_MAX};
    pthread_mutex_lock(&bench->service->lock);
    list_table_apply(overlay_lists(bench->service->states.overlay), &large);
    pthread_mutex_unlock(&bench->service->lock);
    free(reason);
    assert_refused(change(bench, "nets", "10.0.0.1", false, 0), ERROR_TOO_LARGE, "", "256 MiB");
    assert_true(accept(bench, "blocked", "a", true, 0).changed);
    assert_true(accept(bench, "blocked", "large", true, 0).changed);
    assert_true(accept(bench, "nets", "10.0.0.1", false, 0).changed);
}

static void a_failed_change_is_withdrawn(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    accept(bench, "blocked", "a", false, 0);
    struct status_response status = bench_status(bench);
    while (status.synced_position < status.position)
        status = bench_status(bench);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(0);
    const struct list_change changes[] = {
        {.list = TEXT_LITERAL("blocked"), .value = TEXT_LITERAL("b")},
        {.list = TEXT_LITERAL("blocked"), .value = TEXT_LITERAL("b")}, /* nothing to compare with */
        {.list = TEXT_LITERAL("nothing"), .value = TEXT_LITERAL("b")},
    };
    const struct request request = {.call = CALL_CHANGE_LIST,
                                    .list_change = {.changes = changes, .change_count = 3}};
    struct response response = bench_call(bench, &request);
    limit_files(RLIM_INFINITY);
    const struct list_change_result *results = response.list_change.results;
    assert_int_equal(results[0].error.code, ERROR_UNAVAILABLE);
    assert_int_equal(results[1].error.code, ERROR_UNAVAILABLE);
    assert_int_equal(results[2].error.code, ERROR_NOT_FOUND);
    assert_int_equal(metric_total(bench->metrics, LIST_CHANGES), 1);
    bench_await(bench, SERVICE_UNAVAILABLE);
    assert_int_equal(change(bench, "blocked", "b", false, 0).error.code, ERROR_UNAVAILABLE);
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    assert_true(is_blocked(bench, "a", BENCH_START_US));
    assert_false(is_blocked(bench, "b", BENCH_START_US));
    assert_true(accept(bench, "blocked", "b", false, 0).changed);
}

struct client {
    struct bench bench;
    pthread_t thread;
};

static void *add_lost(void *user) {
    struct client *client = user;
    change(&client->bench, "blocked", "lost", false, 0);
    return NULL;
}

/* Where answers wait for the disk, one that says "it was so already" waits as well. */
static void a_repeated_change_waits_for_its_first_record(void **state) {
    struct bench *bench = *state;
    bench->settings.synced = true;
    bench->settings.sync_interval_us = 300000;
    bench_open(bench);
    is_blocked(bench, "lost", BENCH_START_US); /* the next sync is a while from now */
    uint64_t before = bench_status(bench).position;
    struct client client = {.bench = {.service = bench->service}};
    client.bench.clock.clock = clock_system;
    arena_init(&client.bench.arena, 1u << 20);
    assert_int_equal(pthread_create(&client.thread, NULL, add_lost, &client), 0);
    while (bench_status(bench).position == before)
        usleep(1000);
    assert_false(accept(bench, "blocked", "lost", false, 0).changed);
    assert_true(bench_status(bench).synced_position > before);
    pthread_join(client.thread, NULL);
    arena_deinit(&client.bench.arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_next_decision_feels_it),
        TEST(what_is_refused_changes_nothing),
        TEST(lists_report_of_themselves),
        TEST(a_restart_with_and_without_tables_changes_nothing),
        TEST(what_is_there_can_be_taken_back),
        TEST(there_is_an_end_to_what_they_take),
        TEST(a_failed_change_is_withdrawn),
        TEST(a_repeated_change_waits_for_its_first_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
