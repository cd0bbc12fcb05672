/* An export against the last outcome and the last amendment of each transaction, which the test
 * keeps as it writes the archive: in memory, and with so little of it that all is sorted in a file.
 * Columns and formats are tests/system/test_export.py's. */
#include "batch/export/export.h"
#include "tests/unit/store/archive_bench.h"

#include <inttypes.h>
#include <stdio.h>

#define RECORDS       6000
#define SEGMENT_BYTES 40000
#define SECOND_US     INT64_C(1000000)

/* What the test knows of a transaction, by position. */
struct known {
    bool is_transaction, is_amended;
    enum verdict verdict;
    int64_t event_us;
    enum label label;
    int64_t outcome_us, outcome_known_us;
    struct amended amended;
    int64_t amended_us;
};

struct scene {
    char *folder;
    struct archive *archive;
    struct known known[RECORDS + 1];
    uint64_t random;
    uint64_t next; /* where the next row is to be */
    uint64_t rows;
    struct export_options options;
};

static uint64_t random_below(struct scene *scene, uint64_t bound) {
    scene->random = scene->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (scene->random >> 33) % bound;
}

static int64_t receipt_of(uint64_t position) {
    return START_US + (int64_t)position * SECOND_US;
}

/* ---- the archive ---- */

static void append(struct scene *scene, struct record record) {
    record.receive_time_us = receipt_of(archive_end(scene->archive).position + 1);
    archive_append(scene->archive, &record);
}

/* Events are out of order by up to 100 seconds. */
static void append_transaction(struct scene *scene, uint64_t position) {
    struct known *known = &scene->known[position];
    char id[32], name[32];
    snprintf(id, sizeof id, "t%" PRIu64, position);
    snprintf(name, sizeof name, "a%" PRIu64, position % 50);
    const struct attribute attributes[] = {
        {.name = text_of(name), .type = ATTRIBUTE_INTEGER, .integer = 1},
        {.name = TEXT_LITERAL("of_all"), .type = position % 2 ? ATTRIBUTE_FLAG : ATTRIBUTE_NUMBER},
    };
    known->is_transaction = true;
    known->event_us = receipt_of(position) - (int64_t)random_below(scene, 100) * SECOND_US;
    known->verdict = (enum verdict)(1 + random_below(scene, VERDICT_COUNT - 1));
    append(scene, (struct record){
                      .type = RECORD_TRANSACTION,
                      .transaction = {.transaction = {.id = text_of(id),
                                                      .event_time_us = known->event_us,
                                                      .amount_minor = 500,
                                                      .currency = TEXT_LITERAL("EUR"),
                                                      .attributes = attributes,
                                                      .attribute_count = 2},
                                      .decision = {.verdict = known->verdict}},
                  });
}

static uint64_t random_transaction(struct scene *scene, uint64_t before) {
    uint64_t position;
    do
        position = 1 + random_below(scene, before - 1);
    while (!scene->known[position].is_transaction);
    return position;
}

static struct transaction again(const struct known *known) {
    return (struct transaction){.id = TEXT_LITERAL("t"),
                                .event_time_us = known->event_us,
                                .amount_minor = 500,
                                .currency = TEXT_LITERAL("EUR")};
}

static void append_outcome(struct scene *scene, uint64_t position) {
    uint64_t of = random_transaction(scene, position);
    struct known *known = &scene->known[of];
    known->label = (enum label)random_below(scene, LABEL_COUNT);
    known->outcome_us = receipt_of(position);
    known->outcome_known_us = receipt_of(position) - 7;
    append(scene, (struct record){.type = RECORD_OUTCOME,
                                  .outcome = {.known_time_us = known->outcome_known_us,
                                              .label = known->label,
                                              .transaction_position = of,
                                              .transaction = again(known),
                                              .verdict = known->verdict}});
}

static void append_amendment(struct scene *scene, uint64_t position) {
    uint64_t of = random_transaction(scene, position);
    struct known *known = &scene->known[of];
    known->is_amended = true;
    known->amended = (struct amended){.is_voided = random_below(scene, 2),
                                      .amount_minor = (int64_t)random_below(scene, 500),
                                      .refunded_minor = (int64_t)random_below(scene, 100)};
    known->amended_us = receipt_of(position);
    append(scene, (struct record){.type = RECORD_AMENDMENT,
                                  .amendment = {.known_time_us = receipt_of(position),
                                                .now = known->amended,
                                                .transaction_position = of,
                                                .transaction = again(known),
                                                .verdict = known->verdict}});
}

static struct scene *scene_new(void) {
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->random = 20260101;
    scene->folder = scratch_make();
    scene->archive = bench_open(scene->folder, SEGMENT_BYTES, NULL);
    for (uint64_t position = 1; position <= RECORDS; position++) {
        uint64_t what = position <= 10 ? 0 : random_below(scene, 4);
        if (what < 2)
            append_transaction(scene, position);
        else if (what == 2)
            append_outcome(scene, position);
        else
            append_amendment(scene, position);
        if (position % 100 == 0)
            bench_write(scene->archive);
    }
    bench_sync(scene->archive);
    scene->options = (struct export_options){.archive = scene->folder, .attributes = true};
    return scene;
}

static void scene_free(struct scene *scene) {
    archive_close(scene->archive);
    scratch_remove(scene->folder);
    free(scene);
}

/* ---- rows ---- */

static bool is_wanted(const struct scene *scene, const struct known *known) {
    const struct export_options *options = &scene->options;
    return known->is_transaction &&
           (options->from_us == 0 || known->event_us >= options->from_us) &&
           (options->to_us == 0 || known->event_us < options->to_us) &&
           (options->verdicts == 0 || options->verdicts & 1u << known->verdict);
}

static int take(void *user, const struct export_row *row, struct error *ret_error) {
    struct scene *scene = user;
    (void)ret_error;
    while (!is_wanted(scene, &scene->known[scene->next]))
        assert_true(++scene->next <= RECORDS);
    const struct known *known = &scene->known[scene->next];
    assert_int_equal(row->record->position, scene->next);
    assert_int_equal(row->record->receive_time_us, receipt_of(scene->next));
    assert_int_equal(row->record->transaction.transaction.event_time_us, known->event_us);
    assert_int_equal(row->label, known->label);
    assert_int_equal(row->outcome_us, known->outcome_us);
    assert_int_equal(row->outcome_known_us, known->outcome_known_us);
    assert_int_equal(row->is_amended, known->is_amended);
    assert_int_equal(row->amended.is_voided, known->amended.is_voided);
    assert_int_equal(row->amended.amount_minor, known->amended.amount_minor);
    assert_int_equal(row->amended.refunded_minor, known->amended.refunded_minor);
    assert_int_equal(row->amended_us, known->amended_us);
    scene->next++;
    scene->rows++;
    return 0;
}

static struct export *open_export(const struct scene *scene) {
    struct export *export;
    struct error error;
    if (export_open(&scene->options, NULL, &export, &error) < 0)
        fail_msg("%s", error.text);
    return export;
}

static void expect_rows(struct scene *scene) {
    struct export *export = open_export(scene);
    const struct export_taker taker = {.take = take, .user = scene};
    struct error error;
    uint64_t expected = 0;
    for (uint64_t position = 1; position <= RECORDS; position++)
        expected += is_wanted(scene, &scene->known[position]);
    scene->next = scene->rows = 0;
    if (export_run(export, &taker, NULL, &error) < 0)
        fail_msg("%s", error.text);
    assert_int_equal(scene->rows, expected);
    assert_true(expected > 100);
    export_close(export);
}

/* ---- tests ---- */

static void what_came_last_counts(void **state) {
    (void)state;
    struct scene *scene = scene_new();
    expect_rows(scene);
    scene->options.memory_bytes = 2048; /* one outcome or amendment is some dozen bytes */
    expect_rows(scene);
    scene->options.attributes = false;
    expect_rows(scene);
    scene_free(scene);
}

static void only_a_part(void **state) {
    (void)state;
    struct scene *scene = scene_new();
    scene->options.memory_bytes = 2048;
    scene->options.verdicts = 1u << VERDICT_DECLINE | 1u << VERDICT_REVIEW;
    expect_rows(scene);
    scene->options.from_us = receipt_of(1000);
    expect_rows(scene);
    scene->options.to_us = receipt_of(2500);
    expect_rows(scene);
    scene->options.verdicts = 0;
    expect_rows(scene);
    scene_free(scene);
}

/* Sorted, each once, with all its types; of the range only. */
static void attributes_are_found(void **state) {
    (void)state;
    struct scene *scene = scene_new();
    struct export *export = open_export(scene);
    const struct export_attributes *set = export_attributes(export);
    assert_int_equal(set->count, 51);
    for (size_t i = 1; i < set->count; i++)
        assert_true(strcmp(set->attributes[i - 1].name.data, set->attributes[i].name.data) < 0);
    size_t of_all = export_attributes_find(set, TEXT_LITERAL("of_all"));
    assert_int_equal(of_all, 50);
    assert_int_equal(set->attributes[of_all].types, 1u << ATTRIBUTE_FLAG | 1u << ATTRIBUTE_NUMBER);
    assert_int_equal(set->attributes[0].types, 1u << ATTRIBUTE_INTEGER);
    assert_true(export_attributes_find(set, TEXT_LITERAL("a5")) < SIZE_MAX);
    assert_true(export_attributes_find(set, TEXT_LITERAL("a50")) == SIZE_MAX);
    assert_true(export_attributes_find(set, TEXT_LITERAL("")) == SIZE_MAX);
    export_close(export);
    scene->options.to_us = START_US - 1000 * SECOND_US;
    export = open_export(scene);
    assert_int_equal(export_attributes(export)->count, 0);
    export_close(export);
    scene_free(scene);
}

static int stop(struct progress *self, const char *stage, uint64_t done, uint64_t total) {
    (void)self, (void)stage;
    assert_true(done <= total);
    return 1;
}

static void interrupted_or_nothing(void **state) {
    (void)state;
    struct scene *scene = scene_new();
    struct progress progress = {.update = stop};
    struct export *export;
    struct error error;
    assert_int_equal(export_open(&scene->options, &progress, &export, &error), -ERROR_INTERRUPTED);
    export = open_export(scene);
    const struct export_taker taker = {.take = take, .user = scene};
    scene->next = scene->rows = 0;
    assert_int_equal(export_run(export, &taker, &progress, &error), -ERROR_INTERRUPTED);
    export_close(export);
    scene->options.archive = scratch_path(scene->folder, "none");
    assert_int_equal(export_open(&scene->options, NULL, &export, &error), -ERROR_NOT_FOUND);
    scene_free(scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_last_counts),
        cmocka_unit_test(only_a_part),
        cmocka_unit_test(attributes_are_found),
        cmocka_unit_test(interrupted_or_nothing),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
