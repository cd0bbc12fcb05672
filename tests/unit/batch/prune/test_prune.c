/* Archives with something of everything, pruned at one place after the other: what replays,
 * rebuilds and explanations tell of what is left must be what they tell of the whole archive. */
#include "batch/prune/prune.h"

#include "batch/rebuild/rebuild.h"
#include "batch/replay/replay.h"
#include "batch/verify/archive_verify.h"
#include "batch/verify/verify.h"
#include "core/store/archive/archive_parts.h"
#include "tests/unit/asked.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#define TRANSACTIONS  1500
#define SEGMENT_BYTES 8192
#define NOW_US        (REPLAY_ARCHIVE_START_US + INT64_C(365) * 86400 * 1000000)

static const struct replay_archive_kind kind = {
    .transactions = TRANSACTIONS, .policies = true, .tables = true, .segment_bytes = SEGMENT_BYTES};

struct scene {
    char *folder;
    char archive[256], generations[256];
    char policies[REPLAY_POLICY_COUNT][256];
};

static void build(const struct scene *scene, bool full, struct rebuild_report *ret_report) {
    const struct rebuild_options options = {.archive = scene->archive,
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

static void open_scene(struct scene *scene) {
    struct rebuild_report report;
    scene->folder = scratch_make();
    snprintf(scene->archive, sizeof scene->archive, "%s/archive", scene->folder);
    snprintf(scene->generations, sizeof scene->generations, "%s/generations", scene->folder);
    for (int i = 0; i < REPLAY_POLICY_COUNT; i++)
        snprintf(scene->policies[i], sizeof scene->policies[i], "%s",
                 replay_archive_folder(scene->folder, (enum replay_policy_name)i));
    replay_archive_write(scene->archive, &kind);
    build(scene, false, &report);
    rebuild_report_deinit(&report);
}

static void close_scene(struct scene *scene) {
    scratch_remove(scene->folder);
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_left_is_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
