/* Ranking figures and their intervals against scikit-learn, pandas and numpy (ranking_oracle.py
 * makes the same rows and draws and prints the numbers below), and card precision against the
 * report's own. */
#include "batch/report/ranking_metrics.h"
#include "batch/report/report_cards.h"
#include "tests/split_mix.h"
#include "tests/unit/unit.h"

#include <math.h>

#define DAYS 20
#define ROWS 3000

static void make_rows(struct ranking_row *rows) {
    uint64_t random = 1;
    for (size_t i = 0; i < ROWS; i++) {
        struct ranking_row *row = &rows[i];
        *row = (struct ranking_row){.day = (int64_t)(i * DAYS / ROWS) - 3, .has_card = true};
        row->positive = split_mix(&random) % 40 < 1 + (i * DAYS / ROWS) % 3;
        row->scores[0] = (double)(split_mix(&random) % 20 + (row->positive ? 6 : 0));
        row->scores[1] = (double)(split_mix(&random) >> 40) / 1024.0 + (row->positive ? 4096.0 : 0);
        row->amount_minor = (int64_t)(split_mix(&random) % 100000);
        row->card = split_mix(&random) % 400;
    }
}

static struct ranking_options usual(void) {
    return (struct ranking_options){
        .sides = 2, .reviews = 12, .cards = 10, .draws = 200, .seed = 7, .level = 0.95};
}

static void assert_near(double got, double expected, const char *what, size_t metric) {
    if (!(fabs(got - expected) <= 1e-12))
        fail_msg("%s %s: %.17g instead of %.17g", ranking_metric_name((enum ranking_metric)metric),
                 what, got, expected);
}

static const double expected[3][RANKING_METRIC_COUNT][3] = {
    {{0.77232226369378, 0.734687001958468, 0.802196343395148},
     {0.398646331732328, 0.327093626510088, 0.474968901068185},
     {0.243460648148148, 0.175467881944444, 0.327056423611111},
     {0.369813642756681, 0.310461968206617, 0.436782653664303},
     {0.382965875683433, 0.313635868307127, 0.453411878710139},
     {0.27, 0.199875, 0.36525}},
    {{0.705727380432749, 0.661747896285247, 0.755616112025182},
     {0.305888347387024, 0.215890112615739, 0.396487722334319},
     {0.183333333333333, 0.116666666666667, 0.2584375},
     {0.278481012658228, 0.198389499162167, 0.37299556809025},
     {0.308613775451244, 0.221262494124997, 0.417180626045289},
     {0.215, 0.135, 0.31}},
    {{0.0665948832610302, 0.00108909685829493, 0.118302431407053},
     {0.0927579843453045, -0.0271926113874386, 0.201815416977076},
     {0.0601273148148148, -0.0100399305555555, 0.131885416666667},
     {0.0913326300984529, -0.0184327122153209, 0.186479918410474},
     {0.0743521002321889, -0.0550297601318242, 0.194574487171899},
     {0.055, -0.01525, 0.145125}},
};

static void assert_figures(const struct ranking_figures *figures) {
    const struct ranking_figure *of[] = {figures->sides[0], figures->sides[1], figures->difference};
    for (size_t side = 0; side < 3; side++)
        for (size_t metric = 0; metric < RANKING_METRIC_COUNT; metric++) {
            const struct ranking_figure *figure = &of[side][metric];
            assert_true(figure->is_known && figure->has_interval);
            assert_near(figure->value, expected[side][metric][0], "value", metric);
            assert_near(figure->low, expected[side][metric][1], "low", metric);
            assert_near(figure->high, expected[side][metric][2], "high", metric);
        }
}

static void test_as_scikit_learn(void **state) {
    (void)state;
    static struct ranking_row rows[ROWS];
    struct ranking_options options = usual();
    struct ranking_figures figures;
    make_rows(rows);
    ranking_metrics(rows, ROWS, &options, &figures);
    assert_int_equal(figures.rows, ROWS);
    assert_int_equal(figures.positive, 158);
    assert_int_equal(figures.days, DAYS);
    assert_figures(&figures);
}

/* Days may be interleaved, as where transactions arrive late; only the order within a day counts.
 */
static void test_order_of_days_is_nothing(void **state) {
    (void)state;
    static struct ranking_row rows[ROWS], mixed[ROWS];
    struct ranking_options options = usual();
    struct ranking_figures figures;
    make_rows(rows);
    for (size_t i = 0; i < ROWS; i++) /* the first row of each day, the second of each, … */
        mixed[i] = rows[i % DAYS * (ROWS / DAYS) + i / DAYS];
    ranking_metrics(mixed, ROWS, &options, &figures);
    assert_figures(&figures);
}

/* With one side its figures are the same, and there is no difference. */
static void test_one_side(void **state) {
    (void)state;
    static struct ranking_row rows[ROWS];
    struct ranking_options options = usual();
    struct ranking_figures figures;
    make_rows(rows);
    options.sides = 1;
    ranking_metrics(rows, ROWS, &options, &figures);
    assert_near(figures.sides[0][RANKING_AUC].low, expected[0][RANKING_AUC][1], "low", 0);
    assert_false(figures.difference[RANKING_AUC].is_known);
    assert_false(figures.sides[1][RANKING_AUC].is_known);
}

/* A side against itself: the paired difference is exactly 0 in every draw. */
static void test_paired(void **state) {
    (void)state;
    static struct ranking_row rows[ROWS];
    struct ranking_options options = usual();
    struct ranking_figures figures;
    make_rows(rows);
    for (size_t i = 0; i < ROWS; i++)
        rows[i].scores[1] = rows[i].scores[0] / 64; /* the same ranking */
    ranking_metrics(rows, ROWS, &options, &figures);
    for (size_t metric = 0; metric < RANKING_METRIC_COUNT; metric++) {
        const struct ranking_figure *figure = &figures.difference[metric];
        assert_true(figure->has_interval);
        assert_true(figure->value == 0 && figure->low == 0 && figure->high == 0);
    }
}

/* The report's card precision, for the whole numbers that it can take. */
static void test_cards_as_the_report(void **state) {
    (void)state;
    static struct ranking_row rows[ROWS];
    struct ranking_options options = usual();
    struct ranking_figures figures;
    struct report_cards *cards = report_cards_new(options.cards, REPORT_NEVER_BLOCKED);
    uint64_t found[2] = {0};
    size_t days;
    make_rows(rows);
    for (size_t i = 0; i < ROWS; i++) {
        rows[i].scores[1] = floor(rows[i].scores[1] / 64);
        rows[i].has_card = i % 7 != 0;
        report_cards_add(cards,
                         &(struct report_card_row){
                             .day = rows[i].day,
                             .has_card = rows[i].has_card,
                             .positive = rows[i].positive,
                             .card = rows[i].card,
                             .scores = {(uint32_t)rows[i].scores[0], (uint32_t)rows[i].scores[1]},
                         });
    }
    const struct report_card_day *of = report_cards_finish(cards, &days);
    for (size_t i = 0; i < days; i++)
        for (size_t side = 0; side < 2; side++)
            found[side] += of[i].found[side];
    ranking_metrics(rows, ROWS, &options, &figures);
    assert_true(found[0] > 20 && found[1] > 20);
    for (size_t side = 0; side < 2; side++)
        assert_near(figures.sides[side][RANKING_CARD_PRECISION].value,
                    (double)found[side] / (10.0 * DAYS), "value", RANKING_CARD_PRECISION);
    report_cards_free(cards);
}

/* ---- ends ---- */

static void test_nothing(void **state) {
    (void)state;
    struct ranking_options options = usual();
    struct ranking_figures figures;
    ranking_metrics(NULL, 0, &options, &figures);
    for (size_t metric = 0; metric < RANKING_METRIC_COUNT; metric++)
        assert_false(figures.sides[0][metric].is_known || figures.difference[metric].is_known);
}

/* Six days are too few, seven are enough. */
static void test_few_days(void **state) {
    (void)state;
    struct ranking_options options = usual();
    struct ranking_figures figures;
    struct ranking_row rows[70];
    for (size_t i = 0; i < 70; i++)
        rows[i] = (struct ranking_row){
            .day = (int64_t)(i / 10), .positive = i % 10 == 0, .scores = {(double)(i % 3), 1}};
    ranking_metrics(rows, 60, &options, &figures);
    assert_true(figures.sides[0][RANKING_AUC].is_known);
    assert_false(figures.sides[0][RANKING_AUC].has_interval);
    ranking_metrics(rows, 70, &options, &figures);
    assert_true(figures.sides[0][RANKING_AUC].has_interval);
    assert_false(figures.sides[0][RANKING_CARD_PRECISION].is_known); /* no card */
    assert_false(figures.sides[0][RANKING_MONEY].is_known);          /* no amount */
}

/* All fraud and all cards on one day of ten: a third of the draws have none, so nothing is said of
 * intervals. */
static void test_fraud_on_one_day(void **state) {
    (void)state;
    struct ranking_options options = usual();
    struct ranking_figures figures;
    struct ranking_row rows[100];
    for (size_t i = 0; i < 100; i++)
        rows[i] = (struct ranking_row){.day = (int64_t)(i / 10),
                                       .positive = i < 3,
                                       .has_card = i < 3,
                                       .card = i,
                                       .scores = {(double)(100 - i), 1}};
    ranking_metrics(rows, 100, &options, &figures);
    assert_true(figures.sides[0][RANKING_AUC].value == 1);
    assert_false(figures.sides[0][RANKING_AUC].has_interval);
    assert_true(figures.sides[0][RANKING_PRECISION].has_interval); /* 0 without fraud: known */
    /* Nor have they any cards. */
    assert_true(figures.sides[0][RANKING_CARD_PRECISION].value > 0);
    assert_false(figures.sides[0][RANKING_CARD_PRECISION].has_interval);
}

/* One score for all: nothing is ranked, so each review finds fraud at its share. */
static void test_all_tied(void **state) {
    (void)state;
    struct ranking_options options = usual();
    struct ranking_figures figures;
    struct ranking_row rows[1000];
    for (size_t i = 0; i < 1000; i++)
        rows[i] = (struct ranking_row){.day = (int64_t)(i / 100),
                                       .positive = i % 4 == 0,
                                       .amount_minor = 100,
                                       .scores = {i % 2 ? 0.0 : -0.0, 0}};
    ranking_metrics(rows, 1000, &options, &figures);
    assert_near(figures.sides[0][RANKING_AUC].value, 0.5, "value", RANKING_AUC);
    assert_near(figures.sides[0][RANKING_AVERAGE_PRECISION].value, 0.25, "value", 1);
    assert_near(figures.sides[0][RANKING_PRECISION].value, 0.25, "value", RANKING_PRECISION);
    assert_near(figures.sides[0][RANKING_RECALL].value, 0.12, "value", RANKING_RECALL);
    assert_near(figures.sides[0][RANKING_MONEY].value, 0.12, "value", RANKING_MONEY);
}

static void test_names(void **state) {
    (void)state;
    enum ranking_metric metric;
    for (size_t i = 0; i < RANKING_METRIC_COUNT; i++) {
        const char *name = ranking_metric_name((enum ranking_metric)i);
        assert_true(ranking_metric_parse(name, strlen(name), &metric));
        assert_int_equal(metric, i);
    }
    assert_false(ranking_metric_parse("aucs", 4, &metric));
    assert_false(ranking_metric_parse("", 0, &metric));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_scikit_learn),
        cmocka_unit_test(test_order_of_days_is_nothing),
        cmocka_unit_test(test_one_side),
        cmocka_unit_test(test_paired),
        cmocka_unit_test(test_cards_as_the_report),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_few_days),
        cmocka_unit_test(test_fraud_on_one_day),
        cmocka_unit_test(test_all_tied),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
