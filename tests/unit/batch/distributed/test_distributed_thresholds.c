/* Property: thresholds and cut-offs by tasks are those of a rebuild in one process, bit for bit,
 * whatever shares and memory: of fields, features and changed lists, with groups in the record and
 * in the tables, quantiles and MADs, with recorded scores and derived ones.
 *
 * HARRIER_STEPS makes it longer. */
#include "batch/distributed/threshold_task.h"
#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "tasks_engine.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- policies ---- */

static const char thresholds_yaml[] =
    "thresholds:\n"
    "  - {name: dear, quantile: 0.97, of: amount, over: 300d, minimum: 10, fallback: 5.0}\n"
    "  - {name: usual_sum, quantile: 0.9, of: card.sum_1d, by: country, over: 20d, minimum: 5,\n"
    "     fallback: 1.0}\n"
    "  - {name: spread, statistic: mad, of: amount, by: merchant, over: 40d, minimum: 3,\n"
    "     fallback: 2.0}\n"
    "  - {name: of_card, quantile: 0.8, of: amount, by: card, groups: many, over: 100d,\n"
    "     minimum: 2, fallback: 3.0}\n"
    "  - {name: of_pair, statistic: mad, of: usual, by: [card, merchant], groups: many, over: "
    "300d,\n"
    "     minimum: 2, fallback: 3.0}\n"
    "  - {name: good, quantile: 0.5, of: amount, where: '!(card in lists.bad_cards)', over: 300d,\n"
    "     minimum: 10, fallback: 4.0}\n"
    "  - {name: rare, quantile: 0.5, of: amount, where: amount > 999.0, over: 1d, minimum: 1000,\n"
    "     fallback: 9.0}\n"
    "budgets:\n"
    "  - {verdict: review, at_most: 0.3, over: 300d, minimum: 10}\n"
    "  - {verdict: decline, precision: 0.2, over: 40d, minimum: 3}\n";
static const char rules_yaml[] = "rules:\n"
                                 "  - name: above_dear\n"
                                 "    when: amount > thresholds.dear\n"
                                 "    then: {score: 210}\n"
                                 "  - name: above_usual\n"
                                 "    when: card.sum_1d > thresholds.usual_sum[country]\n"
                                 "    then: {score: 120}\n"
                                 "  - name: above_own\n"
                                 "    when: amount > thresholds.of_card[card]\n"
                                 "    then: {score: 50}\n";
/* No rule reads them: scores do not depend on them. */
static const char unread_yaml[] =
    "thresholds:\n"
    "  - {name: dear, quantile: 0.97, of: amount, over: 300d, minimum: 10, fallback: 5.0}\n"
    "budgets:\n"
    "  - {verdict: review, at_most: 0.3, over: 300d, minimum: 10}\n"
    "  - {verdict: decline, precision: 0.2, over: 40d, minimum: 3}\n";

static struct policy_file file_of(const char *path, const char *content) {
    return (struct policy_file){.path = text_of(path), .content = text_of(content)};
}

static int compare_files(const void *left, const void *right) {
    const struct policy_file *a = left, *b = right;
    return text_compare(a->path, b->path);
}

/* That of the archive, with more files; rules NULL: without them. */
static struct snapshot *policy_with(const char *thresholds, const char *rules) {
    struct snapshot *first = replay_archive_policy(REPLAY_FIRST), *snapshot;
    struct policy_file files[10];
    struct buffer messages;
    struct error error;
    size_t count = 0;
    buffer_init(&messages);
    for (; count < first->file_count; count++)
        files[count] = first->files[count];
    files[count++] = file_of("thresholds.yaml", thresholds);
    if (rules)
        files[count++] = file_of("rules/more.yaml", rules);
    qsort(files, count, sizeof *files, compare_files);
    if (snapshot_load(files, count, &snapshot, &messages, &error) < 0)
        fail_msg("%s: %.*s", error.text, (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    snapshot_unref(first);
    return snapshot;
}

/* ---- both rebuilds ---- */

struct world {
    char *root;
    char archive[256], here[256], there[256];
    struct snapshot *policy;
};

static void world_init(struct world *world, struct snapshot *policy) {
    *world = (struct world){.root = scratch_make(), .policy = policy};
    snprintf(world->archive, sizeof world->archive, "%s/archive", world->root);
    snprintf(world->here, sizeof world->here, "%s/here", world->root);
    snprintf(world->there, sizeof world->there, "%s/there", world->root);
}

static void world_deinit(struct world *world) {
    snapshot_unref(world->policy);
    scratch_remove(world->root);
}

static struct rebuild_options options_of(struct world *world, const char *generations) {
    return (struct rebuild_options){.archive = world->archive,
                                    .generations = generations,
                                    .snapshot = world->policy,
                                    .force = true,
                                    .full = true,
                                    .accept_changes = true,
                                    .version = "test",
                                    .threads = 2,
                                    .memory_bytes = REBUILD_MEMORY_MIN,
                                    .now_us = REPLAY_ARCHIVE_START_US + (INT64_C(1) << 50)};
}

static struct rebuild_report rebuild_here(struct world *world) {
    const struct rebuild_options options = options_of(world, world->here);
    struct rebuild_report report;
    struct error error;
    if (rebuild_run(&options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

static int run_there(struct world *world, struct tasks_engine *engine,
                     struct rebuild_report *ret_report, struct error *error) {
    const struct rebuild_options options = options_of(world, world->there);
    const struct distributed_options distributed = {
        .shares = engine->shares, .run = tasks_engine_run, .user = engine};
    engine->archive = world->archive;
    engine->scratch = world->root;
    int r = distributed_rebuild_run(&options, &distributed, NULL, ret_report, error);
    tasks_engine_deinit(engine);
    engine->values = (struct task_rows){0};
    return r;
}

/* The bytes of the set that the current generation has. */
static void read_set(const char *generations, struct buffer *ret_bytes) {
    struct generation *generation;
    struct error error;
    if (generation_open_current(generations, true, &generation, &error) < 0)
        fail_msg("%s", error.text);
    assert_non_null(generation_thresholds(generation));
    threshold_set_encode(thresholds_set(generation_thresholds(generation)), ret_bytes);
    generation_close(generation);
}

static void expect_equal(struct world *world, const struct rebuild_report *here,
                         const struct rebuild_report *there) {
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    read_set(world->here, &a);
    read_set(world->there, &b);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.bytes, b.bytes, a.length);
    assert_int_equal(there->baselines, here->baselines);
    assert_true(there->manifest.content_hash == here->manifest.content_hash);
    assert_true(there->manifest.id == here->manifest.id);
    assert_int_equal(there->thresholds.is_rescored, here->thresholds.is_rescored);
    buffer_deinit(&a);
    buffer_deinit(&b);
}

static void compare(struct world *world, const struct rebuild_report *here,
                    struct tasks_engine *engine) {
    struct rebuild_report there;
    struct error error;
    engine->stages = 0;
    if (run_there(world, engine, &there, &error) < 0)
        fail_msg("%s", error.text);
    expect_equal(world, here, &there);
    rebuild_report_deinit(&there);
}

static const struct threshold_line *line_of(const struct rebuild_report *report, const char *name) {
    for (size_t i = 0; i < report->thresholds.threshold_count; i++)
        if (text_equal(report->thresholds.thresholds[i].name, text_of(name)))
            return &report->thresholds.thresholds[i];
    fail_msg("no threshold %s", name);
    return NULL;
}

#define RAN(stage) (1u << DISTRIBUTED_##stage)

/* Without these the comparison would say little. */
static void expect_substance(const struct rebuild_report *here) {
    static const char *const names[] = {"dear",    "usual_sum", "spread",
                                        "of_card", "of_pair",   "good"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(line_of(here, names[i])->has_overall);
        assert_true(line_of(here, names[i])->samples > 100);
    }
    assert_false(line_of(here, "rare")->has_overall);
    assert_in_range(line_of(here, "usual_sum")->groups, 5, 6);
    assert_int_equal(line_of(here, "spread")->groups, 6);
    assert_true(here->baselines > 100);
    assert_true(here->thresholds.is_rescored);
    assert_int_equal(here->thresholds.cutoff_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(here->thresholds.cutoffs[i].state, CUTOFF_COMPUTED);
}

static void shares_and_memory_do_not_matter(void **state) {
    (void)state;
    unsigned sizes = (unsigned)asked_steps(2);
    for (unsigned i = 0; i < sizes; i++) {
        struct world world;
        world_init(&world, policy_with(thresholds_yaml, rules_yaml));
        const struct replay_archive_kind kind = {.transactions = 900 + 700 * (i % 3),
                                                 .policies = i % 2,
                                                 .tables = i % 3 == 1,
                                                 .segment_bytes = 12000 + 20000 * (i % 3)};
        replay_archive_write(world.archive, &kind);
        struct rebuild_report here = rebuild_here(&world);
        expect_substance(&here);
        for (unsigned j = 0; j < 2; j++) {
            struct tasks_engine engine = {.memory_bytes = j ? 64 << 20 : 1 << 20,
                                          .random = 10 * i + j,
                                          .shares = j ? 1 : 5 + i};
            compare(&world, &here, &engine);
            assert_int_equal(engine.stages, RAN(RECORD_VALUES) | RAN(FEATURE_VALUES) | RAN(GROUPS) |
                                                RAN(COUNTS) | RAN(DERIVED_SCORES));
        }
        rebuild_report_deinit(&here);
        world_deinit(&world);
    }
}

/* ---- recorded scores ---- */

static void append_payment(struct archive *archive, const struct snapshot *policy, unsigned number,
                           bool is_other) {
    char id[32], card[32];
    uint64_t random = number;
    snprintf(id, sizeof id, "t-%u", number);
    snprintf(card, sizeof card, "c%u", number % 17);
    struct record record = {.type = RECORD_TRANSACTION,
                            .receive_time_us = REPLAY_ARCHIVE_START_US + number};
    record.transaction.decision = (struct decision){.verdict = VERDICT_APPROVE,
                                                    .snapshot_id = is_other ? 1 : policy->id,
                                                    .score = (uint32_t)(split_mix(&random) % 1000)};
    record.transaction.is_backfilled = number % 11 == 0;
    record.transaction.transaction =
        (struct transaction){.id = text_of(id),
                             .event_time_us = REPLAY_ARCHIVE_START_US + number * INT64_C(60000000),
                             .amount_minor = 1 + number * 37 % 6000,
                             .currency = TEXT_LITERAL("EUR")};
    record.transaction.transaction.fields[FIELD_CARD] = text_of(card);
    archive_append(archive, &record);
    if (number % 4 != 0)
        return;
    struct record outcome = {.type = RECORD_OUTCOME,
                             .receive_time_us = record.receive_time_us,
                             .outcome = {.known_time_us = record.receive_time_us,
                                         .label = number % 8 ? LABEL_FRAUD : LABEL_LEGIT,
                                         .transaction_position = record.position,
                                         .transaction = record.transaction.transaction,
                                         .verdict = VERDICT_APPROVE}};
    archive_append(archive, &outcome);
}

static void write_payments(const struct world *world, unsigned other) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct archive_sync sync;
    struct error error;
    const struct archive_options options = {.segment_bytes = 20000};
    assert_int_equal(archive_open(world->archive, &options, &archive, &recovery, &error), 0);
    for (unsigned number = 0; number < 1200; number++)
        append_payment(archive, world->policy, number, number == other);
    assert_int_equal(archive_write(archive, &error), 0);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
    archive_close(archive);
}

/* One decision of another policy, and all scores are derived. */
static void recorded_scores_count_where_they_do_here(void **state) {
    (void)state;
    static const unsigned others[] = {UINT32_MAX, 700};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        struct tasks_engine engine = {.memory_bytes = 4 << 20, .random = i, .shares = 3};
        world_init(&world, policy_with(unread_yaml, NULL));
        write_payments(&world, others[i]);
        struct rebuild_report here = rebuild_here(&world);
        assert_int_equal(here.thresholds.is_rescored, i == 1);
        assert_int_equal(here.thresholds.cutoffs[0].state, CUTOFF_COMPUTED);
        compare(&world, &here, &engine);
        assert_int_equal(engine.stages, RAN(RECORD_VALUES) | RAN(COUNTS) | RAN(RECORDED_SCORES) |
                                            (i == 1 ? RAN(DERIVED_SCORES) : 0));
        rebuild_report_deinit(&here);
        world_deinit(&world);
    }
}

/* ---- what goes wrong ---- */

static void lose(struct task_rows *rows, size_t index) {
    assert_true(rows->count > index);
    free((char *)(uintptr_t)rows->rows[index].block.data);
    memmove(&rows->rows[index], &rows->rows[index + 1],
            (--rows->count - index) * sizeof *rows->rows);
}

static void lose_first(struct task_rows *rows) {
    lose(rows, 0);
}

static void lose_last(struct task_rows *rows) {
    lose(rows, rows->count - 1);
}

static void lose_all(struct task_rows *rows) {
    while (rows->count > 0)
        lose_last(rows);
}

/* Scores that the task derived itself are not of another policy. */
static void say_other(struct task_rows *rows) {
    *(char *)(uintptr_t)rows->rows[0].block.data = 1;
}

static void cut_a_row(struct task_rows *rows) {
    rows->rows[0].block.length--;
}

static void turn_rows(struct task_rows *rows) {
    for (size_t i = 0; i < rows->count / 2; i++) {
        struct arrow_row swap = rows->rows[i];
        rows->rows[i] = rows->rows[rows->count - 1 - i];
        rows->rows[rows->count - 1 - i] = swap;
    }
}

static unsigned passes;

/* In the second pass. */
static void lose_a_count(struct task_rows *rows) {
    if (passes++ == 1)
        lose_first(rows);
}

static void what_tasks_lose_is_seen(void **state) {
    (void)state;
    static const struct {
        enum distributed_stage stage;
        void (*spoil)(struct task_rows *rows);
        const char *text;
    } faults[] = {
        {DISTRIBUTED_GROUPS, cut_a_row, "damaged"},
        {DISTRIBUTED_GROUPS, turn_rows, "out of order"},
        {DISTRIBUTED_GROUPS, lose_last, "values of threshold \""},
        {DISTRIBUTED_RECORD_VALUES, lose_first, "values of threshold \""},
        {DISTRIBUTED_RECORD_VALUES, lose_last, "tasks over records"},
        {DISTRIBUTED_RECORD_VALUES, lose_all, "came from 0 tasks over records"},
        {DISTRIBUTED_FEATURE_VALUES, lose_last, "came from 2 tasks over features"},
        {DISTRIBUTED_COUNTS, lose_first, "values of threshold \""},
        {DISTRIBUTED_COUNTS, lose_a_count, "values of threshold \""},
        {DISTRIBUTED_COUNTS, cut_a_row, "damaged"},
        {DISTRIBUTED_DERIVED_SCORES, cut_a_row, "damaged"},
        {DISTRIBUTED_DERIVED_SCORES, say_other, "damaged"},
        {DISTRIBUTED_DERIVED_SCORES, lose_first, "scores came from 2 tasks, and 3 were expected"},
    };
    struct world world;
    world_init(&world, policy_with(thresholds_yaml, rules_yaml));
    replay_archive_write(
        world.archive, &(struct replay_archive_kind){.transactions = 400, .segment_bytes = 20000});
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct tasks_engine engine = {.memory_bytes = 4 << 20,
                                      .shares = 4,
                                      .spoil = faults[i].spoil,
                                      .spoilt = faults[i].stage};
        struct rebuild_report report;
        struct error error;
        passes = 0;
        assert_true(run_there(&world, &engine, &report, &error) < 0);
        if (!strstr(error.text, faults[i].text))
            fail_msg("fault %zu: %s", i, error.text);
    }
    world_deinit(&world);
}

static unsigned described; /* stages whose description was damaged */

/* Cut off or altered: refused, or a description of something else. */
static void damage(struct text description) {
    struct threshold_task *task;
    struct error error;
    struct buffer copy;
    for (size_t length = 0; length < description.length; length += 1 + length / 20) {
        const struct text cut = {.data = description.data, .length = length};
        assert_true(threshold_task_open(cut, "/tmp", 1 << 20, &task, &error) < 0);
    }
    buffer_init(&copy);
    buffer_append(&copy, description.data, description.length);
    buffer_append_u8(&copy, 0);
    assert_true(threshold_task_open(buffer_text(&copy), "/tmp", 1 << 20, &task, &error) < 0);
    copy.length--;
    /* What is behind the features, whose description has a test of its own. */
    for (size_t i = 8 + (size_t)load_u64(copy.bytes); i < copy.length; i++)
        for (unsigned bits = 1; bits < 256; bits += 127) {
            copy.bytes[i] ^= (uint8_t)bits;
            if (threshold_task_open(buffer_text(&copy), "/tmp", 1 << 20, &task, &error) == 0)
                threshold_task_close(task);
            copy.bytes[i] ^= (uint8_t)bits;
        }
    buffer_deinit(&copy);
    described++;
}

static int damage_and_run(void *user, struct distributed_rebuild *rebuild,
                          enum distributed_stage stage, struct text description,
                          struct error *ret_error) {
    if (stage == DISTRIBUTED_COUNTS || stage == DISTRIBUTED_RECORDED_SCORES)
        damage(description);
    return tasks_engine_run(user, rebuild, stage, description, ret_error);
}

static void descriptions_are_checked(void **state) {
    (void)state;
    struct world world;
    struct tasks_engine engine = {.memory_bytes = 4 << 20, .shares = 2};
    struct rebuild_report report;
    struct error error;
    world_init(&world, policy_with(unread_yaml, NULL));
    write_payments(&world, UINT32_MAX);
    const struct rebuild_options options = options_of(&world, world.there);
    const struct distributed_options distributed = {
        .shares = engine.shares, .run = damage_and_run, .user = &engine};
    engine.archive = world.archive;
    engine.scratch = world.root;
    if (distributed_rebuild_run(&options, &distributed, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    assert_in_range(described, 3, 6);
    rebuild_report_deinit(&report);
    tasks_engine_deinit(&engine);
    world_deinit(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_and_memory_do_not_matter),
        cmocka_unit_test(recorded_scores_count_where_they_do_here),
        cmocka_unit_test(what_tasks_lose_is_seen),
        cmocka_unit_test(descriptions_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
