/* Journals and summaries read back as they were written; damaged ones are refused. */
#include "core/base/check.h"
#include "core/store/archive/file.h"
#include "core/store/nights/night_journal.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct bench {
    char *data;
    int root, folder;
    struct night_journal *journal, *read;
};

static struct bench bench_open(void) {
    struct bench bench = {.data = scratch_make()};
    struct error error;
    assert_int_equal(night_folder_open(bench.data, &bench.root, &error), 0);
    assert_int_equal(directory_make(bench.root, "2026-02-28", &bench.folder, &error), 0);
    bench.journal = check_calloc(2, sizeof *bench.journal);
    bench.read = bench.journal + 1;
    night_journal_init(bench.journal, "2026-02-28", 1700000000000000);
    return bench;
}

static void bench_close(struct bench *bench) {
    close(bench->folder);
    close(bench->root);
    free(bench->journal);
    scratch_remove(bench->data);
}

static void test_dates(void **state) {
    (void)state;
    char date[NIGHT_DATE_SIZE];
    int64_t day;
    for (int64_t i = 0; i < 60000; i += 17) {
        assert_true(night_date_parse(night_date_format(i, date), &day));
        assert_int_equal(day, i);
    }
    assert_true(night_date_parse("2026-02-28", &day));
    assert_int_equal(day, 20512);
    static const char *const wrong[] = {"",           "2026-02-29", "2026-2-28", "2026-02-28x",
                                        "28.02.2026", "drift",      "1969-12-31"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(night_date_parse(wrong[i], &day));
}

static void fill(struct night_journal *journal) {
    for (int i = 0; i < NIGHT_STEP_COUNT; i++)
        journal->steps[i] =
            (struct night_step_entry){.state = (enum night_step_state)(i % NIGHT_STEP_STATE_COUNT),
                                      .began_us = i * 1000,
                                      .milliseconds = (uint64_t)i * 77,
                                      .attempts = (uint64_t)i};
    snprintf(journal->steps[3].reason, sizeof journal->steps[3].reason, "a \"reason\"\n→ of two");
    journal->ended_us = 1700000000000123;
    journal->has_failed = true;
    journal->generation_id = UINT64_C(0xfedcba9876543210);
    journal->content_hash = 7;
    journal->place = (struct archive_place){123456, UINT64_C(0x8000000000000001)};
    journal->states = 99;
    journal->held_back = 3;
    journal->held_lines = 2;
    snprintf(journal->held[0].text, sizeof journal->held->text, "one <b>");
    snprintf(journal->held[1].text, sizeof journal->held->text, "two");
    snprintf(journal->warning, sizeof journal->warning, "the clock was set back");
    journal->is_sample = true;
    journal->verified = 10;
    journal->different = 1;
    snprintf(journal->compared, sizeof journal->compared, "2026-02-01");
    journal->is_better = true;
    snprintf(journal->comparison, sizeof journal->comparison, "ap +0.0213 (95 %%: …)");
    snprintf(journal->trained, sizeof journal->trained, "2026-02-28");
    journal->findings[NIGHT_ALERT] = 2;
    journal->findings[NIGHT_NOTE] = 5;
    journal->sealed = 4;
    journal->sealed_bytes = 5000;
    journal->sealed_stored_bytes = 600;
    journal->hook_status = 143;
}

static void test_round_trip(void **state) {
    (void)state;
    struct bench bench = bench_open();
    struct error error;
    assert_int_equal(night_journal_read(bench.folder, bench.read, &error), 1);
    for (int round = 0; round < 2; round++) { /* as begun, then with everything in it */
        assert_int_equal(night_journal_write(bench.folder, bench.journal, &error), 0);
        assert_int_equal(night_journal_read(bench.folder, bench.read, &error), 0);
        assert_memory_equal(bench.read, bench.journal, sizeof *bench.journal);
        fill(bench.journal);
    }
    bench_close(&bench);
}

static void test_complete(void **state) {
    (void)state;
    struct bench bench = bench_open();
    for (int i = 0; i < NIGHT_STEP_COUNT; i++) {
        assert_false(night_journal_is_complete(bench.journal));
        bench.journal->steps[i].state = i % 2 ? NIGHT_STEP_DONE : NIGHT_STEP_SKIPPED;
    }
    assert_true(night_journal_is_complete(bench.journal));
    bench.journal->steps[0].state = NIGHT_STEP_FAILED;
    assert_false(night_journal_is_complete(bench.journal));
    bench.journal->steps[0].state = NIGHT_STEP_DONE;
    assert_false(night_journal_models_failed(bench.journal));
    bench.journal->steps[NIGHT_STEP_TRAIN].state = NIGHT_STEP_FAILED;
    assert_true(night_journal_is_complete(bench.journal));
    assert_true(night_journal_models_failed(bench.journal));
    bench_close(&bench);
}

/* What a crash or an editor may leave: refused, or read as something that can be continued. */
static void test_damaged(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"date\":\"2026-02-28\"}",
                                        "{\"date\":\"x\",\"steps\":[{\"step\":\"rebuild\"}]}"};
    struct bench bench = bench_open();
    struct error error;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(
            night_file_write(bench.folder, NIGHT_JOURNAL_NAME, wrong[i], strlen(wrong[i]), &error),
            0);
        assert_int_equal(night_journal_read(bench.folder, bench.read, &error), -ERROR_DAMAGED);
    }
    bench_close(&bench);
}

static void test_summary(void **state) {
    (void)state;
    struct bench bench = bench_open();
    struct error error;
    struct night_summary read, summary = {.date = "2026-02-28",
                                          .last_success_us = 5,
                                          .failed_us = 6,
                                          .step = "seal",
                                          .reason = "the disk is \"full\"",
                                          .findings = {1, 2, 3},
                                          .held_back = 4,
                                          .models_failed = true};
    assert_int_equal(night_summary_read(bench.data, &read, &error), 1);
    assert_int_equal(read.last_success_us, 0);
    assert_int_equal(night_summary_read("/nowhere", &read, &error), 1);
    assert_int_equal(night_summary_write(bench.root, &summary, &error), 0);
    assert_int_equal(night_summary_read(bench.data, &read, &error), 0);
    assert_string_equal(read.date, summary.date);
    assert_string_equal(read.step, summary.step);
    assert_string_equal(read.reason, summary.reason);
    assert_int_equal(read.last_success_us, 5);
    assert_int_equal(read.failed_us, 6);
    assert_memory_equal(read.findings, summary.findings, sizeof read.findings);
    assert_int_equal(read.held_back, 4);
    assert_true(read.models_failed);
    assert_int_equal(night_file_write(bench.root, NIGHT_SUMMARY_NAME, "{", 1, &error), 0);
    assert_int_equal(night_summary_read(bench.data, &read, &error), -ERROR_DAMAGED);
    bench_close(&bench);
}

/* The draft of a run that was killed is replaced, and a night's folder goes with all that is in it.
 */
static void test_files(void **state) {
    (void)state;
    struct bench bench = bench_open();
    struct error error;
    assert_int_equal(file_create(bench.folder, ".draft.a", "torn", 4, &error), 0);
    assert_int_equal(night_file_write(bench.folder, "a", "whole", 5, &error), 0);
    assert_int_equal(faccessat(bench.folder, ".draft.a", F_OK, 0), -1);
    assert_int_equal(night_folder_remove(bench.root, "2026-02-28", &error), 0);
    assert_int_equal(faccessat(bench.root, "2026-02-28", F_OK, 0), -1);
    assert_int_equal(night_folder_remove(bench.root, "2026-02-28", &error), 0);
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_complete), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_summary),  cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
