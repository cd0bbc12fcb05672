/* Property: features by tasks are those of a replay, whatever the shares and the parts, row for row
 * and cell for cell: archives with late transactions, outcomes that change, lists, thresholds and
 * texts.
 *
 * HARRIER_STEPS makes it longer. */
#include "batch/replay/replay.h"
#include "batch/tasks/feature_entries.h"
#include "batch/tasks/feature_rows.h"
#include "batch/tasks/feature_values.h"
#include "batch/tasks/task_bytes.h"
#include "clients/cli/replay/training_rows.h"
#include "core/base/check.h"
#include "core/store/archive/archive.h"
#include "task_rows.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Rows as lines of CSV. */
struct table {
    struct training_columns columns;
    struct buffer lines;
};

static void table_init(struct table *table, const struct snapshot *policy) {
    training_columns_init(&table->columns, NULL);
    training_columns_add(&table->columns, policy);
    buffer_init(&table->lines);
}

static void table_deinit(struct table *table) {
    training_columns_deinit(&table->columns);
    buffer_deinit(&table->lines);
}

/* ---- here ---- */

static int take(void *user, size_t worker, const struct replay_row *row, struct buffer *prepared,
                struct error *ret_error) {
    const struct table *table = user;
    (void)worker, (void)ret_error;
    if (row->decision)
        training_row_csv(&table->columns, row->decision, &row->record->transaction.transaction,
                         row->outcome, prepared);
    return 0;
}

static int tell(void *user, const struct replay_row *row, struct error *ret_error) {
    struct table *table = user;
    (void)ret_error;
    buffer_append(&table->lines, row->prepared.data, row->prepared.length);
    return 0;
}

static uint64_t features_here(const char *archive, struct snapshot *policy, struct table *table) {
    const struct replay_options options = {.archive = archive,
                                           .snapshot = policy,
                                           .threads = 2,
                                           .features = true,
                                           .outcomes = true,
                                           .texts = true};
    const struct replay_listener listener = {.take = take, .row = tell, .user = table};
    struct replay *replay;
    struct replay_report report;
    struct error error;
    if (replay_open(&options, NULL, &replay, &error) < 0 ||
        replay_run(replay, &listener, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    replay_close(replay);
    return report.refused;
}

/* ---- there ---- */

struct job {
    const char *archive, *scratch;
    struct text description;
    struct feature_task *task;
    uint64_t random;
    bool sends_files; /* parts come as rows */
};

static struct feature_task *open_task(struct text description) {
    struct feature_task *task;
    struct error error;
    if (feature_task_open(description, &task, &error) < 0)
        fail_msg("%s", error.text);
    return task;
}

/* All rare records in the order of parts. */
static void take_entries(struct job *job, struct task_rows *items) {
    struct arrow_blocks *blocks = arrow_blocks_new();
    struct error error;
    for (size_t part = job->task->part_count; part-- > 0;) {
        if (feature_entries(job->task, job->archive, part, blocks, &error) < 0)
            fail_msg("%s", error.text);
        task_rows_take(blocks, items);
    }
    task_rows_sort(items);
    arrow_blocks_free(blocks);
}

static void lend(struct job *job, const struct task_rows *rows, size_t *first, size_t end,
                 struct lent *ret_lent) {
    task_rows_lend(rows, first, end, 20, &job->random, ret_lent);
}

static void read_values(struct job *job, const struct task_rows *items, struct task_rows *values) {
    struct error error;
    for (size_t first = 0; first < items->count;) {
        size_t end = task_rows_end_of_share(items, first);
        struct feature_task *task = open_task(job->description);
        struct feature_values *reading = feature_values_new(task);
        struct arrow_blocks *made = arrow_blocks_new();
        while (first < end) {
            struct lent lent;
            lend(job, items, &first, end, &lent);
            if (feature_values_take(reading, &lent.rows, made, &error) < 0)
                fail_msg("%s", error.text);
            task_rows_give_back(&lent);
            task_rows_take(made, values);
        }
        feature_values_end(reading, made);
        task_rows_take(made, values);
        arrow_blocks_free(made);
        feature_values_free(reading);
        feature_task_close(task);
    }
}

/* The files of all parts as rows. */
static void send_files(const struct job *job, struct task_rows *rows) {
    struct archive_parts *parts;
    struct arrow_blocks *blocks = arrow_blocks_new();
    struct error error;
    assert_int_equal(archive_parts_open(job->archive, &parts, &error), 0);
    for (size_t i = 0; i < archive_parts_count(parts); i++) {
        char path[400];
        struct buffer block;
        const char *name = archive_parts_part(parts, i).file;
        snprintf(path, sizeof path, "%s/%s", job->archive, name);
        struct text bytes = scratch_read(path);
        buffer_init(&block);
        task_bytes_put(&block, text_of(name));
        buffer_append(&block, bytes.data, bytes.length);
        const struct arrow_row row = {.share = (int32_t)feature_output(job->task, i),
                                      .stream = (int32_t)i,
                                      .sequence = FEATURE_FILE,
                                      .block = buffer_text(&block)};
        arrow_blocks_add(blocks, &row);
        buffer_deinit(&block);
        free((char *)(uintptr_t)bytes.data);
    }
    task_rows_take(blocks, rows);
    arrow_blocks_free(blocks);
    archive_parts_close(parts);
}

static void add_line(void *user, const struct record *record, const struct decision *decision,
                     enum label outcome) {
    struct table *table = user;
    training_row_csv(&table->columns, decision, &record->transaction.transaction, outcome,
                     &table->lines);
}

static int decide(struct job *job, const struct task_rows *values, struct text rare,
                  struct table *table, uint64_t *ret_refused, struct error *ret_error) {
    const struct feature_listener listener = {.row = add_line, .user = table};
    int r = 0;
    *ret_refused = 0;
    for (size_t first = 0; first < values->count && r == 0;) {
        size_t end = task_rows_end_of_share(values, first);
        struct feature_task *task = open_task(job->description);
        struct feature_rows *rows =
            feature_rows_new(task, rare, job->sends_files ? job->scratch : job->archive, &listener);
        while (first < end && r == 0) {
            struct lent lent;
            lend(job, values, &first, end, &lent);
            r = feature_rows_take(rows, &lent.rows, ret_error);
            task_rows_give_back(&lent);
        }
        if (r == 0)
            r = feature_rows_end(rows, ret_error);
        *ret_refused += feature_rows_refused(rows);
        feature_rows_free(rows);
        feature_task_close(task);
    }
    return r;
}

static void describe(struct job *job, const struct snapshot *policy, size_t shares, size_t outputs,
                     struct buffer *description) {
    struct archive_parts *parts;
    struct archive_part_bounds bounds[500];
    struct error error;
    assert_int_equal(archive_parts_open(job->archive, &parts, &error), 0);
    size_t count = archive_parts_count(parts);
    assert_in_range(count, 1, 500);
    for (size_t i = 0; i < count; i++)
        bounds[i] = archive_part_bounds(parts, i);
    feature_task_describe(bounds, count, policy, shares, outputs, description);
    archive_parts_close(parts);
    job->description = buffer_text(description);
    job->task = open_task(job->description);
}

static uint64_t features_there(struct job *job, const struct snapshot *policy, size_t shares,
                               size_t outputs, struct table *table) {
    struct buffer description, rare;
    struct task_rows items = {0}, values = {0};
    struct error error;
    uint64_t refused;
    buffer_init(&description);
    buffer_init(&rare);
    describe(job, policy, shares, outputs, &description);
    task_rows_rare(job->task, job->archive, &rare);
    take_entries(job, &items);
    read_values(job, &items, &values);
    if (job->sends_files)
        send_files(job, &values);
    task_rows_sort(&values);
    if (decide(job, &values, buffer_text(&rare), table, &refused, &error) < 0)
        fail_msg("%s", error.text);
    task_rows_free(&items);
    task_rows_free(&values);
    feature_task_close(job->task);
    buffer_deinit(&description);
    buffer_deinit(&rare);
    return refused;
}

/* ---- tests ---- */

static void compare(const char *archive, const char *scratch, enum replay_policy_name name,
                    uint64_t seed) {
    struct snapshot *policy = replay_archive_policy(name);
    struct table here, there;
    table_init(&here, policy);
    uint64_t refused = features_here(archive, policy, &here);
    assert_true(here.lines.length > 10000);
    for (int i = 0; i < 3; i++) {
        struct job job = {.archive = archive,
                          .scratch = scratch,
                          .random = seed + (uint64_t)i,
                          .sends_files = i == 1};
        size_t shares = 1 + (size_t)(split_mix(&job.random) % 7);
        size_t outputs = 1 + (size_t)(split_mix(&job.random) % 4);
        table_init(&there, policy);
        assert_int_equal(features_there(&job, policy, shares, outputs, &there), refused);
        assert_int_equal(there.lines.length, here.lines.length);
        assert_memory_equal(there.lines.bytes, here.lines.bytes, here.lines.length);
        table_deinit(&there);
    }
    table_deinit(&here);
    snapshot_unref(policy);
}

static void features_are_those_of_a_replay(void **state) {
    (void)state;
    unsigned sizes = (unsigned)asked_steps(3);
    for (unsigned i = 0; i < sizes; i++) {
        char *root = scratch_make();
        char archive[300], scratch[300];
        snprintf(archive, sizeof archive, "%s/archive", root);
        snprintf(scratch, sizeof scratch, "%s/files", root);
        assert_int_equal(mkdir(scratch, 0700), 0);
        const struct replay_archive_kind kind = {.transactions = 400 + 900 * (i % 4),
                                                 .policies = i % 2,
                                                 .tables = i % 3 == 2,
                                                 .segment_bytes = 5000 + 20000 * (i % 3)};
        replay_archive_write(archive, &kind);
        for (int name = 0; name < REPLAY_POLICY_COUNT; name++)
            compare(archive, scratch, (enum replay_policy_name)name, 100 * i);
        scratch_remove(root);
    }
}

/* ---- thresholds and cut-offs that tables brought ---- */

static const struct policy_file nightly_files[] = {
    {.path = TEXT_LITERAL("policy.yaml"),
     .content = TEXT_LITERAL("policy:\n"
                             "  name: nightly\n"
                             "  base_currency: EUR\n"
                             "  cutoffs: {review: 300, decline: 800}\n")},
    {.path = TEXT_LITERAL("features.yaml"),
     .content = TEXT_LITERAL("entities:\n"
                             "  card: {key: card}\n"
                             "features:\n"
                             "  card:\n"
                             "    - {name: count_1h, aggregate: count, window: 1h}\n")},
    {.path = TEXT_LITERAL("rules/r.yaml"),
     .content = TEXT_LITERAL("rules:\n"
                             "  - name: dear\n"
                             "    when: amount > thresholds.p99[mcc]\n"
                             "    then: {score: 350}\n"
                             "    reason: above {thresholds.p99[mcc]}\n")},
    {.path = TEXT_LITERAL("thresholds.yaml"),
     .content = TEXT_LITERAL(
         "thresholds:\n"
         "  - {name: p99, quantile: 0.99, of: amount, by: mcc, over: 1d, fallback: 10.5}\n"
         "budgets:\n"
         "  - {verdict: review, at_most: 0.01, over: 1d}\n")},
};

static struct snapshot *nightly_policy(void) {
    struct snapshot *snapshot;
    struct buffer messages;
    struct error error;
    buffer_init(&messages);
    if (snapshot_load(nightly_files, 4, &snapshot, &messages, &error) < 0)
        fail_msg("%s", error.text);
    buffer_deinit(&messages);
    return snapshot;
}

/* Tables whose threshold is night × 5, and whose cut-off goes up and down. */
static void append_night(struct archive *archive, const struct snapshot *snapshot, unsigned night) {
    static const struct text keys[] = {TEXT_LITERAL("5411")};
    const double values[] = {5.0 * night};
    const struct threshold_values threshold = {.name = TEXT_LITERAL("p99"),
                                               .definition = snapshot->thresholds[0].definition,
                                               .has_overall = true,
                                               .overall = 40,
                                               .key_count = 1,
                                               .keys = keys,
                                               .values = values,
                                               .group_count = 1};
    const struct threshold_cutoff cutoff = {.verdict = VERDICT_REVIEW,
                                            .definition = snapshot->budgets[0].definition,
                                            .score = night % 2 ? 340 : 360};
    struct record record = {.type = RECORD_GENERATION,
                            .receive_time_us = REPLAY_ARCHIVE_START_US,
                            .generation = {.generation_id = night,
                                           .thresholds = {.thresholds = &threshold,
                                                          .threshold_count = 1,
                                                          .cutoffs = &cutoff,
                                                          .cutoff_count = 1}}};
    archive_append(archive, &record);
}

static void append_payment(struct archive *archive, unsigned number) {
    char id[32];
    snprintf(id, sizeof id, "t-%u", number);
    struct record record = {.type = RECORD_TRANSACTION, .receive_time_us = REPLAY_ARCHIVE_START_US};
    struct transaction *transaction = &record.transaction.transaction;
    record.transaction.decision.verdict = VERDICT_APPROVE;
    *transaction =
        (struct transaction){.id = text_of(id),
                             .event_time_us = REPLAY_ARCHIVE_START_US + number * 60000000,
                             .amount_minor = number * 37 % 6000,
                             .currency = TEXT_LITERAL("EUR")};
    transaction->fields[FIELD_CARD] = number % 3 ? TEXT_LITERAL("a") : TEXT_LITERAL("b");
    transaction->fields[FIELD_MCC] = number % 4 ? TEXT_LITERAL("5411") : TEXT_LITERAL("6011");
    archive_append(archive, &record);
}

static void write_nights(const char *path, const struct snapshot *snapshot) {
    struct archive *archive;
    struct archive_recovery recovery;
    struct archive_sync sync;
    struct error error;
    const struct archive_options options = {.segment_bytes = 4000};
    assert_int_equal(archive_open(path, &options, &archive, &recovery, &error), 0);
    for (unsigned number = 0; number < 600; number++) {
        append_payment(archive, number);
        if (number % 70 == 69)
            append_night(archive, snapshot, number / 70 + 1);
    }
    assert_int_equal(archive_write(archive, &error), 0);
    assert_int_equal(archive_sync_start(archive, &sync, &error), 1);
    assert_int_equal(archive_sync_wait(&sync, &error), 0);
    assert_int_equal(archive_sync_finish(archive, &sync, &error), 0);
    archive_close(archive);
}

static void thresholds_count_from_where_they_were_adopted(void **state) {
    (void)state;
    char *root = scratch_make();
    char archive[300];
    snprintf(archive, sizeof archive, "%s/archive", root);
    struct snapshot *policy = nightly_policy();
    struct table here, there;
    struct job job = {.archive = archive, .scratch = root, .random = 7};
    write_nights(archive, policy);
    table_init(&here, policy);
    table_init(&there, policy);
    features_here(archive, policy, &here);
    features_there(&job, policy, 2, 3, &there);
    buffer_append_u8(&here.lines, 0);
    buffer_append_u8(&there.lines, 0);
    const char *lines = (const char *)here.lines.bytes;
    assert_non_null(strstr(lines, "above 10.5")); /* the fallback, of the first ones */
    assert_non_null(strstr(lines, "above 5\n") || strstr(lines, "above 5,") ? lines : NULL);
    assert_non_null(strstr(lines, "review"));
    assert_string_equal((const char *)there.lines.bytes, lines);
    table_deinit(&here);
    table_deinit(&there);
    snapshot_unref(policy);
    scratch_remove(root);
}

/* Values of another share, or of a part that has changed: an error, never a wrong row. */
static void what_does_not_belong_together_is_seen(void **state) {
    (void)state;
    char *root = scratch_make();
    char archive[300];
    struct snapshot *policy = replay_archive_policy(REPLAY_FIRST);
    struct job job = {.archive = archive, .scratch = root};
    struct buffer description;
    struct task_rows items = {0}, values = {0};
    struct table table;
    struct error error;
    uint64_t refused;
    snprintf(archive, sizeof archive, "%s/archive", root);
    replay_archive_write(
        archive, &(struct replay_archive_kind){.transactions = 400, .segment_bytes = 20000});
    buffer_init(&description);
    table_init(&table, policy);
    describe(&job, policy, 3, 1, &description);
    take_entries(&job, &items);
    read_values(&job, &items, &values);
    task_rows_sort(&values);

    struct arrow_row *row = &values.rows[0];
    assert_true(row->block.length > 3);
    char *bytes = (char *)(uintptr_t)row->block.data;
    bytes[0] ^= 1; /* a position */
    assert_int_equal(decide(&job, &values, (struct text){0}, &table, &refused, &error),
                     -ERROR_DAMAGED);
    bytes[0] ^= 1;
    row->block.length--;
    assert_int_equal(decide(&job, &values, (struct text){0}, &table, &refused, &error),
                     -ERROR_DAMAGED);
    row->block.length++;
    row->sequence += INT64_C(1) << 40; /* a share that there is none of */
    assert_true(decide(&job, &values, (struct text){0}, &table, &refused, &error) < 0);
    row->sequence -= INT64_C(1) << 40;
    assert_int_equal(decide(&job, &values, (struct text){0}, &table, &refused, &error), 0);

    task_rows_free(&items);
    task_rows_free(&values);
    feature_task_close(job.task);
    table_deinit(&table);
    buffer_deinit(&description);
    snapshot_unref(policy);
    scratch_remove(root);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_those_of_a_replay),
        cmocka_unit_test(thresholds_count_from_where_they_were_adopted),
        cmocka_unit_test(what_does_not_belong_together_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
