/* A comparison of two policies: the same for any number of threads, mirrored when they change
 * places, and bounded in memory. Its figures are those of replays in
 * tests/system/test_promotion.py. */
#include "batch/report/champion_report.h"
#include "tests/unit/batch/replay_archive.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/unit.h"

#define TRANSACTIONS 3000

struct bench {
    char *scratch;
    char archive[512], folders[REPLAY_POLICY_COUNT][512];
    struct snapshot *policies[REPLAY_POLICY_COUNT];
};

static int bench_open(void **state) {
    static struct bench bench;
    bench.scratch = scratch_make();
    snprintf(bench.archive, sizeof bench.archive, "%s/archive", bench.scratch);
    replay_archive_write(bench.archive,
                         &(struct replay_archive_kind){.transactions = TRANSACTIONS});
    for (int i = 0; i < REPLAY_POLICY_COUNT; i++) {
        bench.policies[i] = replay_archive_policy((enum replay_policy_name)i);
        snprintf(bench.folders[i], sizeof bench.folders[i], "%s",
                 replay_archive_folder(bench.scratch, (enum replay_policy_name)i));
    }
    *state = &bench;
    return 0;
}

static int bench_close(void **state) {
    struct bench *bench = *state;
    for (int i = 0; i < REPLAY_POLICY_COUNT; i++)
        snapshot_unref(bench->policies[i]);
    scratch_remove(bench->scratch);
    return 0;
}

static struct champion_options options_of(const struct bench *bench,
                                          enum replay_policy_name candidate,
                                          enum replay_policy_name champion) {
    return (struct champion_options){.archive = bench->archive,
                                     .candidate = bench->policies[candidate],
                                     .champion = bench->folders[champion],
                                     .until_us = INT64_MAX,
                                     .k = 5,
                                     .reviews = 20,
                                     .draws = 50,
                                     .seed = 1,
                                     .threads = 1};
}

static struct champion_report make(const struct champion_options *options) {
    struct champion_report report;
    struct error error;
    memset(&report, 0, sizeof report);
    if (champion_report_make(options, NULL, &report, &error) < 0)
        fail_msg("%s", error.text);
    return report;
}

static void assert_same(const struct ranking_figure *a, const struct ranking_figure *b) {
    assert_int_equal(a->is_known, b->is_known);
    assert_int_equal(a->has_interval, b->has_interval);
    assert_true(a->value == b->value && a->low == b->low && a->high == b->high);
}

static void test_threads(void **state) {
    const struct bench *bench = *state;
    struct champion_options options = options_of(bench, REPLAY_STRICT, REPLAY_FIRST);
    struct champion_report one = make(&options);
    options.threads = 4;
    struct champion_report four = make(&options);
    assert_true(one.figures.rows > TRANSACTIONS / 2 && one.figures.positive > 50);
    assert_true(one.suspected > 0);
    assert_int_equal(one.figures.rows, four.figures.rows);
    assert_memory_equal(one.sides, four.sides, sizeof one.sides);
    for (size_t i = 0; i < RANKING_METRIC_COUNT; i++) {
        assert_same(&one.figures.sides[0][i], &four.figures.sides[0][i]);
        assert_same(&one.figures.sides[1][i], &four.figures.sides[1][i]);
        assert_same(&one.figures.difference[i], &four.figures.difference[i]);
    }
}

static void test_change_of_places(void **state) {
    const struct bench *bench = *state;
    struct champion_options options = options_of(bench, REPLAY_STRICT, REPLAY_FIRST);
    struct champion_report there = make(&options);
    options = options_of(bench, REPLAY_FIRST, REPLAY_STRICT);
    struct champion_report back = make(&options);
    assert_memory_equal(&there.sides[0], &back.sides[1], sizeof there.sides[0]);
    assert_memory_equal(&there.sides[1], &back.sides[0], sizeof there.sides[0]);
    assert_true(memcmp(&there.sides[0], &there.sides[1], sizeof there.sides[0]) != 0);
    for (size_t i = 0; i < RANKING_METRIC_COUNT; i++) {
        assert_same(&there.figures.sides[0][i], &back.figures.sides[1][i]);
        assert_true(there.figures.difference[i].value == -back.figures.difference[i].value);
    }
}

/* Only what is old enough, whether it has an outcome or not. */
static void test_mature(void **state) {
    const struct bench *bench = *state;
    struct champion_options options = options_of(bench, REPLAY_STRICT, REPLAY_FIRST);
    struct champion_report all = make(&options);
    assert_int_equal(all.immature, 0);
    options.outcomes_after_us = (all.last_us - all.first_us) / 2;
    struct champion_report half = make(&options);
    assert_true(half.immature > 0 && half.figures.rows > 0);
    assert_true(half.last_us <= all.last_us - options.outcomes_after_us);
    assert_int_equal(half.figures.rows + half.immature + half.suspected + half.refused +
                         half.champion_refused,
                     all.figures.rows + all.suspected + all.refused + all.champion_refused);
}

static void test_bounds(void **state) {
    const struct bench *bench = *state;
    struct champion_options options = options_of(bench, REPLAY_STRICT, REPLAY_FIRST);
    struct champion_report report;
    struct error error;
    options.memory_bytes = 100 * 1000; /* some 600 rows */
    assert_int_equal(champion_report_make(&options, NULL, &report, &error), -ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "choose a shorter one"));
    options.memory_bytes = 0;
    options.card = "no such entity";
    assert_int_equal(champion_report_make(&options, NULL, &report, &error), -ERROR_NOT_FOUND);
    options.card = NULL;
    options.champion = "/nonexistent";
    assert_int_equal(champion_report_make(&options, NULL, &report, &error), -ERROR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_change_of_places),
        cmocka_unit_test(test_mature),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
