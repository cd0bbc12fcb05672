/* Property: a night that reads only what is new gives the thresholds of one that reads everything,
 * whatever happened to the files of the nights before.
 *
 * HARRIER_STEPS makes it longer. */
#include "batch/rebuild/rebuild.h"

#include "core/store/archive/archive.h"
#include "tests/unit/asked.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/traffic.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NIGHTS 40 /* files are merged again and again, and periods end */

/* Over fields, over features of one and of two entities, over a value, in groups and not; periods
 * that the nights outlast. */
static const char thresholds_yaml[] =
    "thresholds:\n"
    "  - {name: amounts, quantile: 0.9, of: amount, by: merchant, over: 2d, minimum: 3, "
    "fallback: 1.0}\n"
    "  - {name: busy, quantile: 0.75, of: card.count_1h, over: 1d, minimum: 3, fallback: 9.0}\n"
    "  - {name: spread, statistic: mad, of: card.count_1h + merchant.cards_6h, by: card, over: 3d, "
    "minimum: 2, fallback: 0.0}\n"
    "  - {name: own, statistic: mad, of: amount, by: [card, merchant], groups: many, over: 3d, "
    "minimum: 2, fallback: 0.0}\n";

struct world {
    struct traffic traffic;
    struct snapshot *snapshot;
    char *root;
    const char *thresholds; /* a file of the policy */
    const char *rules;      /* another one */
    uint64_t memory_bytes;  /* of a rebuild; 0: any */
    size_t preview_max;
    bool keeps_thresholds;
    char reread_because[256]; /* of the last night */
    unsigned cutoffs_computed[2];
    uint64_t scores_from; /* likewise: position up to which it knew the scores */
};

static void load(struct world *world) {
    struct snapshot *base = traffic_policy("");
    struct policy_file files[8];
    size_t count = base->file_count;
    struct buffer messages;
    struct error error;
    memcpy(files, base->files, count * sizeof *files);
    files[count++] = (struct policy_file){.path = TEXT_LITERAL("rules/other.yaml"),
                                          .content = text_of(world->rules)};
    files[count++] = (struct policy_file){.path = TEXT_LITERAL("thresholds.yaml"),
                                          .content = text_of(world->thresholds)};
    buffer_init(&messages);
    snapshot_unref(world->snapshot);
    if (snapshot_load(files, count, &world->snapshot, &messages, &error) < 0)
        fail_msg("%s\n%.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    snapshot_unref(base);
}

static void append_policy(const struct world *world, struct archive *archive) {
    const struct snapshot *snapshot = world->snapshot;
    struct record record = {.type = RECORD_SNAPSHOT,
                            .receive_time_us = TRAFFIC_START_US,
                            .snapshot = {.snapshot_id = snapshot->id,
                                         .name = snapshot->name,
                                         .files = snapshot->files,
                                         .file_count = snapshot->file_count}};
    archive_append(archive, &record);
}

/* Records of one night; with_policy: after the policy as it is now. */
static void append(struct world *world, bool with_policy, unsigned count) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct archive_sync sync;
    struct error error;
    const struct archive_options options = {.segment_bytes = 20000};
    if (archive_open(scratch_path(world->root, "archive"), &options, &archive, &recovery, &error) <
        0)
        fail_msg("%s", error.text);
    if (with_policy)
        append_policy(world, archive);
    world->traffic.position = archive_end(archive).position;
    for (unsigned i = 0; i < count; i++) {
        struct record record = traffic_next(&world->traffic);
        archive_append(archive, &record);
    }
    assert_int_equal(archive_write(archive, &error), 0);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
    archive_close(archive);
}

static struct rebuild_options options_of(struct world *world, bool full) {
    return (struct rebuild_options){
        .archive = scratch_path(world->root, "archive"),
        .generations = scratch_path(world->root, full ? "full" : "nights"),
        .version = "test",
        .now_us = TRAFFIC_START_US + (INT64_C(1) << 50),
        .force = true,
        .full = full,
        .memory_bytes = world->memory_bytes
                            ? world->memory_bytes
                            : UINT64_C(1) << (traffic_random(&world->traffic, 2) ? 20 : 26),
        .preview_max = world->preview_max,
        .keep_thresholds = world->keeps_thresholds,
        .threads = 1 + (size_t)traffic_random(&world->traffic, 3),
    };
}

static struct rebuild_report rebuild(struct world *world, bool full) {
    struct rebuild_report report;
    struct error error;
    const struct rebuild_options options = options_of(world, full);
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

/* Returns the position up to which the night knew the values. */
static uint64_t expect_same(struct world *world) {
    struct rebuild_report night = rebuild(world, false), full = rebuild(world, true);
    uint64_t known = night.thresholds.from_position;
    memcpy(world->reread_because, night.thresholds.reread_because, sizeof world->reread_because);
    assert_int_equal(full.thresholds.reread_because[0], '\0');
    world->scores_from = night.thresholds.scores_from_position;
    assert_int_equal(full.thresholds.scores_from_position, 0);
    for (size_t i = 0; i < full.thresholds.cutoff_count; i++) {
        const struct cutoff_line *a = &night.thresholds.cutoffs[i],
                                 *b = &full.thresholds.cutoffs[i];
        assert_int_equal(a->sample, b->sample);
        assert_int_equal(a->computed, b->computed);
        world->cutoffs_computed[i] += a->computed > 0;
    }
    assert_int_equal(full.thresholds.from_position, 0);
    assert_true(full.baselines > 0);
    assert_true(night.manifest.content_hash == full.manifest.content_hash);
    rebuild_report_deinit(&night);
    rebuild_report_deinit(&full);
    return known;
}

static void world_init(struct world *world, uint64_t seed) {
    *world = (struct world){
        .root = scratch_make(), .thresholds = thresholds_yaml, .rules = "rules: []\n"};
    traffic_init(&world->traffic, seed);
    load(world);
    append(world, true, 50);
}

static void world_deinit(struct world *world) {
    snapshot_unref(world->snapshot);
    traffic_deinit(&world->traffic);
    scratch_remove(world->root);
}

static unsigned night_size(struct world *world) {
    return 1 + (unsigned)traffic_random(&world->traffic, 120);
}

/* Calls change() for the files; returns how many there are. */
static unsigned each_file(const struct world *world, void (*change)(const char *path)) {
    char folder[600];
    unsigned count = 0;
    snprintf(folder, sizeof folder, "%s/nights/samples", world->root);
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (const struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] == '.') {
            assert_true(strcmp(entry->d_name, ".draft") != 0);
            continue;
        }
        count++;
        if (change)
            change(scratch_path(folder, entry->d_name));
    }
    closedir(entries);
    return count;
}

static void nights_read_only_what_is_new(void **state) {
    (void)state;
    struct world world;
    unsigned most = 0, before_files = 0;
    bool has_merged = false;
    world_init(&world, 7);
    assert_int_equal(expect_same(&world), 0);
    unsigned nights = (unsigned)asked_steps(NIGHTS);
    if (nights < NIGHTS)
        nights = NIGHTS;
    for (unsigned night = 0; night < nights; night++) {
        uint64_t before = world.traffic.position;
        append(&world, false, night_size(&world));
        assert_int_equal(expect_same(&world), before);
        unsigned files = each_file(&world, NULL);
        has_merged |= files < before_files;
        most = files > most ? files : most;
        before_files = files;
    }
    assert_in_range(most, 2, 8);
    assert_true(has_merged);
    world_deinit(&world);
}

/* Sensitive to the state of each single card. */
static const char largest_yaml[] =
    "thresholds:\n"
    "  - {name: most, quantile: 0.999999, of: double(card.count_1h) * 1000.0 + card.sum_6h, by: "
    "card, "
    "over: 3d, minimum: 1, fallback: 0.0}\n"
    "  - {name: own, statistic: mad, of: amount, by: [card, merchant], groups: many, over: 3d, "
    "minimum: 2, fallback: 0.0}\n"
    "budgets:\n"
    "  - {verdict: review, at_most: 0.02, over: 2d, minimum: 10, guard: 1000.0}\n"
    "  - {verdict: decline, precision: 0.3, over: 4d, minimum: 3, guard: 1000.0}\n";

/* History that comes late reads states of entities that were idle when the tables were made, and
 * that the tables therefore do not hold. */
static void history_comes_late(void **state) {
    (void)state;
    struct world world;
    unsigned late_known = 0, late = 0;
    world_init(&world, 13);
    world.thresholds = largest_yaml;
    world.rules = "rules:\n"
                  "  - {name: large, when: amount > 400.0, then: {score: 300}}\n"
                  "  - {name: often, when: card.count_1h >= 1, then: {score: 100}}\n"
                  "  - {name: much, when: card.sum_6h > 1000.0, then: {score: 450}}\n";
    load(&world);
    append(&world, true, 300);
    expect_same(&world);
    for (unsigned night = 0; night < NIGHTS; night++) {
        uint64_t before = world.traffic.position;
        bool is_late = night % 3 > 0;
        world.traffic.late_seconds = is_late ? 86400 : 0;
        append(&world, false, night_size(&world));
        uint64_t known = expect_same(&world);
        bool is_read_again = world.reread_because[0] != '\0';
        assert_true(known == before || (is_late && known == 0));
        assert_true(world.scores_from == known);
        assert_true(!is_read_again ||
                    strstr(world.reread_because, "later than the policy's lateness"));
        late_known += is_late && known > 0;
        late += is_read_again;
    }
    assert_true(late > 0 && late_known > 0);
    world_deinit(&world);
}

static void flip_a_byte(const char *path) {
    struct text file = scratch_read(path);
    ((char *)(uintptr_t)file.data)[file.length / 2] ^= 1;
    scratch_write(path, file.data, file.length);
    free((void *)(uintptr_t)file.data);
}

static void cut_the_end(const char *path) {
    struct text file = scratch_read(path);
    scratch_write(path, file.data, file.length - 1);
    free((void *)(uintptr_t)file.data);
}

/* The file says that it is of version 1. */
static void make_older(const char *path) {
    struct text file = scratch_read(path);
    char *version = (char *)(uintptr_t)file.data + file.length - 72 + 7;
    assert_int_equal(*version, '2');
    *version = '1';
    scratch_write(path, file.data, file.length);
    free((void *)(uintptr_t)file.data);
}

static void remove_it(const char *path) {
    assert_int_equal(unlink(path), 0);
}

/* Whatever is wrong with a file: the night reads the archive, and the next one goes on from it. */
static void files_may_be_damaged_or_missing(void **state) {
    (void)state;
    static const struct {
        void (*change)(const char *path);
        const char *why;
    } changes[] = {{flip_a_byte, "damaged"},
                   {cut_the_end, "torn"},
                   {make_older, "another version"},
                   {remove_it, "missing"}};
    struct world world;
    world_init(&world, 8);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        for (int night = 0; night < 2 || each_file(&world, NULL) < 2; night++) {
            append(&world, false, night_size(&world));
            assert_true((expect_same(&world) > 0) == (i > 0 || night > 0));
        }
        append(&world, false, night_size(&world));
        each_file(&world, changes[i].change);
        assert_int_equal(expect_same(&world), 0);
        assert_non_null(strstr(world.reread_because, changes[i].why));
        append(&world, false, night_size(&world));
        assert_true(expect_same(&world) > 0);
        assert_int_equal(world.reread_because[0], '\0');
    }
    world_deinit(&world);
}

/* Rebuilds that keep the thresholds read what is new, too: the next night need not. */
static void thresholds_are_kept_in_between(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 11);
    expect_same(&world);
    for (int i = 0; i < 5; i++) {
        world.keeps_thresholds = true;
        for (int hour = 0; hour <= i; hour++) {
            append(&world, false, night_size(&world));
            struct rebuild_report report = rebuild(&world, false);
            assert_true(report.from_position > 0);
            assert_int_equal(report.thresholds.threshold_count, 0);
            rebuild_report_deinit(&report);
        }
        world.keeps_thresholds = false;
        uint64_t before = world.traffic.position;
        append(&world, false, night_size(&world));
        assert_int_equal(expect_same(&world), before);
    }
    world_deinit(&world);
}

/* Rules may change every day. What the values depend on may not. */
static void a_changed_policy(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 9);
    expect_same(&world);
    world.rules = "rules:\n  - {name: new, when: amount > 5.0, then: {score: 10}}\n";
    load(&world);
    append(&world, true, night_size(&world));
    assert_true(expect_same(&world) > 0);
    char longer[sizeof thresholds_yaml + 200];
    snprintf(longer, sizeof longer, "%s%s", thresholds_yaml,
             "  - {name: third, statistic: median, of: amount, over: 5d, fallback: 0.0}\n");
    world.thresholds = longer;
    load(&world);
    append(&world, true, night_size(&world));
    assert_int_equal(expect_same(&world), 0);
    append(&world, false, night_size(&world));
    assert_true(expect_same(&world) > 0);
    world.thresholds = "thresholds: []\n";
    load(&world);
    append(&world, true, night_size(&world));
    struct rebuild_report report = rebuild(&world, false);
    assert_int_equal(each_file(&world, NULL), 0);
    rebuild_report_deinit(&report);
    world_deinit(&world);
}

static int refuse(struct rebuild_listener *self, struct archive_place place,
                  const struct rebuild_report *report, struct error *ret_error) {
    (void)self, (void)place, (void)report;
    return error_set(ret_error, ERROR_SYSTEM, "no more room");
}

/* Nights that fail at their end, again and again, leave no more files than one of them. */
static void failed_nights_leave_no_heap(void **state) {
    (void)state;
    struct rebuild_listener listener = {.publishes = refuse};
    struct rebuild_report report;
    struct world world;
    struct error error;
    world_init(&world, 14);
    expect_same(&world);
    append(&world, false, night_size(&world));
    expect_same(&world);
    uint64_t before = world.traffic.position;
    unsigned files = each_file(&world, NULL);
    struct rebuild_options options = options_of(&world, false);
    options.listener = &listener;
    for (int night = 0; night < 4; night++) {
        append(&world, false, 20);
        assert_int_equal(rebuild_run(&options, NULL, &report, &error), -ERROR_SYSTEM);
        assert_int_equal(each_file(&world, NULL), files + 1);
    }
    assert_int_equal(expect_same(&world), before);
    world_deinit(&world);
}

/* ---- kill -9 ---- */

/* In a child: so many more renames, removals and syncs, then it is killed; 0: it is not. */
static unsigned calls_left;

static void count_call(void) {
    if (calls_left > 0 && --calls_left == 0)
        kill(getpid(), SIGKILL);
}

/* In place of the C library's, for the whole program. */
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    count_call();
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

int unlinkat(int folder, const char *name, int flags) {
    count_call();
    return (int)syscall(SYS_unlinkat, folder, name, flags);
}

int fsync(int file) {
    count_call();
    return (int)syscall(SYS_fsync, file);
}

/* Rebuilds in a child, which is killed at its call of this number. false: it ended before. */
static bool rebuild_killed(struct world *world, unsigned at) {
    const struct rebuild_options options = options_of(world, false);
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rebuild_report report;
        struct error error;
        calls_left = at;
        _exit(rebuild_run(&options, NULL, &report, &error) < 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Between any two steps of publishing, values, scores and tables do not belong together: the next
 * night sees that. Every other one has less to do than the one that was killed. */
static void nights_are_killed(void **state) {
    (void)state;
    struct world world;
    unsigned at = 0, known = 0;
    world_init(&world, 15);
    world.thresholds = largest_yaml;
    world.rules = "rules: [{name: often, when: card.count_1h >= 1, then: {score: 100}}]\n";
    load(&world);
    append(&world, true, 300);
    expect_same(&world);
    do {
        append(&world, false, night_size(&world));
        if (!rebuild_killed(&world, ++at))
            break;
        if (at % 2)
            append(&world, false, night_size(&world));
        known += expect_same(&world) > 0;
        assert_true(world.reread_because[0] == '\0');
    } while (true);
    assert_true(at > 10 && known > 5);
    world_deinit(&world);
}

static void flip_scores(const char *path) {
    if (strstr(path, "/c-"))
        flip_a_byte(path);
}

/* Scores that no server has given are kept: with the outcomes that came later, under the policy
 * that gave them. */
static void scores_of_budgets_are_kept(void **state) {
    (void)state;
    struct world world;
    char yaml[sizeof thresholds_yaml + 400];
    world_init(&world, 12);
    snprintf(yaml, sizeof yaml, "%s%s", thresholds_yaml,
             "budgets:\n"
             "  - {verdict: review, at_most: 0.2, over: 2d, minimum: 10, guard: 1000.0}\n"
             "  - {verdict: decline, precision: 0.3, over: 4d, minimum: 3, guard: 1000.0}\n");
    world.thresholds = yaml;
    world.rules = "rules:\n"
                  "  - {name: large, when: amount > 40.0, then: {score: 300}}\n"
                  "  - {name: often, when: card.count_1h >= 2, then: {score: 450}}\n";
    load(&world);
    append(&world, true, 800);
    expect_same(&world);
    assert_int_equal(world.scores_from, 0);
    for (int night = 0; night < 16; night++) {
        uint64_t before = world.traffic.position;
        bool is_damaged = night == 6, is_new_policy = night == 11;
        if (night % 5 == 4) { /* an hour that keeps the thresholds */
            world.keeps_thresholds = true;
            append(&world, false, night_size(&world));
            struct rebuild_report hour = rebuild(&world, false);
            world.keeps_thresholds = false;
            before = world.traffic.position;
            rebuild_report_deinit(&hour);
        }
        if (is_damaged)
            each_file(&world, flip_scores);
        if (is_new_policy) {
            world.rules = "rules:\n"
                          "  - {name: large, when: amount > 30.0, then: {score: 310}}\n"
                          "  - {name: often, when: card.count_1h >= 2, then: {score: 440}}\n";
            load(&world);
        }
        append(&world, is_new_policy, night_size(&world));
        assert_int_equal(expect_same(&world), before);
        assert_int_equal(world.scores_from, is_damaged || is_new_policy ? 0 : before);
    }
    assert_true(world.cutoffs_computed[0] > 8 && world.cutoffs_computed[1] > 8);
    world_deinit(&world);
}

/* Which verdicts would have changed is worth a replay, but not one with most states in files. */
static void a_preview_within_the_memory(void **state) {
    (void)state;
    struct world world;
    world_init(&world, 10);
    world.thresholds = "thresholds:\n  - {name: busy, quantile: 0.75, of: card.count_1h, over: 1d, "
                       "minimum: 3, fallback: 9.0}\n";
    world.rules =
        "rules:\n  - {name: new, when: amount > thresholds.busy, then: {verdict: review}}\n";
    load(&world);
    append(&world, true, 3000);
    world.memory_bytes = UINT64_C(64) << 20;
    struct rebuild_report roomy = rebuild(&world, true);
    world.memory_bytes = UINT64_C(128) << 10;
    struct rebuild_report narrow = rebuild(&world, true);
    assert_true(roomy.manifest.states > 128);
    assert_true(!roomy.thresholds.is_unexamined && roomy.thresholds.compared > 0);
    assert_true(narrow.thresholds.is_unexamined && narrow.thresholds.compared == 0);
    assert_true(narrow.manifest.content_hash == roomy.manifest.content_hash);
    world.memory_bytes = UINT64_C(64) << 20;
    world.preview_max = 7;
    struct rebuild_report brief = rebuild(&world, true);
    assert_true(!roomy.thresholds.is_preview_cut && roomy.thresholds.compared > 7);
    assert_true(brief.thresholds.is_preview_cut && brief.thresholds.compared == 7);
    assert_true(brief.manifest.content_hash == roomy.manifest.content_hash);
    rebuild_report_deinit(&brief);
    rebuild_report_deinit(&roomy);
    rebuild_report_deinit(&narrow);
    world_deinit(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nights_read_only_what_is_new),
        cmocka_unit_test(history_comes_late),
        cmocka_unit_test(files_may_be_damaged_or_missing),
        cmocka_unit_test(thresholds_are_kept_in_between),
        cmocka_unit_test(a_changed_policy),
        cmocka_unit_test(failed_nights_leave_no_heap),
        cmocka_unit_test(nights_are_killed),
        cmocka_unit_test(scores_of_budgets_are_kept),
        cmocka_unit_test(a_preview_within_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
