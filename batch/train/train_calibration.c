#include "train_calibration.h"

#include "core/base/check.h"

#include <math.h>
#include <stdlib.h>

/* ---- Platt ---- */

struct platt {
    const struct calibration_row *rows;
    size_t count;
    double positive, negative; /* the targets */
};

/* log(1 + exp(-z)) + (1 - t) z, without overflow */
static double loss_of(double z, double target) {
    return z >= 0 ? log1p(exp(-z)) + (1 - target) * z : log1p(exp(z)) - target * z;
}

static double loss(const struct platt *platt, double a, double b) {
    double sum = 0;
    for (size_t i = 0; i < platt->count; i++) {
        const struct calibration_row *row = &platt->rows[i];
        sum += row->weight *
               loss_of(a * row->from + b, row->is_positive ? platt->positive : platt->negative);
    }
    return sum;
}

struct slope {
    double a, b, aa, ab, bb; /* gradient and Hessian */
};

static struct slope slope_at(const struct platt *platt, double a, double b) {
    struct slope slope = {.aa = 1e-12, .bb = 1e-12};
    for (size_t i = 0; i < platt->count; i++) {
        const struct calibration_row *row = &platt->rows[i];
        double p = model_logistic(a * row->from + b);
        double off = row->weight * (p - (row->is_positive ? platt->positive : platt->negative));
        double curve = row->weight * p * (1 - p);
        slope.a += off * row->from;
        slope.b += off;
        slope.aa += curve * row->from * row->from;
        slope.ab += curve * row->from;
        slope.bb += curve;
    }
    return slope;
}

static void minimise(const struct platt *platt, double *a, double *b) {
    double least = loss(platt, *a, *b);
    for (int round = 0; round < 100; round++) {
        struct slope at = slope_at(platt, *a, *b);
        double determinant = at.aa * at.bb - at.ab * at.ab;
        double step_a = -(at.bb * at.a - at.ab * at.b) / determinant;
        double step_b = -(at.aa * at.b - at.ab * at.a) / determinant;
        double length = 1;
        if (!isfinite(step_a) || !isfinite(step_b))
            return;
        for (; length >= 1e-10; length /= 2) {
            double now = loss(platt, *a + length * step_a, *b + length * step_b);
            if (now < least) {
                *a += length * step_a;
                *b += length * step_b;
                least = now;
                break;
            }
        }
        if (length < 1e-10)
            return; /* no step makes it better: the minimum, as far as doubles tell */
    }
}

static int refuse_order(const char *what, struct error *ret_error) {
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "in the part for the calibration, greater %s are not more often fraud: the "
                     "model found nothing that lasts, or the part is too short",
                     what);
}

int train_platt(const struct calibration_row *rows, size_t count, double *ret_a, double *ret_b,
                struct error *ret_error) {
    double weights[2] = {0, 0};
    bool differ = false; /* else the sign of a is that of rounding errors */
    for (size_t i = 0; i < count; i++) {
        weights[rows[i].is_positive] += rows[i].weight;
        differ |= rows[i].from != rows[0].from;
    }
    if (weights[0] <= 0 || weights[1] <= 0)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "the transactions to calibrate on are all of one kind");
    struct platt platt = {.rows = rows,
                          .count = count,
                          .positive = (weights[1] + 1) / (weights[1] + 2),
                          .negative = 1 / (weights[0] + 2)};
    double a = 0, b = log((weights[1] + 1) / (weights[0] + 1));
    if (differ)
        minimise(&platt, &a, &b);
    if (!(a > 0) || !isfinite(b))
        return refuse_order("margins", ret_error);
    *ret_a = a;
    *ret_b = b;
    return 0;
}

/* ---- isotonic ---- */

struct pool {
    double low, high; /* of `from` */
    double weight, positive;
};

static int compare_rows(const void *a, const void *b) {
    const struct calibration_row *first = a, *second = b;
    return (first->from > second->from) - (first->from < second->from);
}

/* a / b > c / d, without division */
static bool is_above(const struct pool *a, const struct pool *b) {
    return a->positive * b->weight > b->positive * a->weight;
}

/* Returns the number of pools, whose means ascend. */
static size_t pool_rows(const struct calibration_row *rows, size_t count, struct pool *pools) {
    size_t last = 0, n = 0;
    for (size_t i = 0; i < count; i++) {
        double positive = rows[i].is_positive ? rows[i].weight : 0;
        if (i > 0 && rows[i].from == rows[i - 1].from) {
            pools[last].weight += rows[i].weight;
            pools[last].positive += positive;
        } else {
            /* What came before this probability is complete. */
            while (n > 1 && !is_above(&pools[n - 1], &pools[n - 2])) {
                pools[n - 2].high = pools[n - 1].high;
                pools[n - 2].weight += pools[n - 1].weight;
                pools[n - 2].positive += pools[n - 1].positive;
                n--;
            }
            last = n;
            pools[n++] = (struct pool){rows[i].from, rows[i].from, rows[i].weight, positive};
        }
    }
    while (n > 1 && !is_above(&pools[n - 1], &pools[n - 2])) {
        pools[n - 2].high = pools[n - 1].high;
        pools[n - 2].weight += pools[n - 1].weight;
        pools[n - 2].positive += pools[n - 1].positive;
        n--;
    }
    return n;
}

/* Drops every second point between the ends; what is left still ascends. */
static size_t thin(struct calibration_point *points, size_t count) {
    while (count > TRAIN_POINTS_MAX) {
        size_t kept = 1;
        for (size_t i = 2; i < count - 1; i += 2)
            points[kept++] = points[i];
        points[kept++] = points[count - 1];
        count = kept;
    }
    return count;
}

int train_isotonic(struct calibration_row *rows, size_t count,
                   struct calibration_point **ret_points, size_t *ret_count,
                   struct error *ret_error) {
    struct pool *pools = check_calloc(count + 1, sizeof *pools);
    struct calibration_point *points = check_calloc(2 * count + 1, sizeof *points);
    if (count > 1)
        qsort(rows, count, sizeof *rows, compare_rows);
    size_t pool_count = pool_rows(rows, count, pools), n = 0;
    for (size_t i = 0; i < pool_count; i++) {
        double mean = pools[i].positive / pools[i].weight;
        points[n++] = (struct calibration_point){pools[i].low, mean};
        if (pools[i].high > pools[i].low)
            points[n++] = (struct calibration_point){pools[i].high, mean};
    }
    free(pools);
    if (pool_count < 2) {
        free(points);
        return n < 2 ? error_set(ret_error, ERROR_NOT_FOUND,
                                 "in the part for the calibration, all transactions have the same "
                                 "probability")
                     : refuse_order("probabilities", ret_error);
    }
    *ret_count = thin(points, n);
    *ret_points = points;
    return 0;
}
