#include "train_metric.h"

#include "core/base/check.h"

#include <math.h>
#include <stdlib.h>

struct ranked {
    float margin;
    float weight;
    bool is_positive;
};

struct train_metric {
    enum training_metric kind;
    const struct train_row *rows;
    size_t count;
    struct ranked *ranked; /* scratch */
};

struct train_metric *train_metric_new(enum training_metric kind, const struct train_row *rows,
                                      size_t count) {
    struct train_metric *metric = check_calloc(1, sizeof *metric);
    *metric = (struct train_metric){.kind = kind, .rows = rows, .count = count};
    metric->ranked = check_calloc(count + 1, sizeof *metric->ranked);
    return metric;
}

void train_metric_free(struct train_metric *metric) {
    if (!metric)
        return;
    free(metric->ranked);
    free(metric);
}

static double log_loss(const struct train_metric *metric, const float *margins) {
    double sum = 0, weight = 0;
    for (size_t i = 0; i < metric->count; i++) {
        double z = metric->rows[i].is_positive ? (double)margins[i] : -(double)margins[i];
        sum += (double)metric->rows[i].weight * (z >= 0 ? log1p(exp(-z)) : log1p(exp(z)) - z);
        weight += (double)metric->rows[i].weight;
    }
    return sum / weight;
}

static int descending(const void *a, const void *b) {
    const struct ranked *first = a, *second = b;
    return (first->margin < second->margin) - (first->margin > second->margin);
}

/* From the greatest margin down, one step for each margin that occurs. */
static double of_ranking(struct train_metric *metric) {
    const struct ranked *ranked = metric->ranked;
    double positive = 0, negative = 0, area = 0, precision = 0;
    for (size_t i = 0; i < metric->count;) {
        double p = 0, n = 0;
        float margin = ranked[i].margin;
        for (; i < metric->count && ranked[i].margin == margin; i++)
            *(ranked[i].is_positive ? &p : &n) += (double)ranked[i].weight;
        area += n * (positive + p / 2);
        positive += p;
        negative += n;
        precision += p * positive / (positive + negative);
    }
    return metric->kind == TRAINING_AUC ? area / (positive * negative) : precision / positive;
}

double train_metric_of(struct train_metric *metric, const float *margins) {
    if (metric->kind == TRAINING_LOG_LOSS)
        return -log_loss(metric, margins);
    for (size_t i = 0; i < metric->count; i++)
        metric->ranked[i] =
            (struct ranked){margins[i], metric->rows[i].weight, metric->rows[i].is_positive};
    qsort(metric->ranked, metric->count, sizeof *metric->ranked, descending);
    return of_ranking(metric);
}
