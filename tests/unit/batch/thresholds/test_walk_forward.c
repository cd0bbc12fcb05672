/* Thresholds and cut-offs of every night, beside a computation that looks at all rows again. */
#include "batch/thresholds/walk_forward.h"

#include "core/base/check.h"
#include "core/policy/eval/threshold.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_US  (INT64_C(86400) * 1000000)
#define DAYS    12
#define A_DAY   300
#define ROWS    (DAYS * A_DAY)
#define GROUPS  5
#define WORKERS 3

static const char policy_yaml[] = "policy: {name: test, base_currency: EUR}\n";
static const char thresholds_yaml[] =
    "thresholds:\n"
    "  - {name: usual, quantile: 0.9, of: amount, by: mcc, over: 3d, minimum: 20, fallback: 1,\n"
    "     guard: 1000}\n" /* a rebuild guards no group of the next one, as it has any number of them
                           */
    "  - {name: own, quantile: 0.9, of: amount, by: mcc, groups: many, over: 3d, minimum: 20,\n"
    "     fallback: 1, guard: 0.01}\n"
    "budgets:\n"
    "  - {verdict: review, at_most: 0.05, over: 2d, minimum: 10, guard: 1000}\n"
    "  - {verdict: decline, precision: 0.5, over: 4d, minimum: 10, guard: 1000}\n";

static uint64_t random_state = 4;

static unsigned next(unsigned below) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

static int make_file(void *user, struct error *ret_error) {
    (void)user;
    return error_set(ret_error, ERROR_SYSTEM, "memory should have been enough");
}

static struct snapshot *load(void) {
    const struct policy_file files[] = {
        {.path = TEXT_LITERAL("policy.yaml"), .content = TEXT_LITERAL(policy_yaml)},
        {.path = TEXT_LITERAL("thresholds.yaml"), .content = TEXT_LITERAL(thresholds_yaml)},
    };
    struct buffer messages;
    struct error error;
    struct snapshot *snapshot = NULL;
    buffer_init(&messages);
    if (snapshot_load(files, 2, &snapshot, &messages, &error) < 0)
        fail_msg("%.*s", (int)messages.length, (const char *)messages.bytes);
    buffer_deinit(&messages);
    return snapshot;
}

struct row {
    int64_t at_us;
    unsigned group;
    double amount;
    uint32_t score;
    enum label label; /* reported just before the transaction `reported` */
    unsigned reported;
    bool is_backfilled; /* no budget counts it; thresholds do */
};

/* Days of growing amounts and scores; some rows come late by up to a day. */
static void make_rows(struct row *rows) {
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned day = i / A_DAY;
        int64_t late = next(10) == 0 ? (int64_t)next(86400) * 1000000 : 0;
        rows[i] = (struct row){.at_us = (100 + (int64_t)day) * DAY_US +
                                        (int64_t)(i % A_DAY) * 60000000 - late,
                               .group = next(GROUPS),
                               .amount = (double)next(1000) / 4 + 10 * day,
                               .score = next(1001),
                               .reported = i + 1 + next(3 * A_DAY),
                               .is_backfilled = next(12) == 0};
        if (rows[i].is_backfilled)
            rows[i].score = 900 + next(101); /* cut-offs would move */
        bool is_fraud = next(1001) < rows[i].score;
        if (next(3) == 0)
            rows[i].label = is_fraud ? LABEL_FRAUD : LABEL_LEGIT;
    }
}

static size_t slot(const struct snapshot *snapshot, const char *name) {
    for (size_t i = 0; i < snapshot->schema.field_count; i++)
        if (text_is(snapshot->slot_names[i], name))
            return i;
    fail_msg("no field %s", name);
    return 0;
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The 0.9 quantile of a group by the night before row `end`; the fallback if there are too few. */
static double naive_usual(const struct row *rows, unsigned end, int64_t newest_us, unsigned group) {
    static double values[ROWS];
    size_t count = 0, all = 0;
    for (int pass = 0; pass < 2 && count < 20; pass++) { /* the group; else all groups */
        count = 0;
        for (unsigned i = 0; i < end; i++)
            if (rows[i].at_us > newest_us - 3 * DAY_US && (pass == 1 || rows[i].group == group))
                values[count++] = rows[i].amount;
        all = count;
    }
    if (all < 20)
        return 1;
    qsort(values, count, sizeof *values, compare_doubles);
    return values[(9 * count + 9) / 10 - 1];
}

/* The lowest score that at most 5 % reach; 0: none. */
static uint32_t naive_review(const struct row *rows, unsigned end, int64_t newest_us) {
    for (uint32_t score = 1; score <= 1000; score++) {
        size_t all = 0, reaching = 0;
        for (unsigned i = 0; i < end; i++) {
            bool is_in = rows[i].at_us > newest_us - 2 * DAY_US && !rows[i].is_backfilled;
            all += is_in;
            reaching += is_in && rows[i].score >= score;
        }
        if (reaching * 20 <= all)
            return score;
    }
    return 0;
}

/* The lowest score from which on half of what is known is fraud, of ten at least. */
static uint32_t naive_decline(const struct row *rows, unsigned end, int64_t newest_us) {
    for (uint32_t score = 1; score <= 1000; score++) {
        size_t known = 0, fraud = 0;
        for (unsigned i = 0; i < end; i++) {
            if (rows[i].at_us <= newest_us - 4 * DAY_US || rows[i].label == LABEL_NONE ||
                rows[i].is_backfilled || rows[i].reported > end || rows[i].score < score)
                continue;
            known++;
            fraud += rows[i].label == LABEL_FRAUD;
        }
        if (known >= 10 && 2 * fraud >= known)
            return score;
    }
    return 0;
}

static void expect_cutoff(const struct snapshot *snapshot, const struct thresholds *thresholds,
                          enum verdict verdict, uint32_t expected) {
    for (size_t i = 0; i < snapshot->budget_count; i++) {
        const struct cutoff_budget *budget = &snapshot->budgets[i];
        uint32_t score = 0;
        if (budget->verdict != verdict)
            continue;
        assert_true(thresholds_cutoff(thresholds, verdict, budget->definition, &score));
        assert_int_equal(score, expected);
        return;
    }
    fail_msg("no budget");
}

static void expect_night(const struct snapshot *snapshot, const struct thresholds *thresholds,
                         const struct row *rows, unsigned end, int64_t newest_us) {
    for (size_t i = 0; i < snapshot->threshold_count; i++) {
        const struct threshold *threshold = &snapshot->thresholds[i];
        struct value table = thresholds_value(thresholds, threshold->name, threshold->definition);
        assert_int_equal(table.type, VALUE_TEXT);
        for (unsigned group = 0; group < GROUPS; group++) {
            char key[8];
            snprintf(key, sizeof key, "%04u", group);
            double found = threshold_look_up(table.text, text_of(key), 1);
            assert_true(found == naive_usual(rows, end, newest_us, group));
        }
    }
    expect_cutoff(snapshot, thresholds, VERDICT_REVIEW, naive_review(rows, end, newest_us));
    expect_cutoff(snapshot, thresholds, VERDICT_DECLINE, naive_decline(rows, end, newest_us));
}

struct stroll {
    struct snapshot *snapshot;
    struct walk_forward *walk;
    struct value *frame;
    struct thresholds *thresholds;
};

static void take(struct stroll *stroll, const struct row *row, uint64_t position) {
    char mcc[8];
    struct error error;
    snprintf(mcc, sizeof mcc, "%04u", row->group);
    stroll->frame[slot(stroll->snapshot, "mcc")] = value_text(text_of(mcc));
    stroll->frame[slot(stroll->snapshot, "amount")] = value_double(row->amount);
    const struct walk_forward_row taken = {.position = position,
                                           .event_time_us = row->at_us,
                                           .score = row->score,
                                           .is_backfilled = row->is_backfilled,
                                           .frame = stroll->frame};
    assert_int_equal(walk_forward_take(stroll->walk, next(WORKERS), &taken, &error), 0);
}

static void stroll_init(struct stroll *stroll, size_t memory_bytes) {
    *stroll = (struct stroll){.snapshot = load()};
    const struct walk_forward_options options = {.snapshot = stroll->snapshot,
                                                 .workers = WORKERS,
                                                 .memory_bytes = memory_bytes,
                                                 .make_file = make_file};
    stroll->walk = walk_forward_new(&options);
    stroll->frame = check_calloc(stroll->snapshot->slot_count, sizeof *stroll->frame);
}

static void stroll_deinit(struct stroll *stroll) {
    walk_forward_free(stroll->walk);
    thresholds_free(stroll->thresholds);
    free(stroll->frame);
    snapshot_unref(stroll->snapshot);
}

static void compute(struct stroll *stroll) {
    struct thresholds *thresholds;
    struct error error;
    if (walk_forward_compute(stroll->walk, stroll->thresholds, &thresholds, &error) < 0)
        fail_msg("%s", error.text);
    thresholds_free(stroll->thresholds);
    stroll->thresholds = thresholds;
}

static void every_night_sees_what_came_before(void **state) {
    (void)state;
    static struct row rows[ROWS];
    struct stroll stroll;
    int64_t newest_us = INT64_MIN;
    unsigned nights = 0;
    make_rows(rows);
    stroll_init(&stroll, 64u << 20);
    assert_true(walk_forward_reach_us(stroll.snapshot) == 4 * DAY_US);
    for (unsigned i = 0; i < ROWS; i++) {
        for (unsigned j = 0; j < i; j++)
            if (rows[j].reported == i && rows[j].label != LABEL_NONE) {
                /* What was said first is taken back. */
                walk_forward_note_outcome(stroll.walk, j + 1, LABEL_SUSPECTED);
                walk_forward_note_outcome(stroll.walk, j + 1, rows[j].label);
            }
        bool is_later_day = newest_us != INT64_MIN && rows[i].at_us / DAY_US > newest_us / DAY_US;
        assert_int_equal(walk_forward_is_night(newest_us, rows[i].at_us), is_later_day);
        if (is_later_day) {
            compute(&stroll);
            expect_night(stroll.snapshot, stroll.thresholds, rows, i, newest_us);
            nights++;
        }
        take(&stroll, &rows[i], i + 1);
        walk_forward_note_time(stroll.walk, rows[i].at_us);
        newest_us = rows[i].at_us > newest_us ? rows[i].at_us : newest_us;
    }
    assert_int_equal(nights, DAYS - 1);
    stroll_deinit(&stroll);
}

/* Only what periods reach is counted, so that a long history does not fill the memory. */
static void memory_is_that_of_the_longest_period(void **state) {
    (void)state;
    struct stroll stroll;
    struct error error;
    int r = 0;
    stroll_init(&stroll, 4u << 20);
    for (int64_t day = 0; day < 50; day++) {
        const struct row row = {.at_us = day * DAY_US, .amount = 1, .score = 1};
        if (walk_forward_is_night(row.at_us - DAY_US, row.at_us))
            compute(&stroll);
        for (unsigned i = 0; i < 2000; i++)
            take(&stroll, &row, (uint64_t)day * 2000 + i + 1);
        walk_forward_note_time(stroll.walk, row.at_us);
    }
    stroll.frame[slot(stroll.snapshot, "mcc")] = value_text(TEXT_LITERAL("0001"));
    const struct walk_forward_row more = {.position = UINT64_C(1) << 40, .frame = stroll.frame};
    for (unsigned i = 0; i < 100000 && r == 0; i++)
        r = walk_forward_take(stroll.walk, 0, &more, &error);
    assert_int_equal(r, -ERROR_TOO_LARGE);
    assert_non_null(strstr(error.text, "4 MiB"));
    stroll_deinit(&stroll);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_night_sees_what_came_before),
        cmocka_unit_test(memory_is_that_of_the_longest_period),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
