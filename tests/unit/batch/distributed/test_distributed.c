/* Property: a rebuild in tasks, whatever its shares, ranges and memory, publishes what a rebuild in
 * one process does (which test_rebuild_equal.c holds against a fold of single records).
 *
 * HARRIER_STEPS makes it longer. */
#include "batch/distributed/distributed_rebuild.h"

#include "batch/distributed/fold_task.h"
#include "batch/distributed/rebuild_task.h"
#include "core/store/archive/archive.h"
#include "tasks_engine.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/traffic.h"

#include <glob.h>
#include <stdio.h>
#include <unistd.h>

struct world {
    struct traffic traffic;
    char *root;
    char archive[256], here[256], there[256]; /* folders in it: the generations of either rebuild */
    unsigned lists;                           /* changes so far */
};

static void world_init(struct world *world, uint64_t seed) {
    *world = (struct world){.root = scratch_make()};
    traffic_init(&world->traffic, seed);
    snprintf(world->archive, sizeof world->archive, "%s/archive", world->root);
    snprintf(world->here, sizeof world->here, "%s/here", world->root);
    snprintf(world->there, sizeof world->there, "%s/there", world->root);
}

static void world_deinit(struct world *world) {
    traffic_deinit(&world->traffic);
    scratch_remove(world->root);
}

static uint64_t chance(struct world *world, uint64_t below) {
    return traffic_random(&world->traffic, below);
}

/* As in event time: a day has 480 records. */
static int64_t receive_time_us(const struct world *world) {
    return TRAFFIC_START_US + (int64_t)world->traffic.position * 180000000;
}

static struct archive *open_archive(const struct world *world) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct error error;
    const struct archive_options options = {.segment_bytes = 20000};
    if (archive_open(world->archive, &options, &archive, &recovery, &error) < 0)
        fail_msg("%s", error.text);
    return archive;
}

static void close_archive(struct world *world, struct archive *archive) {
    struct archive_sync sync;
    struct error error;
    assert_int_equal(archive_write(archive, &error), 0);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
    world->traffic.position = archive_end(archive).position;
    archive_close(archive);
}

static void append_policy(struct world *world, const struct snapshot *snapshot) {
    struct record record = {.type = RECORD_SNAPSHOT,
                            .receive_time_us = receive_time_us(world),
                            .snapshot = {.snapshot_id = snapshot->id,
                                         .name = snapshot->name,
                                         .files = snapshot->files,
                                         .file_count = snapshot->file_count}};
    struct archive *archive = open_archive(world);
    archive_append(archive, &record);
    close_archive(world, archive);
}

/* Later ones change what earlier ones did, so their order shows. */
static void append_list_change(struct world *world, struct archive *archive) {
    char entry[32];
    snprintf(entry, sizeof entry, "e%u", (unsigned)chance(world, 5));
    struct record record = {.type = RECORD_LIST_CHANGE,
                            .receive_time_us = receive_time_us(world),
                            .list_change = {.list = TEXT_LITERAL("blocked"),
                                            .entry = text_of(entry),
                                            .removed = world->lists++ % 3 == 2,
                                            .source = TEXT_LITERAL("test")}};
    archive_append(archive, &record);
    world->traffic.position = record.position;
}

static void append_generation(struct world *world, struct archive *archive) {
    struct record record = {.type = RECORD_GENERATION,
                            .receive_time_us = receive_time_us(world),
                            .generation = {.generation_id = 1 + chance(world, 1000)}};
    archive_append(archive, &record);
    world->traffic.position = record.position;
}

static void append_traffic(struct world *world, unsigned count) {
    struct archive *archive = open_archive(world);
    for (unsigned i = 0; i < count; i++) {
        struct record record = traffic_next(&world->traffic);
        record.receive_time_us = receive_time_us(world);
        archive_append(archive, &record);
        if (chance(world, 60) == 0)
            append_list_change(world, archive);
        if (chance(world, 200) == 0)
            append_generation(world, archive);
    }
    close_archive(world, archive);
}

static const struct rebuild_options common = {.force = true,
                                              .full = true,
                                              .id_days = 2,
                                              .version = "test",
                                              .now_us = TRAFFIC_START_US + (INT64_C(1) << 50)};

static struct rebuild_report rebuild_here(const struct world *world) {
    struct rebuild_options options = common;
    struct rebuild_report report;
    struct error error;
    options.archive = world->archive;
    options.generations = world->here;
    options.threads = 2;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

static int run_there(struct world *world, struct tasks_engine *engine, uint64_t range_bytes,
                     distributed_run *run, struct rebuild_report *ret_report, struct error *error) {
    struct rebuild_options options = common;
    const struct distributed_options distributed = {
        .shares = engine->shares, .range_bytes = range_bytes, .run = run, .user = engine};
    options.archive = world->archive;
    options.generations = world->there;
    engine->archive = world->archive;
    engine->scratch = world->root;
    return distributed_rebuild_run(&options, &distributed, NULL, ret_report, error);
}

static void expect_equal(const struct rebuild_report *here, const struct rebuild_report *there) {
    assert_int_equal(there->manifest.states, here->manifest.states);
    assert_int_equal(there->manifest.ids, here->manifest.ids);
    assert_true(there->manifest.state_hash == here->manifest.state_hash);
    assert_true(there->manifest.content_hash == here->manifest.content_hash);
    assert_true(there->manifest.id == here->manifest.id);
    assert_true(there->manifest.snapshot_id == here->manifest.snapshot_id);
    assert_true(there->manifest.adopted_id == here->manifest.adopted_id);
    assert_int_equal(there->manifest.ids_from, here->manifest.ids_from);
    assert_int_equal(there->records, here->records);
    assert_int_equal(there->tally.transactions, here->tally.transactions);
    assert_int_equal(there->tally.outcomes, here->tally.outcomes);
    assert_memory_equal(there->tally.labels, here->tally.labels, sizeof here->tally.labels);
}

static unsigned horizons; /* rebuilds that left out ids */

/* Returns how often the tasks were started. */
static unsigned compare(struct world *world, struct tasks_engine *engine, uint64_t range_bytes) {
    struct rebuild_report here = rebuild_here(world), there;
    struct error error;
    engine->runs = 0;
    if (run_there(world, engine, range_bytes, tasks_engine_run, &there, &error) < 0)
        fail_msg("%s", error.text);
    expect_equal(&here, &there);
    horizons += here.manifest.ids_from > 0;
    rebuild_report_deinit(&here);
    rebuild_report_deinit(&there);
    return engine->runs;
}

static void shares_ranges_and_memory_do_not_matter(void **state) {
    (void)state;
    unsigned worlds = (unsigned)asked_steps(6);
    static const uint64_t memories[] = {1 << 20, 4 << 20, 64 << 20};
    static const uint64_t ranges[] = {2000, 20000, 0};
    for (unsigned seed = 0; seed < worlds; seed++) {
        struct world world;
        world_init(&world, 100 + seed);
        struct snapshot *policy = traffic_policy("");
        append_policy(&world, policy);
        append_traffic(&world, 1 + (unsigned)chance(&world, 3000));
        for (size_t i = 0; i < 3; i++) {
            struct tasks_engine engine = {.memory_bytes = memories[chance(&world, 3)],
                                          .random = chance(&world, 1000000),
                                          .shares = 1 + (size_t)chance(&world, 12)};
            assert_int_equal(compare(&world, &engine, ranges[i]), 1);
            assert_true(engine.rows > 0);
        }
        snapshot_unref(policy);
        world_deinit(&world);
    }
    assert_true(horizons > 0);
}

/* The guess is what stands near the beginning of a segment; what follows is met by the tasks. */
static void the_last_policy_counts(void **state) {
    (void)state;
    static const char extra[] = "    - {name: count_9h, aggregate: count, window: 9h}\n";
    unsigned again = 0;
    for (unsigned before = 100; before < 400; before += 60) {
        struct world world;
        world_init(&world, 3000 + before);
        struct snapshot *first = traffic_policy(""), *last = traffic_policy(extra);
        struct tasks_engine engine = {.memory_bytes = 4 << 20, .shares = 3};
        append_policy(&world, first);
        append_traffic(&world, before);
        append_policy(&world, last);
        append_traffic(&world, 300);
        again += compare(&world, &engine, 0) == 2;
        append_policy(&world, first); /* and back */
        append_traffic(&world, 20);
        compare(&world, &engine, 0);
        snapshot_unref(first);
        snapshot_unref(last);
        world_deinit(&world);
    }
    assert_true(again > 0);
}

/* ---- what goes wrong ---- */

static int fail_to_run(void *user, struct distributed_rebuild *rebuild,
                       enum distributed_stage stage, struct text description,
                       struct error *ret_error) {
    (void)user, (void)rebuild, (void)stage, (void)description;
    return error_set(ret_error, ERROR_UNAVAILABLE, "the engine is gone");
}

static int run_nothing(void *user, struct distributed_rebuild *rebuild,
                       enum distributed_stage stage, struct text description,
                       struct error *ret_error) {
    (void)user, (void)rebuild, (void)stage, (void)description, (void)ret_error;
    return 0;
}

static int run_twice(void *user, struct distributed_rebuild *rebuild, enum distributed_stage stage,
                     struct text description, struct error *ret_error) {
    int r = tasks_engine_run(user, rebuild, stage, description, ret_error);
    return r < 0 ? r : tasks_engine_run(user, rebuild, stage, description, ret_error);
}

/* Rows that no part and no task of ours makes, one at a time. */
static void read_row(struct arrow_row row,
                     int (*take)(void *to, const struct arrow_rows *rows, struct error *ret_error),
                     void *to, int expected, struct error *ret_error) {
    struct arrow_blocks *blocks = arrow_blocks_new();
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct arrow_rows rows;
    arrow_blocks_add(blocks, &row);
    arrow_blocks_export(blocks, &schema, &array);
    assert_int_equal(arrow_rows_of(&schema, &array, &rows, ret_error), 0);
    assert_int_equal(take(to, &rows, ret_error), expected);
    array.release(&array);
    schema.release(&schema);
    arrow_blocks_free(blocks);
}

static int take_folded(void *to, const struct arrow_rows *rows, struct error *ret_error) {
    return distributed_rebuild_take(to, rows, ret_error);
}

static int take_shuffled(void *to, const struct arrow_rows *rows, struct error *ret_error) {
    return fold_task_take(to, rows, ret_error);
}

static int row_of_no_stream(void *user, struct distributed_rebuild *rebuild,
                            enum distributed_stage stage, struct text description,
                            struct error *ret_error) {
    (void)user, (void)stage, (void)description;
    read_row((struct arrow_row){.stream = -2, .block = TEXT_LITERAL("")}, take_folded, rebuild,
             -ERROR_INVALID, ret_error);
    return -ERROR_INVALID;
}

static int rows_of_two_shares(void *user, struct distributed_rebuild *rebuild,
                              enum distributed_stage stage, struct text description,
                              struct error *ret_error) {
    (void)user, (void)rebuild, (void)stage;
    struct rebuild_task *task;
    assert_int_equal(rebuild_task_open(description, "/tmp", 1 << 20, &task, ret_error), 0);
    struct fold_task *fold = fold_task_new(task);
    struct arrow_row row = {.share = 0, .stream = 0, .block = TEXT_LITERAL("")};
    read_row(row, take_shuffled, fold, 0, ret_error);
    row.share = row.stream = 1;
    read_row(row, take_shuffled, fold, -ERROR_INVALID, ret_error);
    fold_task_free(fold);
    rebuild_task_close(task);
    return -ERROR_INVALID;
}

static void expect_failure(struct world *world, distributed_run *run, const char *text) {
    struct tasks_engine engine = {.memory_bytes = 4 << 20, .shares = 2};
    struct rebuild_report report;
    struct error error;
    assert_true(run_there(world, &engine, 0, run, &report, &error) < 0);
    assert_non_null(strstr(error.text, text));
    char current[300];
    snprintf(current, sizeof current, "%s/current", world->there);
    assert_int_not_equal(access(current, F_OK), 0); /* nothing was published */
}

static void what_is_incomplete_is_not_published(void **state) {
    (void)state;
    struct world world;
    glob_t found;
    char pattern[300];
    world_init(&world, 5000);
    struct snapshot *policy = traffic_policy("");
    append_policy(&world, policy);
    append_traffic(&world, 1500);
    expect_failure(&world, fail_to_run, "the engine is gone");
    expect_failure(&world, run_nothing, "0 of the archive's");
    expect_failure(&world, run_twice, "out of order");
    expect_failure(&world, row_of_no_stream, "stream -2 is not known");
    expect_failure(&world, rows_of_two_shares, "a row of share 1 does not belong to share 0");

    snprintf(pattern, sizeof pattern, "%s/*/*", world.archive);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 2);
    struct text bytes = scratch_read(found.gl_pathv[1]);
    ((char *)(uintptr_t)bytes.data)[bytes.length / 2] ^= 1;
    scratch_write(found.gl_pathv[1], bytes.data, bytes.length);
    expect_failure(&world, tasks_engine_run, strrchr(found.gl_pathv[1], '/') + 1);
    free((char *)(uintptr_t)bytes.data);
    globfree(&found);
    snapshot_unref(policy);
    world_deinit(&world);
}

/* The bytes of a description, cut off or altered: refused, or a description of something else. */
static int damage_description(void *user, struct distributed_rebuild *rebuild,
                              enum distributed_stage stage, struct text description,
                              struct error *ret_error) {
    (void)user, (void)rebuild, (void)stage;
    struct rebuild_task *task;
    struct error error;
    for (size_t length = 0; length < description.length; length += 1 + length / 50) {
        const struct text cut = {.data = description.data, .length = length};
        assert_true(rebuild_task_open(cut, "/tmp", 1 << 20, &task, &error) < 0);
    }
    struct buffer copy;
    buffer_init(&copy);
    buffer_append(&copy, description.data, description.length);
    copy.bytes[13] ^= 1; /* of the version */
    assert_int_equal(rebuild_task_open(buffer_text(&copy), "/tmp", 1 << 20, &task, &error),
                     -ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "all machines need the same"));
    copy.bytes[13] ^= 1;
    for (size_t i = 0; i < copy.length; i++)
        for (unsigned bits = 1; bits < 256; bits += 127) {
            copy.bytes[i] ^= (uint8_t)bits;
            if (rebuild_task_open(buffer_text(&copy), "/tmp", 1 << 20, &task, &error) == 0)
                rebuild_task_close(task);
            copy.bytes[i] ^= (uint8_t)bits;
        }
    buffer_deinit(&copy);
    return error_set(ret_error, ERROR_UNAVAILABLE, "seen");
}

static void descriptions_are_checked(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 6000);
    struct snapshot *policy = traffic_policy("");
    append_policy(&world, policy);
    append_traffic(&world, 100);
    expect_failure(&world, damage_description, "seen");
    snapshot_unref(policy);
    world_deinit(&world);
}

/* Another engine's batch: columns of other types, or with nulls, or in another order. */
static void batches_are_checked(void **state) {
    (void)state;
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct arrow_rows rows;
    struct error error;
    struct arrow_blocks *blocks = arrow_blocks_new();
    arrow_blocks_add(blocks, &(struct arrow_row){.stream = 3, .block = TEXT_LITERAL("abc")});
    arrow_blocks_export(blocks, &schema, &array);
    assert_int_equal(arrow_rows_of(&schema, &array, &rows, &error), 0);
    assert_true(text_equal(arrow_rows_at(&rows, 0).block, TEXT_LITERAL("abc")));
    array.children[1]->null_count = 1;
    assert_int_equal(arrow_rows_of(&schema, &array, &rows, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "stream: it has nulls"));
    array.children[1]->null_count = 0;
    const char *format = schema.children[2]->format;
    schema.children[2]->format = "i";
    assert_int_equal(arrow_rows_of(&schema, &array, &rows, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.text, "sequence: its Arrow format is \"i\""));
    schema.children[2]->format = format;
    schema.n_children = 3;
    assert_int_equal(arrow_rows_of(&schema, &array, &rows, &error), -ERROR_INVALID);
    schema.n_children = 4;
    schema.release(&schema);
    array.release(&array);
    arrow_blocks_free(blocks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_ranges_and_memory_do_not_matter),
        cmocka_unit_test(the_last_policy_counts),
        cmocka_unit_test(what_is_incomplete_is_not_published),
        cmocka_unit_test(descriptions_are_checked),
        cmocka_unit_test(batches_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
