/* Archives with something of everything, pruned at one place after the other: what replays,
 * rebuilds and explanations tell of what is left must be what they tell of the whole archive. */
#include "batch/prune/prune.h"

#include "batch/backup/backup.h"
#include "batch/backup/restore.h"
#include "batch/rebuild/rebuild.h"
#include "batch/replay/replay.h"
#include "batch/verify/archive_verify.h"
#include "batch/verify/verify.h"
#include "core/store/archive/archive_parts.h"
#include "tests/unit/asked.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <unistd.h>

#define TRANSACTIONS  1500
#define SEGMENT_BYTES 8192
#define NOW_US        (REPLAY_ARCHIVE_START_US + INT64_C(365) * 86400 * 1000000)

static const struct replay_archive_kind kind = {
    .transactions = TRANSACTIONS, .policies = true, .tables = true, .segment_bytes = SEGMENT_BYTES};

struct scene {
    char *folder;
    char *backup; /* the folder around that of backups, and around what is restored */
    char archive[256], generations[256];
    char policies[REPLAY_POLICY_COUNT][256];
};

struct built_from {
    const char *policy;         /* NULL: the archive's */
    struct archive_place until; /* {0}: the end */
};

static void build_from(const struct scene *scene, bool full, struct built_from from,
                       struct rebuild_report *ret_report) {
    const struct rebuild_options options = {.archive = scene->archive,
                                            .policy = from.policy,
                                            .until = from.until,
                                            .generations = scene->generations,
                                            .full = full,
                                            .force = full,
                                            .threads = 2,
                                            .now_us = NOW_US,
                                            .version = "test"};
    struct error error;
    if (rebuild_run(&options, NULL, ret_report, &error) < 0)
        fail_msg("%s", error.text);
}

static void build(const struct scene *scene, bool full, struct rebuild_report *ret_report) {
    build_from(scene, full, (struct built_from){0}, ret_report);
}

static void open_scene_of(struct scene *scene, const struct replay_archive_kind *of) {
    struct rebuild_report report;
    scene->folder = scratch_make();
    scene->backup = scratch_make();
    snprintf(scene->archive, sizeof scene->archive, "%s/archive", scene->folder);
    snprintf(scene->generations, sizeof scene->generations, "%s/generations", scene->folder);
    for (int i = 0; i < REPLAY_POLICY_COUNT; i++)
        snprintf(scene->policies[i], sizeof scene->policies[i], "%s",
                 replay_archive_folder(scene->folder, (enum replay_policy_name)i));
    replay_archive_write(scene->archive, of);
    build(scene, false, &report);
    rebuild_report_deinit(&report);
}

static void open_scene(struct scene *scene) {
    open_scene_of(scene, &kind);
}

static void close_scene(struct scene *scene) {
    scratch_remove(scene->folder);
    scratch_remove(scene->backup);
}

/* ---- what a replay tells ---- */

struct told {
    struct buffer rows;
    struct replay_report report;
};

static int put_row(void *user, const struct replay_row *row, struct error *ret_error) {
    struct buffer *out = &((struct told *)user)->rows;
    (void)ret_error;
    buffer_printf(out, "%llu: ", (unsigned long long)row->record->position);
    const struct decision *decision = row->decision;
    if (!decision) {
        buffer_printf(out, "refused\n");
        return 0;
    }
    buffer_printf(out, "%s %u %016llx %016llx/%016llx %s", verdict_name(decision->verdict),
                  decision->score, (unsigned long long)decision->feature_hash,
                  (unsigned long long)decision->snapshot_id,
                  (unsigned long long)decision->generation_id, label_name(row->outcome));
    for (size_t i = 0; i < decision->reason_count; i++)
        buffer_printf(out, " %.*s%s", TEXT_ARGS(decision->reasons[i].rule),
                      decision->reasons[i].shadow ? "*" : "");
    buffer_printf(out, "\n");
    return 0;
}

/* policy REPLAY_POLICY_COUNT: the archive's own. */
static struct told replay(const struct scene *scene, enum replay_policy_name policy) {
    const struct replay_options options = {
        .archive = scene->archive,
        .policy = policy < REPLAY_POLICY_COUNT ? scene->policies[policy] : NULL,
        .threads = 3,
        .outcomes = true,
        .hashes = true};
    struct told told;
    const struct replay_listener listener = {.row = put_row, .user = &told};
    struct replay *replay;
    struct error error;
    buffer_init(&told.rows);
    if (replay_open(&options, NULL, &replay, &error) < 0 ||
        replay_run(replay, &listener, NULL, &told.report, &error) < 0)
        fail_msg("%s", error.text);
    replay_close(replay);
    return told;
}

/* The rows behind the beginning are the last ones of the whole archive's. */
static void expect_tail(const struct told *whole, const struct told *tail) {
    assert_true(tail->rows.length > 0 && tail->rows.length < whole->rows.length);
    size_t from = whole->rows.length - tail->rows.length;
    assert_int_equal(whole->rows.bytes[from - 1], '\n');
    if (memcmp(whole->rows.bytes + from, tail->rows.bytes, tail->rows.length) == 0)
        return;
    size_t at = 0, line = 0;
    for (; whole->rows.bytes[from + at] == tail->rows.bytes[at]; at++)
        line = tail->rows.bytes[at] == '\n' ? at + 1 : line;
    fail_msg("%.120s\nnot\n%.120s", (const char *)tail->rows.bytes + line,
             (const char *)whole->rows.bytes + from + line);
}

/* ---- pruning ---- */

static struct prune_report prune(const struct scene *scene, int64_t before_us) {
    const struct prune_options options = {.archive = scene->archive,
                                          .generations = scene->generations,
                                          .before_us = before_us,
                                          .now_us = NOW_US,
                                          .version = "test",
                                          .threads = 2};
    struct prune_report report;
    struct error error;
    bool is_done;
    if (prune_run(&options, NULL, &is_done, &report, &error) < 0)
        fail_msg("%s", error.text);
    assert_true(is_done == (report.segments > 0));
    return report;
}

/* A time behind the last record of this part. */
static int64_t time_after(const struct scene *scene, size_t part) {
    struct archive_parts *parts;
    struct error error;
    if (archive_parts_open(scene->archive, &parts, &error) < 0)
        fail_msg("%s", error.text);
    int64_t time_us = archive_parts_part(parts, part + 1).time_before_us + 1;
    archive_parts_close(parts);
    return time_us;
}

static struct archive_place end_of(const struct scene *scene, size_t index) {
    struct archive_parts *parts;
    struct error error;
    if (archive_parts_open(scene->archive, &parts, &error) < 0)
        fail_msg("%s", error.text);
    struct archive_part part = archive_parts_part(parts, index);
    archive_parts_close(parts);
    return (struct archive_place){.position = part.last, .chain = part.chain};
}

static size_t count_parts(const struct scene *scene) {
    struct archive_parts *parts;
    struct error error;
    if (archive_parts_open(scene->archive, &parts, &error) < 0)
        fail_msg("%s", error.text);
    size_t count = archive_parts_count(parts);
    archive_parts_close(parts);
    return count;
}

static void ignore_fault(struct archive_verify_listener *self, const struct error *fault) {
    (void)self;
    fail_msg("%s", fault->text);
}

static void expect_whole(const struct scene *scene) {
    const struct archive_verify_options options = {.archive = scene->archive, .threads = 2};
    struct archive_verify_listener listener = {ignore_fault};
    struct archive_verify_report report;
    struct error error;
    if (archive_verify_run(&options, NULL, &listener, &report, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(report.damaged, 0);
}

static void ignore_difference(struct verify_listener *self, const struct plan *plan,
                              const struct state_difference *difference) {
    (void)self, (void)plan, (void)difference;
}

static void ignore_entity(struct verify_listener *self, struct text name, uint64_t states,
                          uint64_t differences) {
    (void)self, (void)name, (void)states, (void)differences;
}

static void expect_verified(const struct scene *scene) {
    const struct verify_options options = {.archive = scene->archive,
                                           .generations = scene->generations};
    struct verify_listener listener = {ignore_difference, ignore_entity};
    struct verify_report report;
    struct error error;
    if (verify_run(&options, NULL, &listener, &report, &error) < 0)
        fail_msg("%s", error.text);
    assert_false(verify_found_difference(&report));
}

static struct generation_manifest full_tables(const struct scene *scene) {
    struct rebuild_report report;
    build(scene, true, &report);
    struct generation_manifest manifest = report.manifest;
    rebuild_report_deinit(&report);
    return manifest;
}

/* ---- tests ---- */

enum { OWN = REPLAY_POLICY_COUNT, TOLD_COUNT };

/* One prune in a fresh archive, and the next one behind it. */
static void what_is_left_is_the_same(void **state) {
    (void)state;
    struct scene scene;
    struct told whole[TOLD_COUNT];
    open_scene(&scene);
    size_t segments = count_parts(&scene);
    assert_true(segments > 20);
    for (int policy = 0; policy < TOLD_COUNT; policy++)
        whole[policy] = replay(&scene, (enum replay_policy_name)policy);
    const struct generation_manifest tables = full_tables(&scene);
    close_scene(&scene);
    size_t step = segments / (size_t)asked_steps(3) + 1;
    for (size_t part = 1; part + 2 < segments; part += step) {
        open_scene(&scene);
        struct prune_report report = prune(&scene, time_after(&scene, part));
        assert_int_equal(report.segments, part + 1);
        assert_int_equal(report.begin.base_count, report.plans);
        for (int again = 0; again < 2; again++) {
            expect_whole(&scene);
            for (int policy = 0; policy < TOLD_COUNT; policy++) {
                struct told tail = replay(&scene, (enum replay_policy_name)policy);
                if (!tail.report.lacks_history)
                    expect_tail(&whole[policy], &tail);
                else
                    assert_int_not_equal(policy, OWN);
                buffer_deinit(&tail.rows);
            }
            struct generation_manifest now = full_tables(&scene);
            assert_int_equal(now.state_hash, tables.state_hash);
            assert_int_equal(now.content_hash, tables.content_hash);
            assert_int_equal(now.id, tables.id);
            expect_verified(&scene);
            size_t left = count_parts(&scene);
            if (left < 5)
                break;
            report = prune(&scene, time_after(&scene, left / 2));
            assert_int_equal(report.segments, left / 2);
        }
        close_scene(&scene);
    }
    for (int policy = 0; policy < TOLD_COUNT; policy++)
        buffer_deinit(&whole[policy].rows);
}

/* A policy that was reloaded after the last night: the next one builds tables for its features. */
static void the_policy_in_force_keeps_its_history(void **state) {
    (void)state;
    static const enum replay_policy_name in_use[] = {REPLAY_FIRST, REPLAY_OTHER};
    static const struct replay_archive_kind no_tables = {
        .transactions = TRANSACTIONS, .policies = true, .segment_bytes = SEGMENT_BYTES};
    struct scene scene;
    size_t others = 0;
    for (size_t i = 0; i < sizeof in_use / sizeof *in_use; i++) {
        struct rebuild_report built;
        open_scene_of(&scene, &no_tables);
        const struct generation_manifest tables = full_tables(&scene);
        build_from(&scene, true, (struct built_from){.policy = scene.policies[in_use[i]]}, &built);
        others += built.manifest.plan_id != tables.plan_id;
        rebuild_report_deinit(&built);
        prune(&scene, time_after(&scene, count_parts(&scene) - 6));
        build(&scene, false, &built);
        assert_string_equal(built.warning, "");
        assert_int_equal(built.manifest.id, tables.id);
        assert_int_equal(built.manifest.state_hash, tables.state_hash);
        rebuild_report_deinit(&built);
        close_scene(&scene);
    }
    assert_int_not_equal(others, 0);
}

/* What a crash tore off a segment goes with it, also if others of its day stay. */
static void torn_bytes_go_too(void **state) {
    (void)state;
    struct scene scene;
    struct archive_parts *parts;
    struct error error;
    char gone[512], stays[512];
    open_scene(&scene);
    assert_int_equal(archive_parts_open(scene.archive, &parts, &error), 0);
    struct archive_part first = archive_parts_part(parts, 0), third = archive_parts_part(parts, 2);
    assert_int_equal(first.day, third.day);
    snprintf(gone, sizeof gone, "%s/%.35s.torn-2", scene.archive, first.file);
    snprintf(stays, sizeof stays, "%s/%.35s.torn-1", scene.archive, third.file);
    archive_parts_close(parts);
    scratch_write(gone, "x", 1);
    scratch_write(stays, "x", 1);
    prune(&scene, time_after(&scene, 0));
    assert_false(scratch_exists(gone));
    assert_true(scratch_exists(stays));
    close_scene(&scene);
}

/* ---- backups ---- */

static void ignore_note(struct backup_listener *self, const char *text) {
    (void)self;
    fail_msg("%s", text);
}

static struct backup_report back_up(const struct scene *scene, struct progress *progress) {
    const struct backup_options options = {.data = scene->folder,
                                           .folder = scratch_path(scene->backup, "kept"),
                                           .with_tables = true,
                                           .now_us = NOW_US,
                                           .version = "test"};
    struct backup_listener listener = {ignore_note};
    struct backup_report report;
    struct error error;
    if (backup_run(&options, progress, &listener, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

/* Another data folder. */
static int restore_to(const struct scene *scene, const char *name, struct restore_options options,
                      struct scene *ret_restored, struct restore_report *ret_report,
                      struct error *ret_error) {
    *ret_restored = *scene; /* its policies */
    ret_restored->folder = text_copy(text_of(scratch_path(scene->backup, name)));
    options.folder = scratch_path(scene->backup, "kept");
    options.target = ret_restored->folder;
    options.with_tables = true;
    snprintf(ret_restored->archive, sizeof ret_restored->archive, "%s/archive",
             ret_restored->folder);
    snprintf(ret_restored->generations, sizeof ret_restored->generations, "%s/generations",
             ret_restored->folder);
    return restore_run(&options, NULL, ret_report, ret_error);
}

static struct scene restore(const struct scene *scene, const char *name,
                            struct restore_options options, struct restore_report *ret_report) {
    struct scene restored;
    struct error error;
    if (restore_to(scene, name, options, &restored, ret_report, &error) < 0)
        fail_msg("%s", error.text);
    return restored;
}

static const struct restore_options to_end = {.position = UINT64_MAX, .time_us = INT64_MAX};

static struct archive_begin begin_of(const struct scene *scene) {
    struct archive_begin begin;
    struct error error;
    if (archive_begin_look_at(scene->archive, &begin, &error) < 0)
        fail_msg("%s", error.text);
    return begin;
}

/* What is restored of a pruned archive tells what that tells. */
static void a_backup_has_the_beginning(void **state) {
    (void)state;
    struct scene scene;
    struct restore_report report;
    open_scene(&scene);
    size_t segments = count_parts(&scene);
    back_up(&scene, NULL);
    const struct prune_report pruned = prune(&scene, time_after(&scene, segments / 2));
    back_up(&scene, NULL);
    struct scene restored = restore(&scene, "end", to_end, &report);
    expect_whole(&restored);
    expect_verified(&restored);
    assert_int_equal(report.tables_point, 2);
    assert_int_equal(begin_of(&restored).place.position, pruned.begin.place.position);
    struct told there = replay(&scene, (enum replay_policy_name)OWN);
    struct told again = replay(&restored, (enum replay_policy_name)OWN);
    assert_int_equal(there.rows.length, again.rows.length);
    assert_memory_equal(there.rows.bytes, again.rows.bytes, there.rows.length);
    buffer_deinit(&there.rows);
    buffer_deinit(&again.rows);
    struct generation_manifest of_source = full_tables(&scene);
    struct generation_manifest of_restored = full_tables(&restored);
    assert_int_equal(of_source.id, of_restored.id);
    assert_int_equal(of_source.state_hash, of_restored.state_hash);
    free(restored.folder);

    /* What is gone comes from the point that has it. */
    const struct restore_options before = {.position = pruned.begin.place.position - 5,
                                           .time_us = INT64_MAX};
    restored = restore(&scene, "before", before, &report);
    assert_int_equal(report.point, 1);
    assert_int_equal(begin_of(&restored).place.position, 0);
    expect_whole(&restored);
    free(restored.folder);

    /* The moment in which it was cut: nothing behind the beginning had been received. */
    const struct restore_options moment = {.position = UINT64_MAX, .time_us = pruned.begin.time_us};
    restored = restore(&scene, "moment", moment, &report);
    assert_int_equal(report.place.position, pruned.begin.place.position);
    expect_whole(&restored);
    free(restored.folder);
    close_scene(&scene);
}

/* Tables of an earlier point do not fit an archive that begins later. */
static void a_restore_takes_no_tables_from_before(void **state) {
    (void)state;
    struct scene scene;
    struct restore_report report;
    struct rebuild_report built;
    open_scene(&scene);
    build_from(&scene, true, (struct built_from){.until = end_of(&scene, 3)}, &built);
    rebuild_report_deinit(&built);
    back_up(&scene, NULL);
    build(&scene, true, &built);
    rebuild_report_deinit(&built);
    const struct prune_report pruned = prune(&scene, time_after(&scene, count_parts(&scene) / 2));
    back_up(&scene, NULL);
    const struct restore_options options = {.position = pruned.begin.place.position + 3,
                                            .time_us = INT64_MAX};
    struct scene restored = restore(&scene, "later", options, &report);
    assert_int_equal(report.point, 2);
    assert_int_equal(report.tables_point, 0);
    free(restored.folder);
    close_scene(&scene);
}

static void flip(const char *path) {
    struct text file = scratch_read(path);
    char *bytes = text_copy(file);
    bytes[file.length / 2] ^= 4;
    scratch_write(path, bytes, file.length);
    free(bytes);
    free((char *)file.data);
}

/* Nothing can build the tables of the beginning again: damaged ones get into no backup. */
static void a_backup_refuses_a_damaged_beginning(void **state) {
    (void)state;
    struct scene scene;
    struct error error;
    struct backup_report report;
    char path[512];
    open_scene(&scene);
    const struct prune_report pruned = prune(&scene, time_after(&scene, count_parts(&scene) / 2));
    const struct backup_options options = {.data = scene.folder,
                                           .folder = scratch_path(scene.backup, "kept"),
                                           .now_us = NOW_US,
                                           .version = "test"};
    struct backup_listener listener = {ignore_note};
    snprintf(path, sizeof path, "%s/base/g-%020llu-%016llx/tables.mdb", scene.archive,
             (unsigned long long)pruned.begin.place.position,
             (unsigned long long)pruned.begin.bases[pruned.begin.base_count - 1].generation_id);
    flip(path);
    assert_int_equal(backup_run(&options, NULL, &listener, &report, &error), -ERROR_DAMAGED);
    assert_non_null(strstr(error.text, "cannot be built again"));
    flip(path);
    back_up(&scene, NULL);
    assert_int_equal(unlink(path), 0);
    assert_true(backup_run(&options, NULL, &listener, &report, &error) < 0);
    assert_non_null(strstr(error.text, "cannot be built again"));
    close_scene(&scene);
}

/* ---- a prune while a backup is at work ---- */

struct meanwhile {
    struct progress progress;
    const struct scene *scene;
    size_t step, at; /* prunes at this step */
    int64_t before_us;
};

static int prune_meanwhile(struct progress *self, const char *stage, uint64_t done,
                           uint64_t total) {
    struct meanwhile *meanwhile = (struct meanwhile *)self;
    (void)stage, (void)done, (void)total;
    if (meanwhile->step++ == meanwhile->at)
        prune(meanwhile->scene, meanwhile->before_us);
    return 0;
}

static size_t back_up_and_prune_at(size_t step, size_t steps) {
    struct scene scene;
    struct restore_report report;
    open_scene(&scene);
    struct meanwhile meanwhile = {.progress = {prune_meanwhile},
                                  .scene = &scene,
                                  .at = step,
                                  .before_us = time_after(&scene, count_parts(&scene) / 2)};
    back_up(&scene, &meanwhile.progress);
    assert_true(steps == 0 || meanwhile.step > step);
    struct scene restored = restore(&scene, "restored", to_end, &report);
    expect_whole(&restored);
    expect_verified(&restored);
    free(restored.folder);
    close_scene(&scene);
    return meanwhile.step;
}

static void a_prune_at_every_step_of_a_backup(void **state) {
    (void)state;
    size_t steps = back_up_and_prune_at(SIZE_MAX, 0), apart = steps / (size_t)asked_steps(8) + 1;
    assert_true(steps > 20);
    for (size_t step = 0; step < steps; step += apart)
        back_up_and_prune_at(step, steps);
    back_up_and_prune_at(steps - 1, steps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_is_the_same),
        cmocka_unit_test(the_policy_in_force_keeps_its_history),
        cmocka_unit_test(torn_bytes_go_too),
        cmocka_unit_test(a_backup_has_the_beginning),
        cmocka_unit_test(a_restore_takes_no_tables_from_before),
        cmocka_unit_test(a_backup_refuses_a_damaged_beginning),
        cmocka_unit_test(a_prune_at_every_step_of_a_backup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
