/* Cut-offs of budgets, where a share or a guard is used to the full and where it is exceeded by the
 * least; system/thresholds compares whole nights with a computation of its own. */
#include "batch/thresholds/threshold_cutoff.h"

#include "core/policy/eval/threshold.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define DEFINITION 7

/* One budget for review, in a policy whose own cut-off is 500. */
struct bench {
    struct cutoff_budget budget;
    struct snapshot *snapshot;
    struct thresholds *in_force;
    struct threshold_report report;
    struct score_counts counts;
};

static void begin(struct bench *bench, enum budget_kind kind, uint32_t share_e6,
                  uint32_t guard_e6) {
    memset(bench, 0, sizeof *bench);
    bench->budget = (struct cutoff_budget){.verdict = VERDICT_REVIEW,
                                           .kind = kind,
                                           .share_e6 = share_e6,
                                           .minimum = 10,
                                           .guard_e6 = guard_e6,
                                           .definition = DEFINITION};
    bench->snapshot = calloc(1, sizeof *bench->snapshot);
    bench->snapshot->budgets = &bench->budget;
    bench->snapshot->budget_count = 1;
    bench->snapshot->cutoffs[VERDICT_REVIEW] = 500;
    arena_init(&bench->report.arena, 1 << 20);
}

static void end(struct bench *bench) {
    arena_deinit(&bench->report.arena);
    thresholds_free(bench->in_force);
    free(bench->snapshot);
}

static void use(struct bench *bench, uint32_t cutoff) {
    const struct threshold_cutoff before = {
        .verdict = VERDICT_REVIEW, .definition = DEFINITION, .score = cutoff};
    const struct threshold_set set = {.cutoffs = &before, .cutoff_count = 1};
    bench->in_force = thresholds_new(&set);
}

static void add(struct bench *bench, uint32_t score, enum label label, unsigned count) {
    while (count-- > 0)
        score_counts_add(&bench->counts, score, label);
}

/* The report's line; `after` is also what is in effect. */
static struct cutoff_line compute(struct bench *bench, bool accepts) {
    const struct threshold_accepted accepted = {.cutoffs = 1u << VERDICT_REVIEW};
    const struct threshold_job job = {.snapshot = bench->snapshot,
                                      .in_force = bench->in_force,
                                      .report = &bench->report,
                                      .accepted = accepts ? &accepted : NULL};
    struct threshold_cutoff cutoff;
    size_t count;
    uint32_t all[VERDICT_COUNT];
    threshold_cutoffs(&job, &bench->counts, &cutoff, &count, all);
    assert_int_equal(bench->report.cutoff_count, 1);
    assert_int_equal(all[VERDICT_REVIEW], bench->report.cutoffs[0].after);
    if (count > 0)
        assert_int_equal(cutoff.score, bench->report.cutoffs[0].after);
    return bench->report.cutoffs[0];
}

/* 5 % of 100: five may reach the cut-off, and six may not. */
static void a_share_may_be_used_to_the_full(void **state) {
    (void)state;
    struct bench bench;
    begin(&bench, BUDGET_AT_MOST, 50000, 1000000);
    add(&bench, 900, LABEL_NONE, 4);
    add(&bench, 800, LABEL_NONE, 1);
    add(&bench, 700, LABEL_NONE, 1);
    add(&bench, 100, LABEL_NONE, 94);
    struct cutoff_line line = compute(&bench, false);
    assert_int_equal(line.state, CUTOFF_COMPUTED);
    assert_int_equal(line.after, 701);
    end(&bench);
}

/* Half of those that reach it are fraud: just as precise as it must be. */
static void a_precision_may_be_just_reached(void **state) {
    (void)state;
    struct bench bench;
    begin(&bench, BUDGET_PRECISION, 500000, 1000000);
    add(&bench, 900, LABEL_FRAUD, 3);
    add(&bench, 800, LABEL_CHARGEBACK, 2);
    add(&bench, 300, LABEL_LEGIT, 5);
    add(&bench, 200, LABEL_LEGIT, 1);
    struct cutoff_line line = compute(&bench, false);
    assert_int_equal(line.state, CUTOFF_COMPUTED);
    assert_int_equal(line.after, 201);
    end(&bench);
}

static void few_leave_the_policys_own(void **state) {
    (void)state;
    struct bench bench;
    begin(&bench, BUDGET_AT_MOST, 500000, 1000000);
    add(&bench, 300, LABEL_NONE, 9);
    struct cutoff_line line = compute(&bench, false);
    assert_int_equal(line.state, CUTOFF_SMALL_SAMPLE);
    assert_int_equal(line.after, 500);
    add(&bench, 300, LABEL_NONE, 1);
    line = compute(&bench, false);
    assert_int_equal(line.state, CUTOFF_COMPUTED);
    assert_int_equal(line.after, 301);
    end(&bench);
}

/* From 400, a tenth is 40: 440 is taken, 441 is held, and taken once it is accepted. */
static void a_guard_holds_what_moves_further(void **state) {
    (void)state;
    for (uint32_t score = 439; score <= 440; score++) {
        struct bench bench;
        begin(&bench, BUDGET_AT_MOST, 50000, 100000);
        use(&bench, 400);
        add(&bench, score, LABEL_NONE, 10); /* too many: one more is the first that may be used */
        add(&bench, 100, LABEL_NONE, 90);
        struct cutoff_line line = compute(&bench, false);
        assert_int_equal(line.before, 400);
        assert_int_equal(line.computed, score + 1);
        assert_int_equal(line.state, score == 439 ? CUTOFF_COMPUTED : CUTOFF_HELD);
        assert_int_equal(line.after, score == 439 ? 440 : 400);
        line = compute(&bench, true);
        assert_int_equal(line.state, CUTOFF_COMPUTED);
        assert_int_equal(line.after, score + 1);
        end(&bench);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_may_be_used_to_the_full),
        cmocka_unit_test(a_precision_may_be_just_reached),
        cmocka_unit_test(few_leave_the_policys_own),
        cmocka_unit_test(a_guard_holds_what_moves_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
