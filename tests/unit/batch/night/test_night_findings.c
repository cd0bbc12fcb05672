/* Weeks made up by chance: quiet ones, of small and large volumes, give hardly a finding; each
 * planted fault is named. */
#include "batch/base/day.h"
#include "batch/night/night_findings.h"
#include "core/base/check.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

#define TODAY (NIGHT_DAYS - 1)
#define RULES 40

struct week {
    struct night_figures figures;
    struct night_drift drift;
    struct night_rejects rejects;
    struct night_journal journal;
    struct night_evidence evidence;
    struct night_findings findings;
};

/* ---- chance ---- */

static double uniform(uint64_t *seed) {
    return (double)((split_mix(seed) >> 11) + 1) / 0x1p53;
}

/* Poisson: by products of uniforms for small means, and a rounded normal for large ones. */
static uint64_t poisson(uint64_t *seed, double mean) {
    if (mean > 60) {
        double normal = sqrt(-2 * log(uniform(seed))) * cos(2 * 3.14159265358979 * uniform(seed));
        double value = mean + sqrt(mean) * normal;
        return value > 0 ? (uint64_t)(value + 0.5) : 0;
    }
    uint64_t count = 0;
    for (double product = uniform(seed); product > exp(-mean); product *= uniform(seed))
        count++;
    return count;
}

/* A day's mean varies by a tenth, as days do: more than Poisson counts. */
static double swing(uint64_t *seed) {
    return 0.9 + 0.2 * uniform(seed);
}

/* ---- weeks ---- */

static double weekday_factor(size_t index) {
    static const double factors[] = {1, 1.05, 1.1, 1.1, 1.2, 0.7, 0.5};
    return factors[index % 7];
}

static void fill_day(struct night_day *day, size_t index, double volume, uint64_t *seed) {
    double mean = volume * weekday_factor(index) * swing(seed);
    for (size_t hour = 0; hour < 24; hour++) {
        double share = (1 + 0.8 * sin((double)hour / 24 * 6.28318 - 2)) / 24;
        day->hours[hour] = poisson(seed, mean * share);
        day->transactions += day->hours[hour];
    }
    double n = (double)day->transactions;
    day->verdicts[VERDICT_REVIEW] = poisson(seed, n * 0.01 * swing(seed));
    day->verdicts[VERDICT_CHALLENGE] = poisson(seed, n * 0.003 * swing(seed));
    day->verdicts[VERDICT_DECLINE] = poisson(seed, n * 0.002 * swing(seed));
    day->verdicts[VERDICT_APPROVE] = day->transactions;
    for (size_t age = 0; age < 20; age++)
        day->frauds_by_age[age] = poisson(seed, n * 0.0003 * swing(seed));
    day->labels[LABEL_FRAUD][1] = poisson(seed, n * 0.004);
    day->labels[LABEL_FRAUD][0] = poisson(seed, n * 0.002);
    day->degraded = poisson(seed, n * 0.001);
    for (uint64_t i = 0; i < day->transactions && i < 2000; i++)
        day->scores[uniform(seed) < 0.9 ? 0 : split_mix(seed) % 1001]++;
    day->received = day->transactions;
}

static struct week *week_new(double volume, uint64_t *seed) {
    struct week *week = check_calloc(1, sizeof *week);
    struct night_figures *figures = &week->figures;
    figures->first_day = 20000;
    figures->days = check_calloc(NIGHT_DAYS, sizeof *figures->days);
    figures->rules = check_calloc(RULES, sizeof *figures->rules);
    figures->rule_count = RULES;
    for (size_t i = 0; i < NIGHT_DAYS; i++)
        fill_day(&figures->days[i], i, volume, seed);
    for (size_t rule = 0; rule < RULES; rule++) {
        char name[16];
        double rate = pow(10, -1 - 4 * (double)rule / RULES);
        snprintf(name, sizeof name, "rule_%zu", rule);
        figures->rules[rule].name = (struct text){text_copy(text_of(name)), strlen(name)};
        for (size_t i = 0; i < NIGHT_DAYS; i++)
            figures->rules[rule].fires[i] =
                poisson(seed, (double)figures->days[i].transactions * rate * swing(seed));
    }
    figures->sources = check_malloc(sizeof *figures->sources);
    night_sources_init(figures->sources, figures->first_day + NIGHT_DAYS - 1);
    figures->newest_event_us = figures->newest_receive_us =
        (figures->first_day + NIGHT_DAYS) * DAY_US;
    week->rejects = (struct night_rejects){.is_known = true};
    week->rejects.now = poisson(seed, volume * 0.001);
    week->rejects.before = poisson(seed, volume * 0.007);
    week->evidence = (struct night_evidence){.figures = figures,
                                             .drift = &week->drift,
                                             .rejects = &week->rejects,
                                             .journal = &week->journal,
                                             .growth = {.days_left = UINT64_MAX},
                                             .now_us = figures->newest_receive_us,
                                             .data = "DATA"};
    return week;
}

static void week_free(struct week *week) {
    night_findings_deinit(&week->findings);
    night_figures_deinit(&week->figures);
    free(week);
}

static struct night_day *today(struct week *week) {
    return &week->figures.days[TODAY];
}

static const struct night_finding *find(struct week *week, const char *code, const char *subject) {
    night_findings_deinit(&week->findings);
    night_findings_make(&week->evidence, &week->findings);
    for (size_t i = 0; i < week->findings.count; i++)
        if (strcmp(week->findings.of[i].code, code) == 0 &&
            (!subject || strcmp(week->findings.of[i].subject, subject) == 0))
            return &week->findings.of[i];
    return NULL;
}

static void assert_found(struct week *week, const char *code, const char *subject,
                         enum night_severity severity) {
    const struct night_finding *finding = find(week, code, subject);
    if (!finding)
        fail_msg("no finding %s %s", code, subject ? subject : "");
    assert_int_equal(finding->severity, severity);
    assert_true(*finding->text && *finding->advice);
    assert_true(week->findings.by_severity[severity] > 0);
    for (size_t i = 1; i < week->findings.count; i++)
        assert_true(week->findings.of[i - 1].severity >= week->findings.of[i].severity);
}

/* ---- quiet ---- */

/* Over several volumes, from some transactions a day on: at most 3 % of the nights have an alert,
 * at most 6 % anything at all. */
static void test_quiet_weeks(void **state) {
    (void)state;
    static const double volumes[] = {15, 200, 3000, 100000};
    uint64_t seed = asked_seed(11), nights = asked_steps(600), alerts = 0, findings = 0;
    for (uint64_t i = 0; i < nights; i++) {
        struct week *week = week_new(volumes[i % 4], &seed);
        night_findings_make(&week->evidence, &week->findings);
        alerts += week->findings.by_severity[NIGHT_ALERT] > 0;
        findings += week->findings.count > 0;
        week_free(week);
    }
    print_message("%lu quiet nights: %lu with an alert, %lu with a finding\n",
                  (unsigned long)nights, (unsigned long)alerts, (unsigned long)findings);
    assert_true(alerts * 100 <= 3 * nights);
    assert_true(findings * 100 <= 6 * nights);
}

/* An archive's first day has nothing to be compared with. */
static void test_first_day(void **state) {
    (void)state;
    uint64_t seed = asked_seed(12);
    struct week *week = week_new(5000, &seed);
    memset(week->figures.days, 0, TODAY * sizeof *week->figures.days);
    for (size_t rule = 0; rule < RULES; rule++)
        memset(week->figures.rules[rule].fires, 0, TODAY * sizeof(uint64_t));
    week->figures.rules[0].fires[TODAY] = today(week)->transactions; /* it may be meant to */
    week->rejects = (struct night_rejects){0};
    night_findings_make(&week->evidence, &week->findings);
    assert_int_equal(week->findings.count, 0);
    week_free(week);
}

/* ---- planted ---- */

static void test_volume(void **state) {
    (void)state;
    uint64_t seed = asked_seed(13);
    for (int round = 0; round < 50; round++) {
        struct week *week = week_new(3000, &seed);
        uint64_t whole = today(week)->transactions;
        assert_null(find(week, "volume_low", NULL));
        today(week)->transactions = whole / 2;
        assert_found(week, "volume_low", "", NIGHT_ALERT);
        today(week)->transactions = 0;
        assert_found(week, "volume_low", "", NIGHT_ALERT);
        today(week)->transactions = whole * 5 / 2;
        assert_found(week, "volume_high", "", NIGHT_WARNING);
        week_free(week);
    }
}

/* Half of a few is chance. */
static void test_small_volume(void **state) {
    (void)state;
    uint64_t seed = asked_seed(14);
    struct week *week = week_new(3000, &seed);
    for (size_t i = 0; i < TODAY; i++)
        week->figures.days[i].transactions = 12;
    today(week)->transactions = 5;
    assert_null(find(week, "volume_low", NULL));
    week_free(week);
}

static void test_silence(void **state) {
    (void)state;
    uint64_t seed = asked_seed(15);
    struct week *week = week_new(3000, &seed);
    memset(week->figures.days + TODAY - 7, 0, 8 * sizeof *week->figures.days);
    assert_found(week, "no_transactions", "", NIGHT_ALERT);
    week_free(week);
}

static void test_gap(void **state) {
    (void)state;
    uint64_t seed = asked_seed(16);
    struct week *week = week_new(3000, &seed);
    for (size_t hour = 12; hour < 14; hour++)
        today(week)->hours[hour] = 0;
    assert_found(week, "gap", "12:00-14:00", NIGHT_WARNING);
    for (size_t hour = 12; hour < 18; hour++)
        today(week)->hours[hour] = 0;
    assert_found(week, "gap", "12:00-18:00", NIGHT_ALERT);
    week_free(week);
}

/* Five times as many, of the reported day as of an older one whose outcomes have come. */
static void test_fraud_rate(void **state) {
    (void)state;
    static const size_t ages[] = {0, 1, 3, 7, 14};
    uint64_t seed = asked_seed(17);
    for (size_t i = 0; i < 5; i++) {
        char date[NIGHT_DATE_SIZE];
        struct week *week = week_new(200000, &seed);
        struct night_day *day = &week->figures.days[TODAY - ages[i]];
        night_date_format(week->figures.first_day + TODAY - (int64_t)ages[i], date);
        assert_null(find(week, "fraud_rate", date));
        for (size_t age = 0; age < NIGHT_DAYS; age++)
            day->frauds_by_age[age] *= 5;
        assert_found(week, "fraud_rate", date, NIGHT_ALERT);
        week_free(week);
    }
}

static void test_missed(void **state) {
    (void)state;
    uint64_t seed = asked_seed(18);
    struct week *week = week_new(10000, &seed);
    for (size_t i = NIGHT_DAYS - 14; i < NIGHT_DAYS - 7; i++) {
        struct night_day *day = &week->figures.days[i];
        day->labels[LABEL_FRAUD][0] += day->labels[LABEL_FRAUD][1];
        day->labels[LABEL_FRAUD][1] = 0;
    }
    assert_found(week, "missed_frauds", "", NIGHT_WARNING);
    week_free(week);
}

static void test_verdicts(void **state) {
    (void)state;
    uint64_t seed = asked_seed(19);
    struct week *week = week_new(10000, &seed);
    today(week)->verdicts[VERDICT_DECLINE] *= 6;
    assert_found(week, "verdict_share", "decline", NIGHT_ALERT);
    today(week)->verdicts[VERDICT_REVIEW] = 0;
    assert_found(week, "verdict_share", "review", NIGHT_WARNING);
    week_free(week);
}

static void test_rules(void **state) {
    (void)state;
    uint64_t seed = asked_seed(20);
    struct week *week = week_new(10000, &seed);
    struct night_rule *rules = week->figures.rules;
    rules[20].fires[TODAY] = today(week)->transactions;
    assert_found(week, "rule_fires_on_everything", "rule_20", NIGHT_ALERT);
    rules[20].is_shadow = true;
    assert_found(week, "rule_fires_on_everything", "rule_20", NIGHT_WARNING);
    rules[5].fires[TODAY] *= 5;
    assert_found(week, "rule_rate", "rule_5", NIGHT_WARNING);
    rules[1].fires[TODAY] = 0;
    assert_found(week, "rule_silent", "rule_1", NIGHT_WARNING);
    rules[7].failures[TODAY] = 1;
    assert_found(week, "rule_fails", "rule_7", NIGHT_WARNING);
    rules[7].failures[TODAY] = today(week)->transactions / 10;
    assert_found(week, "rule_fails", "rule_7", NIGHT_ALERT);
    rules[8].labels[LABEL_LEGIT] = 500;
    rules[8].labels[LABEL_FRAUD] = 1;
    assert_found(week, "rule_precision", "rule_8", NIGHT_NOTE);
    week_free(week);
}

/* A rule that fires for nearly all on purpose is no news. */
static void test_rule_that_always_fires(void **state) {
    (void)state;
    uint64_t seed = asked_seed(21);
    struct week *week = week_new(10000, &seed);
    for (size_t i = 0; i < NIGHT_DAYS; i++)
        week->figures.rules[0].fires[i] = week->figures.days[i].transactions * 9 / 10;
    assert_null(find(week, "rule_fires_on_everything", NULL));
    week_free(week);
}

static void test_clocks(void **state) {
    (void)state;
    uint64_t seed = asked_seed(26);
    struct week *week = week_new(10000, &seed);
    today(week)->early = 15;
    today(week)->early_us_max = DAY_US;
    assert_found(week, "clock_fast", "client", NIGHT_WARNING);
    today(week)->early = today(week)->transactions / 5;
    assert_found(week, "clock_fast", "client", NIGHT_ALERT);
    week->figures.newest_receive_us = week->evidence.now_us + DAY_US;
    assert_found(week, "clock_fast", "archive", NIGHT_ALERT);
    week->rejects.count = 1;
    week->rejects.reasons[0] = (struct night_reject_reason){
        .name = "invalid event_time", .is_event_time = true, .now = 90};
    assert_found(week, "clock_fast", "refused", NIGHT_ALERT);
    week_free(week);
}

static void test_others(void **state) {
    (void)state;
    uint64_t seed = asked_seed(23);
    struct week *week = week_new(10000, &seed);
    week->rejects.now = 100;
    assert_found(week, "rejects", "", NIGHT_WARNING);
    /* As many a day as before, in a file that begins two days ago: nothing has changed. */
    week->rejects.before = 200;
    assert_non_null(find(week, "rejects", ""));
    week->rejects.first_day = week->figures.first_day + TODAY - 2;
    assert_null(find(week, "rejects", ""));
    week->rejects.before = 0;
    week->rejects.first_day = week->figures.first_day + TODAY;
    assert_non_null(strstr(find(week, "rejects", "")->text, "the file has none"));
    week->rejects.now = 5000;
    assert_found(week, "rejects", "", NIGHT_ALERT);
    today(week)->degraded = today(week)->transactions / 2;
    assert_found(week, "degraded", "", NIGHT_ALERT);
    week->journal.held_back = 3;
    assert_found(week, "held_back", "", NIGHT_WARNING);
    assert_non_null(strstr(find(week, "held_back", "")->advice, "--accept-changes"));
    week->figures.days[NIGHT_DAYS - 1].backfilled = 7000;
    assert_found(week, "backfilled", "", NIGHT_NOTE);
    week->journal.different = 1;
    assert_found(week, "tables_differ", "", NIGHT_ALERT);
    week->evidence.growth =
        (struct night_growth){.bytes_a_day = 1 << 20, .free_bytes = 20 << 20, .days_left = 20};
    assert_found(week, "disk", "", NIGHT_WARNING);
    week->evidence.growth.days_left = 5;
    assert_found(week, "disk", "", NIGHT_ALERT);
    week_free(week);
}

/* What may fail is named with its reason; a candidate that beats the policy is worth a note, unless
 * the step that says so has failed since. */
static void test_models(void **state) {
    (void)state;
    uint64_t seed = asked_seed(25);
    struct week *week = week_new(10000, &seed);
    struct night_journal *journal = &week->journal;
    journal->steps[NIGHT_STEP_COMPARE].state = NIGHT_STEP_DONE;
    journal->is_better = true;
    snprintf(journal->compared, sizeof journal->compared, "2026-02-01");
    snprintf(journal->comparison, sizeof journal->comparison, "ap +0.02");
    assert_found(week, "candidate_better", "2026-02-01", NIGHT_NOTE);
    assert_non_null(strstr(find(week, "candidate_better", "2026-02-01")->text, "ap +0.02"));
    journal->steps[NIGHT_STEP_COMPARE].state = NIGHT_STEP_FAILED;
    snprintf(journal->steps[NIGHT_STEP_COMPARE].reason, 512, "it is damaged");
    assert_found(week, "comparison_failed", "", NIGHT_ALERT);
    assert_null(find(week, "candidate_better", "2026-02-01"));
    assert_null(find(week, "training_failed", ""));
    journal->steps[NIGHT_STEP_TRAIN].state = NIGHT_STEP_FAILED;
    memset(journal->steps[NIGHT_STEP_TRAIN].reason, 'x', 511);
    assert_found(week, "training_failed", "", NIGHT_ALERT);
    week_free(week);
}

static void send(struct week *week, const char *source, uint64_t first, uint64_t last) {
    for (uint64_t i = first; i <= last; i++) {
        struct record record = {.type = RECORD_TRANSACTION,
                                .receive_time_us = week->figures.newest_receive_us - DAY_US / 2};
        record.transaction.transaction.source = text_of(source);
        record.transaction.transaction.sequence = i;
        night_sources_take(week->figures.sources, &record);
    }
}

static void test_numbers_of_sources(void **state) {
    (void)state;
    uint64_t seed = asked_seed(5);
    struct week *week = week_new(3000, &seed);
    send(week, "sound", 1, 3000);
    send(week, "lossy", 1, 500);
    send(week, "lossy", 503, 3000);
    assert_null(find(week, "source_gaps", "sound"));
    assert_null(find(week, "source_repeats", NULL));
    assert_found(week, "source_gaps", "lossy", NIGHT_WARNING);
    assert_non_null(strstr(find(week, "source_gaps", "lossy")->text,
                           "2 numbers of lossy did not arrive; the first are 501 to 502"));
    send(week, "lossy", 501, 502); /* late, but there */
    assert_null(find(week, "source_gaps", "lossy"));
    send(week, "sound", 2999, 2999);
    assert_found(week, "source_repeats", "sound", NIGHT_WARNING);
    week_free(week);
}

static void test_drift(void **state) {
    (void)state;
    uint64_t seed = asked_seed(24);
    struct week *week = week_new(10000, &seed);
    struct night_feature_drift features[] = {
        {.name = TEXT_LITERAL("card.sum_1d"), .is_compared = true, .index = 0.2, .noise = 0.002},
        {.name = TEXT_LITERAL("ip.cards_1h"), .is_compared = true, .index = 0.9, .noise = 0.002}};
    week->drift = (struct night_drift){
        .features = features, .count = 2, .rows = 9000, .rows_before = 60000, .days_before = 7};
    assert_found(week, "feature_drift", "ip.cards_1h", NIGHT_WARNING);
    assert_null(find(week, "feature_drift", "card.sum_1d"));
    week->drift.rows = 50; /* too few to say so */
    assert_null(find(week, "feature_drift", NULL));
    memset(today(week)->scores, 0, sizeof today(week)->scores);
    today(week)->scores[800] = 2000;
    assert_found(week, "score_drift", "", NIGHT_WARNING);
    week_free(week);
}

static struct report_model_drift model_drift(struct text input, uint64_t rows, double index) {
    return (struct report_model_drift){.model = TEXT_LITERAL("fraud"),
                                       .drift = {.input = input,
                                                 .rows = rows,
                                                 .rows_before = 80000,
                                                 .missing = rows / 4,
                                                 .missing_before = 800,
                                                 .is_compared = rows >= MODEL_DRIFT_ROWS_MIN,
                                                 .index = index,
                                                 .noise = 12.0 / (double)rows}};
}

static void test_drift_of_models(void **state) {
    (void)state;
    uint64_t seed = asked_seed(26);
    struct week *week = week_new(20000, &seed);
    struct report_model_drift models[] = {
        model_drift((struct text){0}, 9000, 0.3),
        model_drift(TEXT_LITERAL("amount"), 9000, 0.4),
        model_drift(TEXT_LITERAL("hour"), 9000, 0.2),
        model_drift(TEXT_LITERAL("ratio"), 9000, 0.09),
        model_drift(TEXT_LITERAL("country"), 250, 0.4), /* chance may give 0.24 */
    };
    week->drift = (struct night_drift){.models = models, .model_count = 5};
    assert_found(week, "model_score_drift", "fraud", NIGHT_WARNING);
    assert_found(week, "model_input_drift", "fraud: amount", NIGHT_WARNING);
    const struct night_finding *amount = find(week, "model_input_drift", "fraud: amount");
    assert_non_null(strstr(amount->text, "missing in 25.0 %, in training in 1.0 %"));
    assert_found(week, "model_input_drift", "fraud: hour", NIGHT_NOTE);
    assert_null(find(week, "model_input_drift", "fraud: ratio"));
    assert_found(week, "model_input_drift", "fraud: country", NIGHT_NOTE);
    week->drift.model_count = 0;
    assert_null(find(week, "model_input_drift", NULL));
    assert_null(find(week, "model_score_drift", NULL));
    week_free(week);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet_weeks),
        cmocka_unit_test(test_first_day),
        cmocka_unit_test(test_volume),
        cmocka_unit_test(test_small_volume),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_fraud_rate),
        cmocka_unit_test(test_missed),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_rule_that_always_fires),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_numbers_of_sources),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_drift_of_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
