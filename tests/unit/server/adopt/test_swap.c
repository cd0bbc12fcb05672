/* Taking up a generation while decisions go on: nobody can tell from the decisions that it
 * happened, whatever is wrong with a generation leaves the old one in use, and what differs is
 * found. */
#include "batch/rebuild/rebuild.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"
#include "core/store/generation/generation.h"
#include "core/store/overlay/overlay.h"
#include "server/adopt/swap.h"
#include "server/adopt/swap_run.h"
#include "tests/unit/server/bench.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void allow_writing(void) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int setup(void **state) {
    struct bench *benches = calloc(2, sizeof *benches); /* the second for comparing with */
    bench_init(&benches[0]);
    bench_init(&benches[1]);
    for (int i = 0; i < 2; i++) /* nothing of the traffic is ahead of the clock */
        atomic_fetch_add(&benches[i].clock.wall_us, 366 * 86400 * BENCH_SECOND);
    *state = benches;
    return 0;
}

static int teardown(void **state) {
    allow_writing(); /* a test may have failed before it did */
    struct bench *benches = *state;
    bench_deinit(&benches[0]);
    bench_deinit(&benches[1]);
    free(benches);
    return 0;
}

/* ---- traffic ---- */

/* The i-th of a fixed sequence: busy cards and merchants, some of them a little late. */
static struct transaction nth(struct bench *bench, unsigned i) {
    char *id = arena_alloc(&bench->arena, 16), *card = arena_alloc(&bench->arena, 16);
    snprintf(id, 16, "t%u", i);
    snprintf(card, 16, "c%u", i * 7 % 23);
    int64_t seconds = (int64_t)i * 13 - (i % 5 == 0 ? 90 : 0);
    struct transaction transaction = bench_transaction(id, seconds, card, 100 + i % 17);
    transaction.fields[FIELD_MERCHANT] = i % 3 ? TEXT_LITERAL("m1") : TEXT_LITERAL("m2");
    return transaction;
}

/* With all its features. */
static struct decision decide(struct bench *bench, unsigned i) {
    struct transaction transaction = nth(bench, i);
    const struct request request = {
        .call = CALL_SCORE,
        .score = {.transactions = &transaction, .transaction_count = 1, .return_features = true}};
    struct response response = bench_call(bench, &request);
    assert_int_equal(response.error.code, 0);
    const struct score_result *result = &response.score.results[0];
    if (result->error.code != 0)
        fail_msg("%.*s", TEXT_ARGS(result->error.message));
    return result->decision;
}

/* Outcomes for what was scored a while ago, so that they cross a swap; some of them twice. */
static void drive(struct bench *bench, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        decide(bench, i);
        char id[16];
        snprintf(id, sizeof id, "t%u", i / 2);
        if (i % 6 == 1)
            assert_int_equal(
                bench_report(bench, id, i % 4 == 1 ? LABEL_FRAUD : LABEL_LEGIT).error.code, 0);
    }
}

static void assert_same_decision(struct decision a, struct decision b, unsigned i) {
    if (a.verdict != b.verdict || a.score != b.score || a.reason_count != b.reason_count ||
        a.feature_count != b.feature_count || a.degraded != b.degraded)
        fail_msg("decision %u is another", i);
    for (size_t r = 0; r < a.reason_count; r++)
        assert_true(text_equal(a.reasons[r].text, b.reasons[r].text));
    for (size_t f = 0; f < a.feature_count; f++)
        if (!value_equal(a.features[f].value, b.features[f].value))
            fail_msg("decision %u: %.*s is another", i, TEXT_ARGS(a.features[f].name));
}

static void await_synced(struct bench *bench) {
    struct status_response status = bench_status(bench);
    for (int i = 0; i < BENCH_WAIT_MS && status.synced_position < status.position; i++) {
        usleep(1000);
        status = bench_status(bench);
    }
    assert_int_equal(status.synced_position, status.position);
}

static struct rebuild_report rebuild_with(struct bench *bench, const char *policy) {
    const struct rebuild_options options = {.archive = bench->settings.archive,
                                            .generations = bench->settings.generations,
                                            .policy = policy,
                                            .version = "test",
                                            .now_us = atomic_load(&bench->clock.wall_us)};
    struct rebuild_report report;
    struct error error;
    await_synced(bench);
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    assert_false(report.up_to_date);
    return report;
}

static struct rebuild_report rebuild(struct bench *bench) {
    return rebuild_with(bench, NULL);
}

/* ---- waiting ---- */

static bool is_resting(struct text state) {
    return text_is(state, "idle") || text_is(state, "refused") || text_is(state, "abandoned");
}

static struct status_response await_swap(struct bench *bench, enum swap_result result,
                                         int64_t count) {
    for (int i = 0; i < BENCH_WAIT_MS && metric_value(bench->metrics, SWAPS, result) < count; i++)
        usleep(1000);
    struct status_response status = bench_status(bench);
    for (int i = 0; i < BENCH_WAIT_MS && !is_resting(status.swap_state); i++) {
        usleep(1000);
        status = bench_status(bench);
    }
    if (metric_value(bench->metrics, SWAPS, result) != count)
        fail_msg("the swap is %.*s: %.*s", TEXT_ARGS(status.swap_state),
                 TEXT_ARGS(status.swap_reason));
    return status;
}

static struct status_response adopt(struct bench *bench, const struct rebuild_report *report) {
    int64_t before = metric_value(bench->metrics, SWAPS, SWAP_RESULT_ADOPTED);
    service_poll(bench->service);
    struct status_response status = await_swap(bench, SWAP_RESULT_ADOPTED, before + 1);
    assert_int_equal(status.generation_id, report->manifest.id);
    assert_true(text_is(status.swap_state, "idle"));
    return status;
}

static void assert_refused(struct bench *bench, const char *words) {
    struct status_response before = bench_status(bench);
    int64_t count = metric_value(bench->metrics, SWAPS, SWAP_RESULT_REFUSED);
    service_poll(bench->service);
    struct status_response after = await_swap(bench, SWAP_RESULT_REFUSED, count + 1);
    assert_true(text_is(after.swap_state, "refused"));
    if (!memmem(after.swap_reason.data, after.swap_reason.length, words, strlen(words)))
        fail_msg("refused: %.*s", TEXT_ARGS(after.swap_reason));
    assert_int_equal(after.generation_id, before.generation_id);
    assert_int_equal(after.position, before.position);
    assert_int_equal(after.state_hash, before.state_hash);
    assert_true(text_is(after.state, "ready"));
    /* Another glance does not try it again. */
    service_poll(bench->service);
    usleep(50000);
    assert_int_equal(metric_value(bench->metrics, SWAPS, SWAP_RESULT_REFUSED), count + 1);
}

static bool has_said(const struct bench *bench, const char *words) {
    char text[1 << 16];
    int descriptor = open(bench->path[4], O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    ssize_t length = read(descriptor, text, sizeof text);
    close(descriptor);
    return length > 0 && memmem(text, (size_t)length, words, strlen(words));
}

/* ---- what nobody must notice ---- */

static void decisions_are_those_of_a_service_that_never_swapped(void **state) {
    struct bench *bench = *state, *other = bench + 1;
    bench_open(bench);
    bench_open(other);
    drive(bench, 0, 120);
    drive(other, 0, 120);
    for (unsigned night = 0, i = 120; night < 3; night++) {
        struct rebuild_report report = rebuild(bench);
        for (unsigned until = i + 40; i < until; i++) { /* to be caught up with */
            drive(bench, i, i + 1);
            drive(other, i, i + 1);
        }
        struct status_response swapped = adopt(bench, &report);
        struct status_response stayed = bench_status(other);
        assert_int_equal(swapped.state_hash, stayed.state_hash);
        assert_int_equal(swapped.position, stayed.position + night + 1); /* the adoptions */
        assert_int_equal(swapped.differing_entities, 0);
        assert_in_range(swapped.compared_entities, 23, 100);
        assert_int_equal(swapped.generation_position, report.manifest.place.position);
        assert_true(decide(bench, 7).duplicate);
        enum label label = night % 2 ? LABEL_LEGIT : LABEL_FRAUD;
        assert_true(bench_report(bench, "t8", label).changed);
        assert_true(bench_report(other, "t8", label).changed);
        for (unsigned until = i + 60; i < until; i++) {
            struct decision a = decide(bench, i), b = decide(other, i);
            assert_same_decision(a, b, i);
            assert_int_equal(a.generation_id, report.manifest.id);
            assert_int_equal(b.generation_id, 0);
        }
    }
    struct status_response last = bench_status(bench);
    assert_int_equal(last.state_hash, bench_status(other).state_hash);
    assert_int_equal(metric_value(bench->metrics, COMPARISONS, COMPARISON_EQUAL), 3);
    assert_int_equal(metric_value(bench->metrics, SWAP_LOCKED, 0), 3);
    bench_close(bench);
    bench_open(bench);
    assert_int_equal(bench_status(bench).state_hash, last.state_hash);
}

/* ---- under load ---- */

#define CLIENTS 3

struct client {
    struct bench bench; /* the same service, memory of its own */
    unsigned number, sent, pause_us;
    atomic_bool *stop;
    pthread_t thread;
};

static void *run_client(void *user) {
    struct client *client = user;
    while (!atomic_load(client->stop)) {
        unsigned i = client->sent++;
        char id[32];
        snprintf(id, sizeof id, "k%u-%u", client->number, i);
        struct transaction transaction = nth(&client->bench, i);
        transaction.id = text_of(id);
        assert_int_equal(bench_score(&client->bench, transaction).error.code, 0);
        if (i % 10 == 5)
            assert_int_equal(bench_report(&client->bench, id, LABEL_FRAUD).error.code, 0);
        arena_reset(&client->bench.arena);
        if (client->pause_us)
            usleep(client->pause_us);
    }
    return NULL;
}

static void start_clients(struct bench *bench, struct client clients[CLIENTS], unsigned pause_us,
                          atomic_bool *stop) {
    atomic_store(stop, false);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){
            .number = i, .pause_us = pause_us, .stop = stop, .bench.service = bench->service};
        clients[i].bench.clock.clock = clock_system;
        arena_init(&clients[i].bench.arena, 64u << 20);
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
}

static unsigned stop_clients(struct client clients[CLIENTS], atomic_bool *stop) {
    unsigned sent = 0;
    atomic_store(stop, true);
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        arena_deinit(&clients[i].bench.arena);
        sent += clients[i].sent;
    }
    return sent;
}

static struct rebuild_report rebuild_beside(struct bench *bench) {
    const struct rebuild_options options = {.archive = bench->settings.archive,
                                            .generations = bench->settings.generations,
                                            .version = "test",
                                            .now_us = BENCH_START_US};
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

static void many_score_while_it_swaps(void **state) {
    struct bench *bench = *state;
    struct client clients[CLIENTS];
    atomic_bool stop;
    bench_open(bench);
    drive(bench, 0, 60);
    start_clients(bench, clients, 1000, &stop);
    for (int night = 0; night < 4; night++) {
        uint64_t position = bench_status(bench).position;
        while (bench_status(bench).position < position + 200)
            usleep(1000);
        struct rebuild_report report = rebuild_beside(bench);
        struct status_response status = adopt(bench, &report);
        assert_int_equal(status.differing_entities, 0);
    }
    unsigned sent = stop_clients(clients, &stop);
    struct status_response last = bench_status(bench);
    assert_int_equal(last.transactions, sent + 60);
    assert_int_equal(metric_value(bench->metrics, COMPARISONS, COMPARISON_EQUAL), 4);
    /* The archive alone gives the same. */
    bench_close(bench);
    char path[192], kept[192];
    snprintf(path, sizeof path, "%s/current", bench->settings.generations);
    snprintf(kept, sizeof kept, "%s/kept", bench->settings.generations);
    assert_int_equal(rename(path, kept), 0);
    bench_open(bench);
    assert_int_equal(bench_status(bench).state_hash, last.state_hash);
}

/* The state as of a position, from the archive. */
static uint64_t hash_at(struct bench *bench, uint64_t position) {
    struct archive_reader *reader;
    struct error error;
    struct buffer messages;
    struct snapshot *snapshot;
    struct arena arena;
    buffer_init(&messages);
    arena_init(&arena, 64u << 20);
    assert_int_equal(snapshot_load_folder(bench->settings.policy, &snapshot, &messages, &error), 0);
    assert_int_equal(
        archive_reader_open(bench->settings.archive, (struct archive_place){0}, &reader, &error),
        0);
    struct engine *engine = engine_new(snapshot, snapshot);
    struct overlay *overlay = overlay_new(&snapshot->plan, NULL);
    struct record record = {0};
    while (record.position < position) {
        arena_reset(&arena);
        assert_int_equal(archive_reader_next(reader, &arena, &record, &error), 1);
        overlay_apply(overlay, engine, &record);
    }
    uint64_t hash = overlay_hash(overlay);
    overlay_free(overlay);
    engine_free(engine);
    archive_reader_close(reader);
    snapshot_unref(snapshot);
    arena_deinit(&arena);
    buffer_deinit(&messages);
    return hash;
}

static void a_state_hash_is_of_one_position(void **state) {
    struct bench *bench = *state;
    struct client clients[CLIENTS];
    struct status_response seen[5];
    atomic_bool stop;
    bench_open(bench);
    drive(bench, 0, 60);
    struct rebuild_report report = rebuild(bench);
    start_clients(bench, clients, 1000, &stop);
    for (size_t i = 0; i < 5; i++) {
        for (uint64_t last = i > 0 ? seen[i - 1].position : 0;
             bench_status(bench).position <= last;)
            usleep(1000);
        if (i == 2)
            adopt(bench, &report); /* from tables and memory as from memory alone */
        seen[i] = bench_status(bench);
    }
    stop_clients(clients, &stop);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(hash_at(bench, seen[i].position), seen[i].state_hash);
    assert_true(seen[4].position > seen[0].position);
}

static void a_catch_up_without_end_is_abandoned(void **state) {
    struct bench *bench = *state;
    struct client clients[CLIENTS];
    atomic_bool stop;
    bench->settings.swap_records_max = -1; /* never near enough */
    bench->settings.swap_patience_us = 1;
    atomic_store(&bench->clock.tick_us, 1);
    bench_open(bench);
    drive(bench, 0, 60);
    rebuild(bench);
    start_clients(bench, clients, 0, &stop);
    service_poll(bench->service);
    struct status_response status = await_swap(bench, SWAP_RESULT_ABANDONED, 1);
    assert_true(text_is(status.swap_state, "abandoned"));
    assert_int_equal(status.generation_id, 0);
    service_poll(bench->service); /* not at once again */
    usleep(20000);
    assert_int_equal(metric_value(bench->metrics, SWAPS, SWAP_RESULT_ABANDONED), 1);
    stop_clients(clients, &stop);
    assert_true(has_said(bench, "swap abandoned"));
    /* After a while it is tried again. */
    atomic_fetch_add(&bench->clock.monotonic_us, SWAP_ABANDONED_PAUSE_US);
    service_poll(bench->service);
    await_swap(bench, SWAP_RESULT_ABANDONED, 2);
}

/* ---- another plan ---- */

static const char more_features[] =
    "entities:\n  card: {key: card}\n  card_merchant: {key: [card, merchant]}\n"
    "features:\n"
    "  card:\n"
    "    - {name: count_1h, aggregate: count, window: 1h}\n"
    "    - {name: count_2h, aggregate: count, window: 2h}\n"
    "  card_merchant:\n"
    "    - {name: count_1d, aggregate: count, window: 1d}\n";

static void reload(struct bench *bench) {
    struct status_response before = bench_status(bench);
    service_reload(bench->service, NULL, bench->settings.max_ahead_us);
    for (int i = 0; i < BENCH_WAIT_MS && bench_status(bench).snapshot_id == before.snapshot_id; i++)
        usleep(1000);
    assert_int_not_equal(bench_status(bench).snapshot_id, before.snapshot_id);
}

/* Feature 1 is count_2h: absent up to the adoption's record, whole from there on. */
static void a_new_feature_begins_with_the_adoption(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    drive(bench, 0, 50);
    bench_write_policy(bench, "features.yaml", more_features);
    reload(bench);
    assert_int_equal(decide(bench, 50).features[1].value.type, VALUE_ABSENT);
    struct rebuild_report report = rebuild(bench);
    assert_int_equal(decide(bench, 51).features[1].value.type, VALUE_ABSENT);
    uint64_t last_old = bench_status(bench).position;
    adopt(bench, &report);
    struct decision decision = decide(bench, 52);
    assert_int_equal(decision.position, last_old + 2); /* the adoption lies between */
    assert_int_equal(decision.features[1].value.type, VALUE_INT);
    /* All of the card's last two hours, those before the policy was loaded among them. */
    int64_t expected = 0;
    for (unsigned i = 0; i <= 52; i++)
        expected += text_equal(nth(bench, i).fields[FIELD_CARD], nth(bench, 52).fields[FIELD_CARD]);
    assert_true(expected > 1);
    assert_int_equal(decision.features[1].value.integer, expected);
    assert_int_equal(metric_value(bench->metrics, COMPARISONS, COMPARISON_SKIPPED), 1);
    service_measure(bench->service);
    assert_int_equal(metric_value(bench->metrics, WARMING_FEATURES, 0), 0);
}

static void tables_of_another_policy_wait_for_it(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    drive(bench, 0, 50);
    /* The other policy has no fraud_1d: that one decides now, and would be absent. */
    char other[128], path[192];
    snprintf(other, sizeof other, "%s/other", bench->folder);
    snprintf(path, sizeof path, "cp -r %s %s", bench->settings.policy, other);
    assert_int_equal(system(path), 0);
    const char *own = bench->settings.policy;
    bench->settings.policy = other;
    bench_write_policy(bench, "features.yaml", more_features);
    bench->settings.policy = own;
    rebuild_with(bench, other);
    assert_refused(bench, "built with another policy");
    assert_true(has_said(bench, "card.sum_1h"));
    bench_write_policy(bench, "features.yaml", more_features);
    reload(bench);
    await_swap(bench, SWAP_RESULT_ADOPTED, 1);
    assert_int_equal(decide(bench, 52).features[1].value.type, VALUE_INT);
}

/* As far behind as it may be, from now on. */
static void let_switch(struct bench *bench) {
    pthread_mutex_lock(&bench->service->lock);
    bench->service->settings.swap_records_max = SWAP_RECORDS_MAX;
    pthread_mutex_unlock(&bench->service->lock);
}

static void await_catch_up(struct bench *bench) {
    service_poll(bench->service);
    for (int i = 0; i < BENCH_WAIT_MS && !text_is(bench_status(bench).swap_state, "catching up");
         i++)
        usleep(1000);
    assert_true(text_is(bench_status(bench).swap_state, "catching up"));
}

/* Whether the tables fit is looked at again for the policy that decides when they are taken. */
static void a_reload_during_the_catch_up(void **state) {
    struct bench *bench = *state;
    char other[128], command[400];
    snprintf(other, sizeof other, "%s/other", bench->folder);
    snprintf(command, sizeof command, "cp -r %s %s", bench->settings.policy, other);
    bench->settings.swap_records_max = -1; /* never near enough */
    bench_open(bench);
    drive(bench, 0, 50);
    assert_int_equal(system(command), 0);
    bench_write_policy(bench, "features.yaml", more_features);
    reload(bench);
    rebuild_with(bench, bench->settings.policy);
    await_catch_up(bench);
    snprintf(command, sizeof command, "cp %s/features.yaml %s/", other, bench->settings.policy);
    assert_int_equal(system(command), 0);
    reload(bench);
    struct decision before = decide(bench, 51);
    let_switch(bench);
    await_swap(bench, SWAP_RESULT_REFUSED, 2); /* the reload asked to look again */
    assert_true(has_said(bench, "built with another policy"));
    assert_int_equal(metric_value(bench->metrics, SWAPS, SWAP_RESULT_ADOPTED), 0);
    struct decision after = decide(bench, 52);
    assert_int_equal(after.degraded, before.degraded);
    for (size_t i = 0; i < before.feature_count; i++)
        assert_int_equal(after.features[i].value.type, before.features[i].value.type);
}

/* One that fits is taken with the new rules. */
static void a_reload_of_rules_during_the_catch_up(void **state) {
    struct bench *bench = *state;
    bench->settings.swap_records_max = -1;
    bench_open(bench);
    drive(bench, 0, 50);
    rebuild(bench);
    await_catch_up(bench);
    bench_write_rules(bench, 777);
    reload(bench);
    uint64_t snapshot_id = bench_status(bench).snapshot_id;
    let_switch(bench);
    await_swap(bench, SWAP_RESULT_ADOPTED, 1);
    assert_true(decide(bench, 52).snapshot_id == snapshot_id);
}

/* ---- what is not taken ---- */

static void current_path(const struct bench *bench, const char *name, char path[256]) {
    snprintf(path, 256, "%s/current/%s", bench->settings.generations, name);
}

static void a_damaged_generation_is_refused(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    drive(bench, 0, 100);
    rebuild(bench);
    char path[256];
    current_path(bench, "tables.mdb", path);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    int file = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;
    off_t at = status.st_size / 2 + 5;
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    assert_refused(bench, "its content has changed since it was published");
    drive(bench, 100, 110);
    /* Whole again, it is taken up when somebody asks. */
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
    service_reload(bench->service, NULL, bench->settings.max_ahead_us);
    assert_int_equal(await_swap(bench, SWAP_RESULT_ADOPTED, 1).differing_entities, 0);
    assert_int_equal(metric_value(bench->metrics, SWAP_STATE, SWAP_REFUSED), 0);
    assert_int_equal(metric_value(bench->metrics, SWAP_STATE, SWAP_IDLE), 1);
}

static void a_later_format_is_refused(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    drive(bench, 0, 100);
    struct rebuild_report first = rebuild(bench);
    adopt(bench, &first);
    drive(bench, 100, 120);
    rebuild(bench);
    char path[256];
    current_path(bench, "manifest.json", path);
    FILE *file = fopen(path, "w");
    assert_true(fputs("{\"format\": 99, \"anything\": []}", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_refused(bench, "format 99");
    drive(bench, 120, 130);
    struct rebuild_report next = rebuild(bench);
    adopt(bench, &next);
}

static void another_archives_generation_is_refused(void **state) {
    struct bench *bench = *state, *other = bench + 1;
    bench_open(other);
    bench_open(bench);
    drive(bench, 0, 100);
    drive(other, 0, 90);
    decide(other, 500);
    rebuild(other);
    assert_int_equal(rename(other->settings.generations, bench->settings.generations), 0);
    assert_refused(bench, "of another archive");
}

/* ---- what differs ---- */

static void a_difference_is_found_and_named(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    drive(bench, 0, 100);
    rebuild(bench);
    bench_publish_with_a_hole(bench);
    service_poll(bench->service);
    struct status_response status = await_swap(bench, SWAP_RESULT_ADOPTED, 1);
    assert_int_equal(status.differing_entities, 1);
    assert_in_range(status.compared_entities, 24, 100);
    assert_int_equal(metric_value(bench->metrics, COMPARISONS, COMPARISON_DIFFERENT), 1);
    assert_int_equal(metric_value(bench->metrics, DIFFERING_ENTITIES, 0), 1);
    char key[HASH_HEX_SIZE], words[64];
    hash_hex(hash_text(TEXT_LITERAL("c7")), key);
    snprintf(words, sizeof words, "card with key hash %s", key);
    assert_true(has_said(bench, words));
    assert_true(has_said(bench, "count_1h "));
}

/* Counts of records, lists and sources are no entities, but whoever watches must hear of them. */
static void a_difference_beside_the_entities_is_found(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    drive(bench, 0, 100);
    rebuild(bench);
    bench_publish_with_wrong_counts(bench);
    service_poll(bench->service);
    assert_int_equal(await_swap(bench, SWAP_RESULT_ADOPTED, 1).differing_entities, 2);
    assert_int_equal(metric_value(bench->metrics, COMPARISONS, COMPARISON_DIFFERENT), 1);
    assert_int_equal(metric_value(bench->metrics, DIFFERING_ENTITIES, 0), 2);
    assert_true(has_said(bench, "the counts of records differ, and the numbers of sources differ"));
}

/* ---- a disk that refuses ---- */

static void forbid_writing(struct bench *bench) {
    await_synced(bench);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The adoption itself cannot be written: neither side is worth anything, and both are folded anew.
 */
static void an_adoption_that_cannot_be_written(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    drive(bench, 0, 100);
    struct rebuild_report first = rebuild(bench);
    adopt(bench, &first);
    drive(bench, 100, 150);
    struct rebuild_report second = rebuild(bench);
    struct status_response good = bench_status(bench);
    forbid_writing(bench);
    service_poll(bench->service);
    await_swap(bench, SWAP_RESULT_INTERRUPTED, 1);
    bench_await(bench, SERVICE_UNAVAILABLE);
    allow_writing();
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    struct status_response back = bench_status(bench);
    assert_int_equal(back.generation_id, first.manifest.id); /* what the archive says */
    assert_int_equal(back.state_hash, good.state_hash);
    assert_int_equal(back.transactions, good.transactions);
    struct status_response swapped = adopt(bench, &second);
    assert_int_equal(swapped.differing_entities, 0);
    assert_int_equal(swapped.state_hash, good.state_hash);
    drive(bench, 150, 160);
    struct status_response last = bench_status(bench);
    bench_close(bench);
    bench_open(bench);
    assert_int_equal(bench_status(bench).state_hash, last.state_hash);
}

static void recovery_does_not_take_what_was_refused(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    drive(bench, 0, 100);
    struct rebuild_report first = rebuild(bench);
    adopt(bench, &first);
    drive(bench, 100, 150);
    rebuild(bench);
    char path[256];
    current_path(bench, "manifest.json", path);
    assert_int_equal(truncate(path, 10), 0);
    assert_refused(bench, "manifest.json");
    struct status_response good = bench_status(bench);
    forbid_writing(bench);
    assert_int_equal(bench_score(bench, nth(bench, 150)).error.code, ERROR_UNAVAILABLE);
    allow_writing();
    service_poll_recovery(bench->service);
    bench_await(bench, SERVICE_READY);
    assert_int_equal(bench_status(bench).generation_id, first.manifest.id);
    assert_int_equal(bench_status(bench).state_hash, good.state_hash);
}

/* ---- freshness ---- */

static void decisions_on_old_tables_are_marked(void **state) {
    struct bench *bench = *state;
    bench->settings.stale_after_us = 86400 * BENCH_SECOND;
    bench_open(bench);
    drive(bench, 0, 20);
    atomic_fetch_add(&bench->clock.wall_us, 2 * 86400 * BENCH_SECOND);
    assert_false(decide(bench, 20).degraded); /* without tables nothing is old */
    struct rebuild_report report = rebuild(bench);
    assert_false(adopt(bench, &report).stale);
    atomic_fetch_add(&bench->clock.wall_us, 86400 * BENCH_SECOND);
    assert_false(decide(bench, 21).degraded); /* not older than that */
    atomic_fetch_add(&bench->clock.wall_us, BENCH_SECOND);
    struct decision decision = decide(bench, 22);
    assert_true(decision.degraded);
    assert_true(text_is(decision.degraded_reason, DECISION_STALE));
    assert_true(bench_status(bench).stale);
    service_measure(bench->service);
    assert_int_equal(metric_value(bench->metrics, GENERATION_STALE, 0), 1);
    assert_int_equal(metric_value(bench->metrics, REBUILD_WANTED, 0), 1);
    assert_int_equal(metric_value(bench->metrics, GENERATION_AGE, 0), 86401 * BENCH_SECOND);
    assert_int_equal(metric_value(bench->metrics, GENERATION_LAG, 0), 3); /* adoption, 21, 22 */
    service_poll(bench->service);
    assert_true(has_said(bench, "older than stale_after"));
    report = rebuild(bench);
    assert_false(adopt(bench, &report).stale);
    assert_false(decide(bench, 23).degraded);
}

static void the_overlay_is_bounded(void **state) {
    struct bench *bench = *state;
    bench_open(bench);
    uint64_t empty = bench_status(bench).overlay_memory_bytes;
    bench_close(bench);
    bench->settings.overlay_limit = empty + 200000;
    bench_open(bench);
    unsigned i = 0;
    for (; text_is(bench_status(bench).state, "ready"); i++) {
        char card[16];
        struct transaction transaction = nth(bench, i);
        snprintf(card, sizeof card, "x%u", i);
        transaction.fields[FIELD_CARD] = text_of(card);
        assert_int_equal(bench_score(bench, transaction).error.code, 0); /* the one over it, too */
        if (!has_said(bench, "close to overlay_limit"))
            service_poll(bench->service);
        assert_true(i < 10000);
    }
    assert_true(has_said(bench, "close to overlay_limit")); /* long before */
    struct status_response full = bench_status(bench);
    assert_true(text_is(full.state, "unavailable"));
    assert_non_null(memmem(full.state_reason.data, full.state_reason.length, "overlay_limit", 13));
    assert_int_equal(bench_score(bench, nth(bench, i)).error.code, ERROR_UNAVAILABLE);
    service_measure(bench->service);
    assert_int_equal(metric_value(bench->metrics, SERVER_READY, 0), 0);
    assert_int_equal(metric_value(bench->metrics, REBUILD_WANTED, 0), 1);
    service_poll_recovery(bench->service); /* nothing is lost, so there is nothing to fold */
    struct rebuild_report report = rebuild(bench);
    adopt(bench, &report);
    bench_await(bench, SERVICE_READY);
    assert_int_equal(bench_status(bench).state_hash, full.state_hash);
    assert_int_equal(bench_score(bench, nth(bench, i)).error.code, 0);
    assert_int_equal(metric_value(bench->metrics, RECOVERIES, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* All that the swap's thread does when it is asked. */
static void await_round(struct bench *bench) {
    struct swap *swap = bench->service->swap;
    for (int round = 0; round < 2; round++) { /* the second begins when the first has ended */
        bool is_asked = true;
        swap_ask(bench->service, false);
        for (int i = 0; i < BENCH_WAIT_MS && is_asked; i++) {
            pthread_mutex_lock(&swap->lock);
            is_asked = swap->is_asked;
            pthread_mutex_unlock(&swap->lock);
            usleep(1000);
        }
        assert_false(is_asked);
    }
}

/* The nights keep so many tables, and may remove those that a server still has open. */
static void removed_tables_are_no_damaged_ones(void **state) {
    struct bench *bench = *state;
    char away[160];
    bench_open(bench);
    drive(bench, 0, 60);
    struct rebuild_report report = rebuild(bench);
    adopt(bench, &report);
    await_round(bench);
    snprintf(away, sizeof away, "%s.away", bench->settings.generations);
    assert_int_equal(rename(bench->settings.generations, away), 0);
    atomic_fetch_add(&bench->clock.monotonic_us, 2 * 86400 * BENCH_SECOND);
    await_round(bench);
    assert_true(has_said(bench, "cannot be read against their hash"));
    assert_false(has_said(bench, "damaged and dropped"));
    assert_int_equal(metric_value(bench->metrics, GENERATION_DAMAGED, 0), 0);
    struct status_response status = bench_status(bench);
    assert_true(text_is(status.state, "ready"));
    assert_int_equal(status.generation_id, report.manifest.id);
    assert_true(decide(bench, 7).duplicate);
    assert_int_equal(rename(away, bench->settings.generations), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(decisions_are_those_of_a_service_that_never_swapped),
        TEST(many_score_while_it_swaps),
        TEST(a_state_hash_is_of_one_position),
        TEST(a_catch_up_without_end_is_abandoned),
        TEST(a_new_feature_begins_with_the_adoption),
        TEST(tables_of_another_policy_wait_for_it),
        TEST(a_reload_during_the_catch_up),
        TEST(a_reload_of_rules_during_the_catch_up),
        TEST(a_damaged_generation_is_refused),
        TEST(a_later_format_is_refused),
        TEST(another_archives_generation_is_refused),
        TEST(a_difference_is_found_and_named),
        TEST(a_difference_beside_the_entities_is_found),
        TEST(an_adoption_that_cannot_be_written),
        TEST(recovery_does_not_take_what_was_refused),
        TEST(decisions_on_old_tables_are_marked),
        TEST(the_overlay_is_bounded),
        TEST(removed_tables_are_no_damaged_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
