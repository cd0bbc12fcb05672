/* Limits need two looks at the rows: with the present candidates, each row is asked whether a limit
 * decides about it, that is, whether its rule would fire if the comparison were true and would not
 * if it were false. Only these rows' values say where the limit could go. */
#include "tune_candidates.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/value_order.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SCORE_STEP   50
#define SCORE_NEAR   10
#define CUTOFF_STEP  10
#define DIGITS       2 /* that a candidate has */
#define NEGATIVES_IN 8 /* one of so many rows that are not fraud is looked at */

/* ---- numbers ---- */

const char *tune_number_format(struct value number, char ret_text[TUNE_NUMBER_SIZE]) {
    if (number.type == VALUE_INT) {
        snprintf(ret_text, TUNE_NUMBER_SIZE, "%lld", (long long)number.integer);
        return ret_text;
    }
    for (int decimals = 1; decimals < 40; decimals++) {
        snprintf(ret_text, TUNE_NUMBER_SIZE, "%.*f", decimals, number.number);
        if (strtod(ret_text, NULL) == number.number)
            break;
    }
    return ret_text;
}

/* The number as its text reads, or false: none of a few decimals. */
static bool as_written(double number, int decimals, struct value *ret) {
    char text[TUNE_NUMBER_SIZE];
    if (!isfinite(number) || fabs(number) > 1e15 || decimals > 12)
        return false;
    snprintf(text, sizeof text, "%.*f", decimals < 1 ? 1 : decimals, number);
    *ret = value_double(strtod(text, NULL));
    return true;
}

/* To two digits: 3.4712 → 3.5, 217.3 → 220.0 */
static bool round_double(double number, struct value *ret) {
    if (!isfinite(number))
        return false;
    if (number == 0.0)
        return as_written(0.0, 1, ret);
    int exponent = (int)floor(log10(fabs(number)));
    double unit = pow(10, exponent - (DIGITS - 1));
    return as_written(round(number / unit) * unit, DIGITS - 1 - exponent, ret);
}

static bool round_int(double number, struct value *ret) {
    if (!(fabs(number) < 1e15))
        return false;
    double unit = fabs(number) < 100 ? 1 : pow(10, floor(log10(fabs(number))) - (DIGITS - 1));
    *ret = value_int((int64_t)(round(number / unit) * unit));
    return true;
}

static double as_double(struct value value) {
    return value.type == VALUE_INT ? (double)value.integer : value.number;
}

/* ---- adding to a knob ---- */

static void add(struct tune_knob *knob, struct value value) {
    for (size_t i = 0; i < knob->count; i++)
        if (value_order(knob->candidates[i], value) == 0)
            return;
    if (knob->count < TUNE_CANDIDATES_MAX)
        knob->candidates[knob->count++] = value;
}

static void add_near(struct tune_knob *knob, double number) {
    struct value value;
    bool is_int = knob->tunable->value.type == VALUE_INT;
    if (is_int ? round_int(number, &value) : round_double(number, &value))
        add(knob, value);
}

static int compare_values(const void *a, const void *b) {
    return value_order(*(const struct value *)a, *(const struct value *)b);
}

static void finish(struct tune_knob *knob) {
    qsort(knob->candidates, knob->count, sizeof *knob->candidates, compare_values);
    for (size_t i = 0; i < knob->count; i++)
        if (value_order(knob->candidates[i], knob->tunable->value) == 0)
            knob->present = i;
}

/* A score keeps its sign: what a rule argues for is its author's decision. */
static void choose_scores(struct tune_knob *knob) {
    int64_t present = knob->tunable->value.integer;
    for (int64_t score = 0; score <= DECISION_SCORE_MAX; score += SCORE_STEP)
        add(knob, value_int(present < 0 ? -score : score));
    for (int64_t score = present - 4 * SCORE_NEAR; score <= present + 4 * SCORE_NEAR;
         score += SCORE_NEAR)
        if (score * present >= 0 && llabs(score) <= DECISION_SCORE_MAX)
            add(knob, value_int(score));
    finish(knob);
}

/* 100 steps are more than a knob has room for: fine ones near the present one, coarse ones beyond.
 */
static void choose_cutoffs(struct tune_knob *knob) {
    int64_t present = knob->tunable->value.integer;
    for (int64_t score = CUTOFF_STEP; score <= DECISION_SCORE_MAX; score += CUTOFF_STEP)
        if (llabs(score - present) <= 20 * CUTOFF_STEP || score % SCORE_STEP == 0)
            add(knob, value_int(score));
    finish(knob);
}

/* ---- limits ---- */

/* Values of rows that a limit decides about. */
struct sample {
    double *values;
    size_t count, capacity;
};

static void put(struct sample *sample, double value) {
    if (sample->count == sample->capacity) {
        sample->capacity = sample->capacity ? 2 * sample->capacity : 256;
        sample->values =
            check_reallocarray(sample->values, sample->capacity, sizeof *sample->values);
    }
    sample->values[sample->count++] = value;
}

struct samples {
    struct sample *positive, *negative; /* by knob */
};

/* Does the node at `at` decide whether the rule fires? */
static bool decides(const struct tune_problem *problem, const struct tune_rule *rule,
                    const uint16_t *codes, const uint16_t *setting, size_t at) {
    return tune_condition(problem, rule, codes, setting, at, TUNE_TRUE) !=
           tune_condition(problem, rule, codes, setting, at, TUNE_FALSE);
}

static void look_at_row(const struct tune_problem *problem, const struct tune_row *row,
                        const uint16_t *codes, const uint16_t *setting, struct samples *samples) {
    struct sample *to = row->class == REPORT_POSITIVE ? samples->positive : samples->negative;
    for (size_t r = 0; r < problem->rule_count; r++) {
        const struct tune_rule *rule = &problem->rules[r];
        for (size_t n = 0; n < rule->node_count && tune_row_counts(problem, row, r); n++) {
            const struct tune_node *node = &rule->nodes[n];
            if (node->kind != CONDITION_LIMIT || codes[node->column] >= TUNE_CODE_UNREAD ||
                !decides(problem, rule, codes, setting, n))
                continue;
            put(&to[node->knob], as_double(tune_row_value(problem, row, node->column)));
        }
    }
}

/* Chosen by what is in the row, so that it does not matter which worker read it. */
static bool is_sampled(const struct tune_row *row, size_t row_size) {
    if (!report_class_counts((enum report_class)row->class))
        return false;
    uint64_t hash = hash64(row + 1, row_size - sizeof *row, (uint64_t)row->event_time_us);
    return row->class == REPORT_POSITIVE || hash % NEGATIVES_IN == 0;
}

static void look_at_rows(const struct tune_problem *problem, const struct tune_reader *reader,
                         struct samples *samples) {
    uint16_t *codes = check_calloc(problem->column_count + problem->knob_count + 1, sizeof *codes);
    uint16_t *setting = codes + problem->column_count;
    tune_setting_present(problem, setting);
    for (size_t i = 0; i < reader->row_count; i++) {
        const struct tune_row *row = tune_reader_row(reader, i);
        if (!is_sampled(row, reader->row_size))
            continue;
        for (size_t c = 0; c < problem->column_count; c++)
            codes[c] = tune_code(&problem->columns[c], tune_row_value(problem, row, c));
        look_at_row(problem, row, codes, setting, samples);
    }
    free(codes);
}

static int compare_doubles(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static void add_quantiles(struct tune_knob *knob, struct sample *sample, const double *quantiles,
                          size_t count) {
    if (sample->count == 0)
        return;
    qsort(sample->values, sample->count, sizeof *sample->values, compare_doubles);
    for (size_t i = 0; i < count; i++)
        add_near(knob, sample->values[(size_t)(quantiles[i] * (double)(sample->count - 1))]);
}

/* Near the present one first: there is room for a limited number. */
static void choose_limits(struct tune_knob *knob, struct sample *positive,
                          struct sample *negative) {
    static const double factors[] = {0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.2, 1.35, 1.5, 2.0};
    static const double of_positive[] = {.02, .05, .1, .15, .2, .3, .4, .5, .6, .7, .8, .9, .95};
    static const double of_negative[] = {.001, .005, .01, .02, .05, .1,   .25, .5,
                                         .75,  .9,   .95, .98, .99, .995, .999};
    double present = as_double(knob->tunable->value);
    if (knob->tunable->value.type == VALUE_INT)
        for (int step = -3; step <= 3; step++)
            add_near(knob, present + step);
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        add_near(knob, present * factors[i]);
    add_quantiles(knob, positive, of_positive, sizeof of_positive / sizeof *of_positive);
    add_quantiles(knob, negative, of_negative, sizeof of_negative / sizeof *of_negative);
    finish(knob);
}

/* ---- all knobs ---- */

static void free_samples(struct sample *samples, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(samples[i].values);
    free(samples);
}

void tune_candidates_choose(struct tune_problem *problem, const struct tune_reader *readers,
                            size_t reader_count, const bool kinds[TUNABLE_KINDS],
                            const bool cutoffs[VERDICT_COUNT]) {
    size_t count = problem->knob_count;
    struct samples samples = {check_calloc(count + 1, sizeof *samples.positive),
                              check_calloc(count + 1, sizeof *samples.negative)};
    for (size_t i = 0; i < reader_count; i++)
        look_at_rows(problem, &readers[i], &samples);
    for (size_t i = 0; i < count; i++) {
        struct tune_knob *knob = &problem->knobs[i];
        if (!kinds[knob->tunable->kind])
            continue;
        switch (knob->tunable->kind) {
        case TUNABLE_SCORE:
            choose_scores(knob);
            break;
        case TUNABLE_LIMIT:
            choose_limits(knob, &samples.positive[i], &samples.negative[i]);
            break;
        case TUNABLE_CUTOFF:
            if (cutoffs[knob->tunable->verdict])
                choose_cutoffs(knob);
            break;
        case TUNABLE_KINDS:
            break;
        }
    }
    free_samples(samples.positive, count);
    free_samples(samples.negative, count);
    tune_problem_code(problem);
}
