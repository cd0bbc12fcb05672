/* A draw gives each day a weight: how often it was drawn. All figures are sums over days or over
 * cells of one score and day, so a draw is one pass over those with weights, and the figures
 * themselves are the draw in which each weight is 1. */
#include "ranking_metrics.h"

#include "core/base/check.h"
#include "ranking_days.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide_count;

/* ---- names ---- */

static const char *const names[RANKING_METRIC_COUNT] = {
    [RANKING_AUC] = "auc",
    [RANKING_AVERAGE_PRECISION] = "ap",
    [RANKING_PRECISION] = "precision",
    [RANKING_RECALL] = "recall",
    [RANKING_MONEY] = "money",
    [RANKING_CARD_PRECISION] = "cp",
};

const char *ranking_metric_name(enum ranking_metric metric) {
    check(metric < RANKING_METRIC_COUNT);
    return names[metric];
}

bool ranking_metric_parse(const char *name, size_t length, enum ranking_metric *ret_metric) {
    for (size_t i = 0; i < RANKING_METRIC_COUNT; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
            *ret_metric = (enum ranking_metric)i;
            return true;
        }
    return false;
}

/* ---- one draw of one side ---- */

struct side {
    struct ranking_cell *cells;
    size_t cell_count;
    struct ranking_day *days;
};

/* What is the same for both sides. */
struct day_total {
    uint64_t positive;
    double money;
    bool has_cards;
};

struct ranking {
    const struct ranking_options *options;
    struct ranking_calendar calendar;
    struct side sides[RANKING_SIDES];
    struct day_total *totals; /* of each day */
    uint32_t *weights;
};

/* NaN: not known. */
struct values {
    double of[RANKING_METRIC_COUNT];
};

static double share(double part, double whole) {
    return whole > 0 ? part / whole : NAN;
}

/* AUC in integers up to the end: a pair won counts two, a tie one. */
static void rank(const struct ranking *ranking, const struct side *side, double positives,
                 struct values *values) {
    const uint32_t *weights = ranking->weights;
    uint64_t positive = 0, negative = 0; /* with greater scores */
    wide_count lost = 0;
    double precision = 0;
    for (size_t i = 0; i < side->cell_count;) {
        double score = side->cells[i].score;
        uint64_t more_positive = 0, more_negative = 0;
        for (; i < side->cell_count && side->cells[i].score == score; i++) {
            uint64_t weight = weights[side->cells[i].day];
            more_positive += weight * side->cells[i].positive;
            more_negative += weight * side->cells[i].negative;
        }
        lost += (wide_count)more_positive * (2 * negative + more_negative);
        positive += more_positive;
        negative += more_negative;
        if (more_positive > 0)
            precision += (double)more_positive / positives * (double)positive /
                         (double)(positive + negative);
    }
    wide_count pairs = (wide_count)positive * negative;
    values->of[RANKING_AUC] = pairs > 0 ? (double)(2 * pairs - lost) / 2 / (double)pairs : NAN;
    values->of[RANKING_AVERAGE_PRECISION] = positive > 0 ? precision : NAN;
}

static void evaluate(const struct ranking *ranking, const struct side *side,
                     struct values *ret_values) {
    double positives = 0, money = 0, caught = 0, caught_money = 0, reviewed = 0, cards = 0;
    bool has_cards = false;
    for (size_t day = 0; day < ranking->calendar.day_count; day++) {
        const struct day_total *total = &ranking->totals[day];
        const struct ranking_day *found = &side->days[day];
        double weight = ranking->weights[day];
        positives += weight * (double)total->positive;
        money += weight * total->money;
        caught += weight * found->caught;
        caught_money += weight * found->money;
        reviewed += weight * (double)found->reviewed;
        cards += weight * (double)found->cards;
        has_cards |= weight > 0 && total->has_cards;
    }
    rank(ranking, side, positives, ret_values);
    ret_values->of[RANKING_PRECISION] = share(caught, reviewed);
    ret_values->of[RANKING_RECALL] = share(caught, positives);
    ret_values->of[RANKING_MONEY] = share(caught_money, money);
    ret_values->of[RANKING_CARD_PRECISION] =
        has_cards ? cards / ((double)ranking->options->cards * (double)ranking->calendar.day_count)
                  : NAN;
}

/* ---- draws ---- */

static uint64_t split_mix(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void draw(struct ranking *ranking, uint64_t *random) {
    size_t days = ranking->calendar.day_count;
    memset(ranking->weights, 0, days * sizeof *ranking->weights);
    for (size_t i = 0; i < days; i++)
        ranking->weights[(size_t)((wide_count)split_mix(random) * days >> 64)]++;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between the neighbours, as numpy.percentile does by default. */
static double percentile(const double *sorted, size_t count, double p) {
    double at = p * (double)(count - 1);
    size_t below = (size_t)at;
    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (sorted[below + 1] - sorted[below]) * (at - (double)below);
}

/* drawn: one value for each draw, in an array that is sorted here. */
static void find_interval(const struct ranking_options *options, double *drawn,
                          struct ranking_figure *figure) {
    size_t known = 0;
    for (size_t i = 0; i < options->draws; i++)
        if (!isnan(drawn[i]))
            drawn[known++] = drawn[i];
    if (!figure->is_known || known < options->draws - options->draws / 10)
        return;
    qsort(drawn, known, sizeof *drawn, compare_doubles);
    figure->has_interval = true;
    figure->low = percentile(drawn, known, (1 - options->level) / 2);
    figure->high = percentile(drawn, known, (1 + options->level) / 2);
}

static void find_intervals(struct ranking *ranking, struct ranking_figures *figures) {
    const struct ranking_options *options = ranking->options;
    size_t draws = options->draws;
    uint64_t random = options->seed;
    struct values *drawn[RANKING_SIDES];
    double *column = check_calloc(draws, sizeof *column);
    for (size_t side = 0; side < options->sides; side++)
        drawn[side] = check_calloc(draws, sizeof **drawn);
    for (size_t i = 0; i < draws; i++) {
        draw(ranking, &random);
        for (size_t side = 0; side < options->sides; side++)
            evaluate(ranking, &ranking->sides[side], &drawn[side][i]);
    }
    for (size_t metric = 0; metric < RANKING_METRIC_COUNT; metric++) {
        for (size_t side = 0; side < options->sides; side++) {
            for (size_t i = 0; i < draws; i++)
                column[i] = drawn[side][i].of[metric];
            find_interval(options, column, &figures->sides[side][metric]);
        }
        for (size_t i = 0; options->sides == RANKING_SIDES && i < draws; i++)
            column[i] = drawn[0][i].of[metric] - drawn[1][i].of[metric];
        if (options->sides == RANKING_SIDES)
            find_interval(options, column, &figures->difference[metric]);
    }
    for (size_t side = 0; side < options->sides; side++)
        free(drawn[side]);
    free(column);
}

/* ---- all of it ---- */

static struct ranking_figure figure_of(double value) {
    return isnan(value) ? (struct ranking_figure){.is_known = false}
                        : (struct ranking_figure){.is_known = true, .value = value};
}

/* Every day once. */
static void find_values(struct ranking *ranking, struct ranking_figures *figures) {
    struct values values[RANKING_SIDES];
    size_t sides = ranking->options->sides;
    for (size_t day = 0; day < ranking->calendar.day_count; day++)
        ranking->weights[day] = 1;
    for (size_t side = 0; side < sides; side++)
        evaluate(ranking, &ranking->sides[side], &values[side]);
    for (size_t metric = 0; metric < RANKING_METRIC_COUNT; metric++) {
        for (size_t side = 0; side < sides; side++)
            figures->sides[side][metric] = figure_of(values[side].of[metric]);
        if (sides == RANKING_SIDES)
            figures->difference[metric] = figure_of(values[0].of[metric] - values[1].of[metric]);
    }
}

static void add_totals(struct ranking *ranking, const struct ranking_row *rows,
                       struct ranking_figures *figures) {
    const struct ranking_calendar *calendar = &ranking->calendar;
    for (size_t day = 0; day < calendar->day_count; day++) {
        struct day_total *total = &ranking->totals[day];
        for (size_t i = calendar->day_begin[day]; i < calendar->day_begin[day + 1]; i++) {
            const struct ranking_row *row = &rows[calendar->by_day[i]];
            total->positive += row->positive;
            total->money += row->positive ? (double)row->amount_minor : 0;
            total->has_cards |= row->has_card;
        }
        figures->positive += total->positive;
        figures->money_minor += total->money;
    }
}

void ranking_metrics(const struct ranking_row *rows, size_t count,
                     const struct ranking_options *options, struct ranking_figures *ret_figures) {
    struct ranking ranking = {.options = options};
    check(options->sides >= 1 && options->sides <= RANKING_SIDES);
    check(options->reviews > 0 && options->cards > 0 && options->draws <= RANKING_DRAWS_MAX);
    ranking_calendar_init(&ranking.calendar, rows, count);
    size_t days = ranking.calendar.day_count;
    *ret_figures = (struct ranking_figures){.rows = count, .days = days};
    ranking.totals = check_calloc(days + 1, sizeof *ranking.totals);
    ranking.weights = check_calloc(days + 1, sizeof *ranking.weights);
    for (size_t i = 0; i < options->sides; i++) {
        struct side *side = &ranking.sides[i];
        side->cells = ranking_cells_new(&ranking.calendar, rows, i, &side->cell_count);
        side->days = check_calloc(days + 1, sizeof *side->days);
        ranking_days_fill(&ranking.calendar, rows, i, side->cells, side->cell_count,
                          options->reviews, options->cards, side->days);
    }
    add_totals(&ranking, rows, ret_figures);
    find_values(&ranking, ret_figures);
    if (options->draws > 0 && days >= RANKING_DAYS_MIN)
        find_intervals(&ranking, ret_figures);
    for (size_t i = 0; i < options->sides; i++) {
        free(ranking.sides[i].cells);
        free(ranking.sides[i].days);
    }
    free(ranking.totals);
    free(ranking.weights);
    ranking_calendar_deinit(&ranking.calendar);
}
