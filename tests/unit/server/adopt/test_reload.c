/* Reloads beside everything else that goes on in a service: who asks and waits is told, what is
 * refused changes nothing, and each decision is by the policy that the archive names last before
 * it. Built with the thread sanitizer, this is what shows that the threads agree. */
#include "batch/rebuild/rebuild.h"
#include "core/store/archive/archive.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <unistd.h>

#define CLIENTS 3
#define ASKING  12

/* A bench for another thread: the same service, memory of its own. */
static void bench_beside(const struct bench *bench, struct bench *ret_bench) {
    *ret_bench = (struct bench){.service = bench->service};
    ret_bench->clock.clock = clock_system;
    arena_init(&ret_bench->arena, 64u << 20);
}

static struct response ask(struct bench *bench, bool wait) {
    const struct request request = {.call = CALL_RELOAD, .reload.wait = wait};
    return bench_call(bench, &request);
}

static struct reload_response reload(struct bench *bench) {
    struct response response = ask(bench, true);
    if (response.error.code)
        fail_msg("%.*s", TEXT_ARGS(response.error.message));
    assert_int_equal(response.call, CALL_RELOAD);
    return response.reload;
}

static void write_broken(struct bench *bench) {
    bench_write_policy(bench, "rules/all.yaml",
                       "rules:\n  - {name: many, when: card.count_1h >= 3, then: {score: 1},\n"
                       "     cases: [{name: one, transaction: {card: c, merchant: m},\n"
                       "       expect: {fires: [many]}}]}\n");
}

/* ---- the answer ---- */

static void who_waits_is_reported(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    struct status_response first = bench_status(bench);
    struct reload_response reported = reload(bench);
    assert_int_equal(reported.policy.result, RELOAD_UNCHANGED);
    assert_int_equal(reported.policy.snapshot_id, first.snapshot_id);
    assert_int_equal(bench_status(bench).position, first.position);

    write_broken(bench);
    reported = reload(bench);
    assert_int_equal(reported.policy.result, RELOAD_REFUSED);
    assert_int_equal(reported.policy.snapshot_id, first.snapshot_id);
    assert_true(text_is(reported.policy.error, "rules/all.yaml:3: case \"one\" fails"));
    assert_non_null(strstr(reported.policy.messages.data, "expected rule many to fire"));
    struct status_response refused = bench_status(bench);
    assert_true(text_equal(refused.reload_error, reported.policy.error));
    assert_int_equal(refused.refused_since_time_us, atomic_load(&bench->clock.wall_us));
    assert_int_equal(refused.position, first.position);

    bench_write_rules(bench, 800);
    reported = reload(bench);
    assert_int_equal(reported.policy.result, RELOAD_ADOPTED);
    struct status_response adopted = bench_status(bench);
    assert_int_equal(reported.policy.snapshot_id, adopted.snapshot_id);
    assert_int_not_equal(adopted.snapshot_id, first.snapshot_id);
    assert_int_equal(adopted.position, first.position + 1);
    assert_int_equal(adopted.refused_since_time_us, 0);
    assert_int_equal(metric_value(bench->metrics, RELOAD_LOCKED, 0), 1); /* only for that one */
}

/* Since the first refusal, not the last. */
static void a_refusal_grows_old(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    write_broken(bench);
    reload(bench);
    int64_t since_us = atomic_load(&bench->clock.wall_us);
    for (int i = 1; i <= 2; i++) {
        atomic_fetch_add(&bench->clock.wall_us, 60 * BENCH_SECOND);
        atomic_fetch_add(&bench->clock.monotonic_us, 60 * BENCH_SECOND);
        reload(bench);
        assert_int_equal(bench_status(bench).refused_since_time_us, since_us);
        service_measure(bench->service);
        assert_int_equal(metric_value(bench->metrics, RELOAD_REFUSED_NOW, 0), 1);
        assert_int_equal(metric_value(bench->metrics, RELOAD_REFUSED_AGE, 0),
                         i * 60 * BENCH_SECOND);
    }
    bench_write_rules(bench, 400); /* the files of the policy in use */
    assert_int_equal(reload(bench).policy.result, RELOAD_UNCHANGED);
    service_measure(bench->service);
    assert_int_equal(metric_value(bench->metrics, RELOAD_REFUSED_NOW, 0), 0);
    assert_int_equal(metric_value(bench->metrics, RELOAD_REFUSED_AGE, 0), 0);
}

static void who_does_not_wait_is_answered_at_once(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    struct status_response first = bench_status(bench);
    bench_write_rules(bench, 800);
    struct response response = ask(bench, false);
    assert_int_equal(response.error.code, 0);
    assert_int_equal(response.reload.policy.result, RELOAD_NONE);
    for (int i = 0; i < BENCH_WAIT_MS && bench_status(bench).snapshot_id == first.snapshot_id; i++)
        usleep(1000);
    assert_int_not_equal(bench_status(bench).snapshot_id, first.snapshot_id);
}

struct asking {
    pthread_t thread;
    struct bench bench;
    struct response response;
};

static void *run_asking(void *user) {
    struct asking *asking = user;
    asking->response = ask(&asking->bench, true);
    return NULL;
}

/* Some of so many are sent away; each is answered once, and nobody for a reload before it asked. */
static void many_ask_at_once(void **state) {
    struct bench *bench = *state;
    struct asking asking[ASKING];
    bench_open(bench);
    bench_write_rules(bench, 800);
    for (size_t i = 0; i < ASKING; i++) {
        bench_beside(bench, &asking[i].bench);
        assert_int_equal(pthread_create(&asking[i].thread, NULL, run_asking, &asking[i]), 0);
    }
    uint64_t adopted = 0;
    for (size_t i = 0; i < ASKING; i++) {
        pthread_join(asking[i].thread, NULL);
        const struct response *response = &asking[i].response;
        if (response->error.code) {
            assert_int_equal(response->error.code, ERROR_UNAVAILABLE);
        } else {
            assert_true(response->reload.policy.result == RELOAD_ADOPTED ||
                        response->reload.policy.result == RELOAD_UNCHANGED);
            assert_true(!adopted || adopted == response->reload.policy.snapshot_id);
            adopted = response->reload.policy.snapshot_id;
        }
        arena_deinit(&asking[i].bench.arena);
    }
    assert_int_equal(adopted, bench_status(bench).snapshot_id);
    assert_int_equal(metric_value(bench->metrics, RELOADS, RELOAD_ADOPTED), 1);
    reload(bench); /* nobody has left a place taken */
}

/* Its cases may take longer than the server has to come to its end. */
static void a_server_that_ends_reloads_no_more(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    uint64_t before = bench_status(bench).snapshot_id;
    bench_write_rules(bench, 401);
    service_drain(bench->service);
    struct response response = ask(bench, true);
    assert_int_equal(response.error.code, ERROR_UNAVAILABLE);
    assert_true(
        text_is(response.error.message, "the server is shutting down; nothing was reloaded"));
    assert_int_equal(bench_status(bench).snapshot_id, before);
    assert_int_equal(metric_total(bench->metrics, RELOADS), 0);
}

/* ---- warming ---- */

static void what_is_warming_is_named(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    bench_write_policy(bench, "features.yaml",
                       "entities:\n  card: {key: card}\n"
                       "features:\n"
                       "  card:\n"
                       "    - {name: count_1h, aggregate: count, window: 1h}\n"
                       "    - {name: count_2h, aggregate: count, window: 2h}\n"
                       "    - {name: count_3h, aggregate: count, window: 3h}\n"
                       "values:\n"
                       "  - {name: both, value: card.count_2h + card.count_1h}\n");
    bench_write_policy(bench, "rules/all.yaml",
                       "rules:\n"
                       "  - {name: many, when: card.count_1h >= 3, then: {score: 1}}\n"
                       "  - {name: through, when: both >= 3, then: {score: 1}}\n"
                       "  - {name: off, when: both >= 4, then: {score: 1}, mode: off}\n"
                       "  - {name: direct, when: card.count_2h >= 3, then: {score: 1}}\n");
    struct warming warming = reload(bench).warming;
    assert_int_equal(warming.feature_count, 2);
    assert_true(text_is(warming.features[0], "card.count_2h"));
    assert_true(text_is(warming.features[1], "card.count_3h"));
    assert_int_equal(warming.rule_count, 2);
    assert_true(text_is(warming.rules[0], "through"));
    assert_true(text_is(warming.rules[1], "direct"));
    struct warming again = bench_status(bench).warming;
    assert_int_equal(again.named_features, 2);
    assert_int_equal(again.named_rules, 2);
    struct decision decision = bench_score(bench, bench_transaction("a", 0, "c1", 100)).decision;
    assert_true(text_is(decision.degraded_reason,
                        "2 features have no history until the next rebuild: card.count_2h, "
                        "card.count_3h; used by through, direct"));
}

/* ---- beside everything ---- */

struct client {
    pthread_t thread;
    struct bench bench;
    unsigned number, sent;
    atomic_bool *stop;
};

static void *score(void *user) {
    struct client *client = user;
    while (!atomic_load(client->stop)) {
        char id[32], card[16];
        snprintf(id, sizeof id, "k%u-%u", client->number, client->sent);
        snprintf(card, sizeof card, "c%u", client->sent++ % 7);
        struct score_result result =
            bench_score(&client->bench, bench_transaction(id, client->sent % 60, card, 100));
        assert_int_equal(result.error.code, 0);
        arena_reset(&client->bench.arena);
        usleep(200);
    }
    return NULL;
}

/* Looks at all that can be looked at. */
static void *look(void *user) {
    struct client *client = user;
    struct buffer text;
    buffer_init(&text);
    while (!atomic_load(client->stop)) {
        bench_status(&client->bench);
        service_measure(client->bench.service);
        service_write_shadows(client->bench.service, &text);
        service_poll(client->bench.service);
        buffer_clear(&text);
        arena_reset(&client->bench.arena);
        usleep(500);
    }
    buffer_deinit(&text);
    return NULL;
}

static void start(struct bench *bench, struct client *client, unsigned number, atomic_bool *stop,
                  void *(*work)(void *user)) {
    *client = (struct client){.number = number, .stop = stop};
    bench_beside(bench, &client->bench);
    assert_int_equal(pthread_create(&client->thread, NULL, work, client), 0);
}

/* There is nothing to rebuild from before the first record is on the disk. */
static void await_first_sync(struct bench *bench) {
    for (int i = 0; i < BENCH_WAIT_MS && bench_status(bench).synced_position == 0; i++) {
        usleep(1000);
        arena_reset(&bench->arena);
    }
    arena_reset(&bench->arena);
}

static void rebuild_beside(struct bench *bench) {
    const struct rebuild_options options = {.archive = bench->settings.archive,
                                            .generations = bench->settings.generations,
                                            .version = "test",
                                            .now_us = BENCH_START_US};
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
}

/* The archive names the policy of each decision before it. Returns how many decisions there are. */
static unsigned check_archive(const struct bench *bench) {
    struct archive_reader *reader;
    struct record record;
    struct arena arena;
    struct error error;
    uint64_t in_force = 0;
    unsigned decisions = 0;
    arena_init(&arena, 64u << 20);
    assert_int_equal(
        archive_reader_open(bench->settings.archive, (struct archive_place){0}, &reader, &error),
        0);
    while (archive_reader_next(reader, &arena, &record, &error) > 0) {
        if (record.type == RECORD_SNAPSHOT)
            in_force = record.snapshot.snapshot_id;
        if (record.type == RECORD_TRANSACTION) {
            assert_int_equal(record.transaction.decision.snapshot_id, in_force);
            decisions++;
        }
        arena_reset(&arena);
    }
    archive_reader_close(reader);
    arena_deinit(&arena);
    return decisions;
}

static void beside_decisions_and_swaps(void **state) {
    struct bench *bench = *state;
    struct client clients[CLIENTS];
    atomic_bool stop = false;
    char shadow[128], command[512];
    snprintf(shadow, sizeof shadow, "%s/shadow", bench->folder);
    snprintf(command, sizeof command, "cp -r %s %s", bench->settings.policy, shadow);
    assert_int_equal(system(command), 0);
    const char *const shadows[] = {shadow};
    bench->settings.shadows = shadows;
    bench->settings.shadow_count = 1;
    bench_open(bench);
    bench_score(bench, bench_transaction("first", 0, "c1", 100));
    await_first_sync(bench);
    for (unsigned i = 0; i < CLIENTS; i++)
        start(bench, &clients[i], i, &stop, i ? score : look);
    int adopted = 0;
    for (int i = 0; i < 40; i++) {
        if (i % 2)
            write_broken(bench);
        else
            bench_write_rules(bench, 401 + i);
        struct reload_response reported = reload(bench);
        assert_int_equal(reported.policy.result, i % 2 ? RELOAD_REFUSED : RELOAD_ADOPTED);
        adopted += reported.policy.result == RELOAD_ADOPTED;
        if (i % 10 == 5)
            rebuild_beside(bench); /* the swap comes beside the next reloads */
        arena_reset(&bench->arena);
    }
    atomic_store(&stop, true);
    unsigned sent = 1;
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        sent += clients[i].sent;
        arena_deinit(&clients[i].bench.arena);
    }
    assert_int_equal(metric_value(bench->metrics, RELOADS, RELOAD_ADOPTED), adopted);
    bench_close(bench);
    assert_int_equal(check_archive(bench), sent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_waits_is_reported, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_refusal_grows_old, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(who_does_not_wait_is_answered_at_once, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(many_ask_at_once, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(a_server_that_ends_reloads_no_more, bench_setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(what_is_warming_is_named, bench_setup, bench_teardown),
        cmocka_unit_test_setup_teardown(beside_decisions_and_swaps, bench_setup, bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
