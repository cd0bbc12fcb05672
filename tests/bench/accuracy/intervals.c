/* How often the intervals of batch/report/ranking_metrics.h cover the truth. Two scores are made by
 * chance, both better on some days than on others; the truth is their difference over 10,000 days,
 * and intervals of 95 % come from archives of a few days. Prints a line for each number of days:
 * the share of intervals that cover, and of those that lie above, by which a candidate would be
 * promoted with too large a margin. Half a minute of processor time. */
#include "batch/report/ranking_metrics.h"
#include "core/base/check.h"
#include "tests/split_mix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define A_DAY      300 /* transactions */
#define TRUE_DAYS  10000
#define ARCHIVES   400
#define FRAUD      0.03
#define DRAWS      400
#define METRICS    3 /* auc, ap, precision */
#define TWO_PI     6.283185307179586
#define DAY_SPREAD 0.4

static double uniform(uint64_t *random) {
    return ((double)(split_mix(random) >> 11) + 1) * 0x1p-53;
}

static double normal(uint64_t *random) {
    double radius = sqrt(-2 * log(uniform(random)));
    return radius * cos(TWO_PI * uniform(random));
}

/* How far fraud stands out on a day is partly the same for both scores. */
static void make_day(struct ranking_row *rows, int64_t day, uint64_t *random) {
    double common = uniform(random), shift[RANKING_SIDES];
    for (int side = 0; side < RANKING_SIDES; side++)
        shift[side] = (side == 0 ? 1.2 : 1.0) + common + DAY_SPREAD * normal(random);
    for (int i = 0; i < A_DAY; i++) {
        bool positive = uniform(random) < FRAUD;
        double shared = normal(random);
        rows[i] = (struct ranking_row){.day = day, .positive = positive};
        for (int side = 0; side < RANKING_SIDES; side++)
            rows[i].scores[side] =
                0.7 * shared + 0.7 * normal(random) + (positive ? shift[side] : 0);
    }
}

static void make(struct ranking_row *rows, size_t days, uint64_t *random,
                 const struct ranking_options *options, struct ranking_figures *ret_figures) {
    for (size_t day = 0; day < days; day++)
        make_day(rows + day * A_DAY, (int64_t)day, random);
    ranking_metrics(rows, days * A_DAY, options, ret_figures);
}

int main(void) {
    static const size_t numbers_of_days[] = {7, 14, 30, 60};
    struct ranking_options options = {
        .sides = RANKING_SIDES, .reviews = 10, .cards = 10, .level = 0.95};
    struct ranking_row *rows = check_calloc((size_t)TRUE_DAYS * A_DAY, sizeof *rows);
    struct ranking_figures figures, truth;
    uint64_t random = 5;
    make(rows, TRUE_DAYS, &random, &options, &truth);
    options.draws = DRAWS;
    for (size_t i = 0; i < sizeof numbers_of_days / sizeof *numbers_of_days; i++) {
        unsigned covered[METRICS] = {0}, above[METRICS] = {0};
        for (unsigned archive = 0; archive < ARCHIVES; archive++) {
            options.seed = archive + 1;
            make(rows, numbers_of_days[i], &random, &options, &figures);
            for (int metric = 0; metric < METRICS; metric++) {
                const struct ranking_figure *figure = &figures.difference[metric];
                double value = truth.difference[metric].value;
                above[metric] += figure->has_interval && figure->low > value;
                covered[metric] +=
                    figure->has_interval && figure->low <= value && value <= figure->high;
            }
        }
        printf("%zu days:", numbers_of_days[i]);
        for (int metric = 0; metric < METRICS; metric++)
            printf("  %s covered %.3f, above %.3f",
                   ranking_metric_name((enum ranking_metric)metric),
                   covered[metric] / (double)ARCHIVES, above[metric] / (double)ARCHIVES);
        printf("\n");
    }
    free(rows);
    return 0;
}
