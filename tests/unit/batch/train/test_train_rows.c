/* Rows of an archive: the same with any number of threads, in the order of event times, with the
 * outcomes that were known; and the sample that is kept where memory is short, against one that is
 * drawn here from all rows. */
#include "batch/train/train_rows.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/store/archive/archive.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <math.h>

#define DAY_US INT64_C(86400000000)

static const char models_yaml[] = "models:\n"
                                  "  - name: fraud\n"
                                  "    file: models/none.ubj\n"
                                  "    inputs:\n"
                                  "      price: amount\n"
                                  "      fast: card.count_1h\n"
                                  "      mean: merchant.mean_7d\n"
                                  "      land: {value: card.last_country, categories: [DE, FR]}\n"
                                  "    train: {}\n";

struct bench {
    char *scratch;
    const char *archive;
    struct snapshot *snapshot;
    struct train_rows_options options;
};

static struct snapshot *untrained(void) {
    struct snapshot *first = replay_archive_policy(REPLAY_FIRST), *snapshot = NULL;
    struct policy_file *files = check_calloc(first->file_count + 1, sizeof *files);
    struct buffer messages;
    struct error error;
    memcpy(files, first->files, first->file_count * sizeof *files);
    files[first->file_count] =
        (struct policy_file){.path = TEXT_LITERAL("models.yaml"),
                             .content = {.data = models_yaml, .length = sizeof models_yaml - 1}};
    buffer_init(&messages);
    if (snapshot_load_untrained(files, first->file_count + 1, TEXT_LITERAL("fraud"), &snapshot,
                                &messages, &error) < 0)
        fail_msg("%s", error.text);
    buffer_deinit(&messages);
    snapshot_unref(first);
    free(files);
    return snapshot;
}

static int set_up(void **state) {
    static struct bench bench;
    const struct replay_archive_kind kind = {.transactions = 3000};
    bench = (struct bench){.scratch = scratch_make(), .snapshot = untrained()};
    bench.archive = scratch_path(bench.scratch, "archive");
    replay_archive_write(bench.archive, &kind);
    bench.options =
        (struct train_rows_options){.archive = bench.archive,
                                    .snapshot = bench.snapshot,
                                    .model = snapshot_model(bench.snapshot, TEXT_LITERAL("fraud")),
                                    .from_us = REPLAY_ARCHIVE_START_US - 400 * DAY_US,
                                    .until_us = REPLAY_ARCHIVE_START_US + 400 * DAY_US,
                                    .outcomes_after_us = -1,
                                    .threads = 1};
    *state = &bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    snapshot_unref(bench->snapshot);
    scratch_remove(bench->scratch);
    return 0;
}

static struct train_rows read_rows(const struct train_rows_options *options) {
    struct train_rows rows;
    struct error error;
    if (train_rows_read(options, NULL, &rows, &error) < 0)
        fail_msg("%s", error.text);
    return rows;
}

static void assert_same(const struct train_rows *a, const struct train_rows *b) {
    char first[65], second[65];
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->level, b->level);
    train_rows_hash(a, first);
    train_rows_hash(b, second);
    assert_string_equal(first, second);
}

static void rows_do_not_depend_on_threads(void **state) {
    struct bench *bench = *state;
    struct train_rows_options options = bench->options;
    struct train_rows one = read_rows(&options);
    options.threads = 3;
    struct train_rows three = read_rows(&options);
    assert_true(one.count > 2000);
    assert_int_equal(one.level, 0);
    assert_int_equal(one.sampled, 0);
    assert_same(&one, &three);
    size_t positives = 0, missing = 0;
    for (size_t i = 0; i < one.count; i++) {
        positives += one.rows[i].is_positive;
        missing += isnan(one.values[i * one.input_count + 3]) != 0;
        assert_true(one.values[i * one.input_count + 1] >= 1); /* card.count_1h has itself */
        assert_true(one.rows[i].weight == 1.0F);
        if (i > 0)
            assert_true(one.rows[i].event_time_us > one.rows[i - 1].event_time_us ||
                        (one.rows[i].event_time_us == one.rows[i - 1].event_time_us &&
                         one.rows[i].position > one.rows[i - 1].position));
    }
    assert_int_equal(positives, one.positives);
    assert_true(positives > 50 && missing > 50 && missing < one.count);
    assert_int_equal(one.count + one.refused + one.suspected + one.failed, one.transactions);
    train_rows_deinit(&one);
    train_rows_deinit(&three);
}

/* Ids of all positions. */
static char **read_ids(const char *archive, size_t *ret_count) {
    char **ids = check_calloc(16384, sizeof *ids);
    struct archive_reader *reader;
    struct record record;
    struct arena arena;
    struct error error;
    size_t count = 0;
    arena_init(&arena, 1u << 20);
    assert_int_equal(archive_reader_open(archive, (struct archive_place){0}, &reader, &error), 0);
    while (archive_reader_next(reader, &arena, &record, &error) > 0) {
        check(record.position < 16384);
        if (record.type == RECORD_TRANSACTION)
            ids[record.position] = text_copy(record.transaction.transaction.id);
        if (record.position >= count)
            count = record.position + 1;
        arena_reset(&arena);
    }
    archive_reader_close(reader);
    arena_deinit(&arena);
    *ret_count = count;
    return ids;
}

static void a_sample_is_a_hash_of_ids(void **state) {
    struct bench *bench = *state;
    struct train_rows_options options = bench->options;
    options.seed = 5;
    struct train_rows all = read_rows(&options);
    size_t id_count, expected = 0;
    char **ids = read_ids(bench->archive, &id_count);
    options.memory_bytes = 180000; /* a third of what they take */
    struct train_rows sample = read_rows(&options);
    options.threads = 3;
    struct train_rows again = read_rows(&options);
    assert_same(&sample, &again);
    assert_true(sample.level >= 1 && sample.level <= 3);
    uint64_t mask = (UINT64_C(1) << sample.level) - 1, kept[2] = {0, 0};
    for (size_t i = 0; i < all.count; i++) {
        const struct train_row *row = &all.rows[i];
        uint64_t hash = hash64(ids[row->position], strlen(ids[row->position]), 5);
        if (!row->is_positive && (hash & mask) != 0)
            continue;
        assert_int_equal(sample.rows[expected].position, row->position);
        assert_true(sample.rows[expected].weight == (row->is_positive ? 1.0F : (float)(mask + 1)));
        assert_memory_equal(sample.values + expected * sample.input_count,
                            all.values + i * all.input_count, all.input_count * sizeof *all.values);
        kept[row->is_positive]++;
        expected++;
    }
    assert_int_equal(sample.count, expected);
    assert_int_equal(kept[1], all.positives);
    assert_int_equal(sample.sampled, all.count - expected);
    /* One level less would not fit. */
    uint64_t fits = options.memory_bytes / (sample.input_count * 24 + 112);
    assert_true(sample.count <= fits && sample.count + kept[0] > fits / 2);
    options.seed = 6;
    struct train_rows other = read_rows(&options);
    assert_true(other.count != sample.count ||
                memcmp(other.rows, sample.rows, other.count * sizeof *other.rows) != 0);
    for (size_t i = 0; i < id_count; i++)
        free(ids[i]);
    free(ids);
    train_rows_deinit(&all);
    train_rows_deinit(&sample);
    train_rows_deinit(&again);
    train_rows_deinit(&other);
}

static void frauds_alone_may_be_too_many(void **state) {
    struct bench *bench = *state;
    struct train_rows_options options = bench->options;
    struct train_rows rows;
    struct error error;
    options.memory_bytes = 4000;
    assert_int_equal(train_rows_read(&options, NULL, &rows, &error), -ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "with 4 inputs do not fit"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_do_not_depend_on_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sample_is_a_hash_of_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frauds_alone_may_be_too_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
