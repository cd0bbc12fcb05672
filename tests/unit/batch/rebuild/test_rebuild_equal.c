/* Property: whatever the threads, the ranges and the memory, full or incremental, a rebuild gives
 * the tables that one fold of the archive, record by record, gives. Random archives: outcomes that
 * change their mind, entities that fall idle, records of equal time, transactions that come far too
 * late.
 *
 * HARRIER_STEPS makes it longer. */
#include "batch/rebuild/rebuild.h"

#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "core/store/generation/generation_publish.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/traffic.h"

#include <glob.h>
#include <stdio.h>

#define HOUR_US INT64_C(3600000000)

struct world {
    struct traffic traffic;
    struct snapshot *snapshot;
    char *root;
    char archive[256], generations[256], expected[256]; /* folders in it */
    struct overlay *overlay;                            /* the fold, record by record */
    struct engine *engine;
};

static void append_policy(struct archive *archive, const struct snapshot *snapshot) {
    struct record record = {.type = RECORD_SNAPSHOT,
                            .receive_time_us = TRAFFIC_START_US,
                            .snapshot = {.snapshot_id = snapshot->id,
                                         .name = snapshot->name,
                                         .files = snapshot->files,
                                         .file_count = snapshot->file_count}};
    archive_append(archive, &record);
}

/* So late that only a fold from the first record on knows what it finds. */
static void make_late(struct world *world, struct record *record) {
    if (record->type == RECORD_TRANSACTION)
        record->transaction.transaction.event_time_us -=
            (int64_t)(3 + traffic_random(&world->traffic, 60)) * HOUR_US;
}

static void sync_archive(struct archive *archive) {
    struct archive_sync sync;
    struct error error;
    assert_int_equal(archive_write(archive, &error), 0);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
}

/* One record: appended, folded, and synced. */
static void append_payment(struct world *world, const char *id, const char *card,
                           int64_t event_time_us) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    assert_int_equal(archive_open(world->archive, NULL, &archive, &recovery, &error), 0);
    struct record record = {.type = RECORD_TRANSACTION, .receive_time_us = TRAFFIC_START_US};
    record.transaction.decision.verdict = VERDICT_APPROVE;
    record.transaction.transaction = (struct transaction){.id = text_of(id),
                                                          .event_time_us = event_time_us,
                                                          .amount_minor = 100,
                                                          .currency = TEXT_LITERAL("EUR")};
    record.transaction.transaction.fields[FIELD_CARD] = text_of(card);
    archive_append(archive, &record);
    overlay_apply(world->overlay, world->engine, &record);
    world->traffic.position = record.position;
    sync_archive(archive);
    archive_close(archive);
}

/* Appends records, folds them, and syncs. late: how many in a hundred come late. */
static void append_traffic(struct world *world, unsigned count, unsigned late) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    const struct archive_options options = {.segment_bytes = 20000};
    if (archive_open(world->archive, &options, &archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    if (archive_end(archive).position == 0)
        append_policy(archive, world->snapshot);
    for (unsigned i = 0; i < count; i++) {
        struct record record = traffic_next(&world->traffic);
        if (traffic_random(&world->traffic, 100) < late)
            make_late(world, &record);
        uint64_t position = record.position;
        archive_append(archive, &record);
        assert_int_equal(record.position, position);
        overlay_apply(world->overlay, world->engine, &record);
    }
    sync_archive(archive);
    archive_close(archive);
}

static int put_state(void *user, size_t entity, struct text key, struct text state) {
    struct error error;
    return generation_writer_state(user, entity, key, state, &error);
}

static int put_id(void *user, uint64_t id_hash, struct known_id known) {
    struct error error;
    return generation_writer_id(user, id_hash, known, &error);
}

/* The generation that the fold amounts to. */
static struct generation_manifest publish_fold(const struct world *world,
                                               struct archive_place place) {
    struct generation_writer *writer;
    struct generation_manifest manifest;
    struct error error;
    assert_int_equal(
        generation_writer_open(world->expected, &world->snapshot->plan, &writer, &error), 0);
    assert_int_equal(overlay_visit(world->overlay, put_state, writer), 0);
    assert_int_equal(overlay_visit_ids(world->overlay, put_id, writer), 0);
    const struct snapshot_record snapshot = {.snapshot_id = world->snapshot->id,
                                             .files = world->snapshot->files,
                                             .file_count = world->snapshot->file_count};
    const struct tally tally = overlay_tally(world->overlay);
    const struct generation_description description = {.place = place,
                                                       .snapshot = &snapshot,
                                                       .tally = &tally,
                                                       .sources = overlay_sources(world->overlay),
                                                       .version = "fold"};
    assert_int_equal(generation_writer_finish(writer, &description, &error), 0);
    for (size_t i = 0; i < generation_writer_checks(writer); i++)
        assert_int_equal(generation_writer_check(writer, i, &error), 0);
    assert_int_equal(generation_writer_publish(writer, &manifest, &error), 0);
    generation_writer_close(writer);
    return manifest;
}

static struct rebuild_report rebuild(const struct world *world, struct rebuild_options options) {
    struct rebuild_report report;
    struct error error;
    options.archive = world->archive;
    options.generations = world->generations;
    options.version = "test";
    options.now_us = TRAFFIC_START_US + (INT64_C(1) << 50);
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

static void expect_fold(const struct world *world, const struct rebuild_report *report,
                        const char *how) {
    struct tally tally = overlay_tally(world->overlay);
    struct generation_manifest expected = publish_fold(world, report->manifest.place);
    if (report->manifest.content_hash != expected.content_hash)
        fail_msg("%s, at position %llu: other tables than the fold's: %llu states for %llu, %llu "
                 "ids for %llu, states %s",
                 how, (unsigned long long)report->manifest.place.position,
                 (unsigned long long)report->manifest.states, (unsigned long long)expected.states,
                 (unsigned long long)report->manifest.ids, (unsigned long long)expected.ids,
                 report->manifest.state_hash == expected.state_hash ? "equal" : "different");
    assert_true(report->manifest.id == expected.id);
    assert_int_equal(report->tally.transactions, tally.transactions);
    assert_int_equal(report->tally.outcomes, tally.outcomes);
    assert_int_equal(report->tally.newest_event_time_us, tally.newest_event_time_us);
    assert_memory_equal(report->tally.labels, tally.labels, sizeof tally.labels);
}

/* The policy is the world's then. */
static void world_init_with(struct world *world, uint64_t seed, struct snapshot *snapshot) {
    *world = (struct world){.snapshot = snapshot, .root = scratch_make()};
    traffic_init(&world->traffic, seed);
    snprintf(world->archive, sizeof world->archive, "%s/archive", world->root);
    snprintf(world->generations, sizeof world->generations, "%s/generations", world->root);
    snprintf(world->expected, sizeof world->expected, "%s/expected", world->root);
    world->overlay = overlay_new(&world->snapshot->plan, NULL);
    world->engine = engine_new(world->snapshot, world->snapshot);
    world->traffic.position = 1; /* behind the policy */
}

static void world_init(struct world *world, uint64_t seed) {
    world_init_with(world, seed, traffic_policy(""));
}

static void world_deinit(struct world *world) {
    engine_free(world->engine);
    overlay_free(world->overlay);
    snapshot_unref(world->snapshot);
    traffic_deinit(&world->traffic);
    scratch_remove(world->root);
}

static uint64_t chance(struct world *world, uint64_t below) {
    return traffic_random(&world->traffic, below);
}

static struct rebuild_options random_options(struct world *world) {
    static const uint64_t memories[] = {64 << 10, 1 << 20, 64 << 20};
    return (struct rebuild_options){
        .force = true,
        .threads = 1 + (size_t)chance(world, 4),
        .partitions = (size_t)chance(world, 9),
        .memory_bytes = memories[chance(world, 3)],
        .keep = 1 + (size_t)chance(world, 3),
        .drop_cache = chance(world, 2),
    };
}

/* Each in its own way, from the first record on. */
static void threads_ranges_and_memory_do_not_matter(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 17);
    append_traffic(&world, 6000, 2);
    static const struct rebuild_options ways[] = {
        {.threads = 1, .partitions = 1},
        {.threads = 2, .partitions = 1},
        {.threads = 2, .partitions = 2},
        {.threads = 2, .partitions = 7},
        {.threads = 3, .partitions = 1, .memory_bytes = 256 << 10},
        {.threads = 3, .partitions = 7, .memory_bytes = 256 << 10},
        {.threads = 1, .partitions = 1, .memory_bytes = 64 << 10},
        {.threads = 2},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct rebuild_options options = ways[i];
        options.force = options.full = true;
        struct rebuild_report report = rebuild(&world, options);
        assert_int_equal(report.from_position, 0);
        if (options.memory_bytes > 0 && options.partitions == 1)
            assert_true(report.spilled_bytes > 0);
        expect_fold(&world, &report, "full");
    }
    world_deinit(&world);
}

/* Nights, one after the other: what is in time goes on from the night before. */
static void nights_give_what_a_fold_gives(void **state) {
    (void)state;
    unsigned worlds = (unsigned)asked_steps(6);
    unsigned incremental = 0;
    for (unsigned seed = 0; seed < worlds; seed++) {
        struct world world;
        world_init(&world, 1000 + seed);
        uint64_t position = 0;
        for (unsigned night = 0; night < 5; night++) {
            append_traffic(&world, 1 + (unsigned)chance(&world, 900), 0);
            struct rebuild_options options = random_options(&world);
            options.full = chance(&world, 6) == 0;
            struct rebuild_report report = rebuild(&world, options);
            bool goes_on = night > 0 && !options.full;
            assert_int_equal(report.from_position, goes_on ? position : 0);
            incremental += goes_on;
            position = report.manifest.place.position;
            expect_fold(&world, &report, goes_on ? "incremental" : "full");
        }
        world_deinit(&world);
    }
    assert_true(incremental >= worlds);
}

/* Transactions that come later than the lateness may find a history that a generation has left out:
 * the rebuild notices and begins at the first record. */
static void what_comes_too_late_is_not_lost(void **state) {
    (void)state;
    unsigned worlds = (unsigned)asked_steps(6);
    unsigned noticed = 0, incremental = 0;
    for (unsigned seed = 0; seed < worlds; seed++) {
        struct world world;
        world_init(&world, 2000 + seed);
        append_traffic(&world, 1500, 1);
        rebuild(&world, random_options(&world));
        for (unsigned night = 0; night < 4; night++) {
            append_traffic(&world, 1 + (unsigned)chance(&world, 200), night);
            struct rebuild_report report = rebuild(&world, random_options(&world));
            incremental += report.from_position > 0;
            noticed += strstr(report.full_because, "later than the policy's lateness") != NULL;
            expect_fold(&world, &report, "with late transactions");
        }
        world_deinit(&world);
    }
    assert_true(noticed > 0 && incremental > 0);
}

/* The shortest case of it: a card pays, everything it left behind goes idle, and then a payment
 * comes so late that it lies within the windows of the first one again. others: payments that come
 * with it, enough of them and the entity's keys are folded in pieces. */
static void late_payment_after_a_pause(const struct rebuild_options *options, unsigned others) {
    struct world world;
    world_init(&world, 99);
    append_traffic(&world, 400, 0);
    int64_t begin_us = overlay_tally(world.overlay).newest_event_time_us;
    append_payment(&world, "before", "paused", begin_us);
    append_payment(&world, "elsewhere", "other", begin_us + 13 * HOUR_US);
    rebuild(&world, *options);
    append_payment(&world, "late", "paused", begin_us + 5 * HOUR_US);
    for (unsigned i = 0; i < others; i++) {
        char id[32], card[32];
        snprintf(id, sizeof id, "other-%u", i);
        snprintf(card, sizeof card, "other-%u", i % 70);
        append_payment(&world, id, card, begin_us + 13 * HOUR_US);
    }
    struct rebuild_report report = rebuild(&world, *options);
    assert_non_null(strstr(report.full_because, "later than the policy's lateness"));
    assert_int_equal(report.from_position, 0);
    expect_fold(&world, &report, "after a pause");
    world_deinit(&world);
}

static void a_late_payment_finds_what_was_left_out(void **state) {
    (void)state;
    late_payment_after_a_pause(&(struct rebuild_options){.threads = 2}, 0);
    late_payment_after_a_pause(
        &(struct rebuild_options){.threads = 1, .partitions = 1, .memory_bytes = 32 << 10}, 600);
}

/* A policy that a server took up in the middle of its work. */
static void append_later_policy(struct world *world, const struct snapshot *snapshot) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    const struct archive_options options = {.segment_bytes = 20000};
    assert_int_equal(archive_open(world->archive, &options, &archive, &recovery, &error), 0);
    append_policy(archive, snapshot);
    sync_archive(archive);
    world->traffic.position = archive_end(archive).position;
    archive_close(archive);
}

/* The same features, but another file: what changing a rule comes to. */
static struct snapshot *same_features(const struct snapshot *snapshot, const char *comment) {
    struct policy_file files[8];
    struct snapshot *other;
    struct buffer content, messages;
    struct error error;
    assert_true(snapshot->file_count <= 8);
    memcpy(files, snapshot->files, snapshot->file_count * sizeof *files);
    buffer_init(&content);
    buffer_init(&messages);
    buffer_append(&content, files[0].content.data, files[0].content.length);
    buffer_append_string(&content, comment);
    files[0].content = (struct text){.data = (const char *)content.bytes, .length = content.length};
    if (snapshot_load(files, snapshot->file_count, &other, &messages, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(other->id != snapshot->id && other->plan.id == snapshot->plan.id);
    buffer_deinit(&content);
    buffer_deinit(&messages);
    return other;
}

/* What the first one finds while it scans, the second one, which has a generation to go on from,
 * looks for first: the last policy, and the tables of its features. */
static void expect_last_policy(const struct world *world, const struct snapshot *last) {
    const struct rebuild_options options = {.force = true, .threads = 2};
    for (int i = 0; i < 2; i++) {
        struct rebuild_report report = rebuild(world, options);
        assert_true(report.manifest.snapshot_id == last->id);
        assert_int_equal(report.from_position, 0);
        assert_int_equal(report.records, report.manifest.place.position);
        assert_int_equal(report.tally.transactions, overlay_tally(world->overlay).transactions);
        if (last == world->snapshot)
            expect_fold(world, &report, "with the last policy");
    }
}

/* However far into a segment it stands. */
static void the_last_policy_counts(void **state) {
    (void)state;
    static const char extra[] = "    - {name: count_9h, aggregate: count, window: 9h}\n";
    for (unsigned before = 1; before < 240; before += 34) {
        struct world world;
        struct snapshot *first = traffic_policy("");
        world_init_with(&world, 3000 + before, traffic_policy(extra));
        assert_true(first->plan.id != world.snapshot->plan.id);
        append_later_policy(&world, first);
        append_traffic(&world, before, 0);
        append_later_policy(&world, world.snapshot);
        append_traffic(&world, 300, 0);
        expect_last_policy(&world, world.snapshot);

        struct snapshot *last = same_features(world.snapshot, "# a comment\n");
        append_later_policy(&world, last);
        append_traffic(&world, 150, 0);
        snprintf(world.generations, sizeof world.generations, "%s/anew", world.root);
        expect_last_policy(&world, last);
        snapshot_unref(last);
        snapshot_unref(first);
        world_deinit(&world);
    }
}

static void damage(const char *path) {
    struct text bytes = scratch_read(path);
    ((char *)(uintptr_t)bytes.data)[bytes.length / 2] ^= 1;
    scratch_write(path, bytes.data, bytes.length);
    free((char *)(uintptr_t)bytes.data);
}

/* The last policy is looked for from the end: whether a thread has begun with a segment before it
 * is chance, so what is wrong there must not matter. */
static void damage_that_is_not_read_does_not_matter(void **state) {
    (void)state;
    struct world world;
    glob_t found;
    char pattern[300];
    world_init(&world, 4000);
    append_traffic(&world, 3000, 0);
    rebuild(&world, (struct rebuild_options){.threads = 2});
    snprintf(pattern, sizeof pattern, "%s/*/*", world.archive);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 8);
    for (size_t i = 0; i < found.gl_pathc - 1; i++)
        damage(found.gl_pathv[i]);
    globfree(&found);
    append_later_policy(&world, world.snapshot);
    for (size_t i = 0; i < 20; i++) {
        append_traffic(&world, 10, 0);
        struct rebuild_report report = rebuild(&world, (struct rebuild_options){.threads = 8});
        assert_true(report.from_position > 0);
    }
    world_deinit(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_ranges_and_memory_do_not_matter),
        cmocka_unit_test(nights_give_what_a_fold_gives),
        cmocka_unit_test(what_comes_too_late_is_not_lost),
        cmocka_unit_test(a_late_payment_finds_what_was_left_out),
        cmocka_unit_test(the_last_policy_counts),
        cmocka_unit_test(damage_that_is_not_read_does_not_matter),
    };
    return cmocka_run_group_tests_name("rebuild_equal", tests, NULL, NULL);
}
