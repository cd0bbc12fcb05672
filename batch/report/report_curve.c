#include "report_curve.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide_count;

struct report_share report_share(uint64_t count, uint64_t total) {
    if (total == 0)
        return (struct report_share){0};
    double n = (double)total, p = (double)count / n, z2 = REPORT_Z * REPORT_Z;
    double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    double half = REPORT_Z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    double low = middle - half, high = middle + half;
    return (struct report_share){
        .is_known = true,
        .value = p,
        .low = count == 0 || low < 0 ? 0 : low,
        .high = count == total || high > 1 ? 1 : high,
    };
}

struct report_share report_difference(struct report_share a, struct report_share b) {
    if (!a.is_known || !b.is_known)
        return (struct report_share){0};
    double difference = b.value - a.value;
    return (struct report_share){
        .is_known = true,
        .value = difference,
        .low = difference - hypot(b.value - b.low, a.high - a.value),
        .high = difference + hypot(b.high - b.value, a.value - a.low),
    };
}

struct totals {
    uint64_t positive, negative;
};

static struct totals total_of(const struct report_scores *scores) {
    struct totals totals = {0};
    for (size_t score = 0; score < REPORT_SCORES; score++) {
        totals.positive += scores->positive[score];
        totals.negative += scores->negative[score];
    }
    return totals;
}

bool report_auc(const struct report_scores *scores, double *ret_auc) {
    struct totals totals = total_of(scores);
    wide_count halves = 0; /* a pair won counts two, a tie one: exact in integers, up to the end */
    uint64_t below = 0;
    if (totals.positive == 0 || totals.negative == 0)
        return false;
    for (size_t score = 0; score < REPORT_SCORES; score++) {
        halves += (wide_count)scores->positive[score] * (2 * below + scores->negative[score]);
        below += scores->negative[score];
    }
    wide_count pairs = (wide_count)totals.positive * totals.negative;
    *ret_auc = (double)halves / 2 / (double)pairs;
    return true;
}

bool report_average_precision(const struct report_scores *scores, double *ret_precision) {
    struct totals totals = total_of(scores), seen = {0};
    double sum = 0;
    if (totals.positive == 0)
        return false;
    for (size_t score = REPORT_SCORES; score-- > 0;) {
        seen.positive += scores->positive[score];
        seen.negative += scores->negative[score];
        if (scores->positive[score] == 0)
            continue;
        double more_recall = (double)scores->positive[score] / (double)totals.positive;
        sum += more_recall * (double)seen.positive / (double)(seen.positive + seen.negative);
    }
    *ret_precision = sum;
    return true;
}

size_t report_points(const struct report_scores *scores,
                     struct report_point ret_points[REPORT_SCORES]) {
    struct totals seen = {0};
    size_t count = 0;
    for (size_t score = REPORT_SCORES; score-- > 0;) {
        if (scores->positive[score] + scores->negative[score] == 0)
            continue;
        seen.positive += scores->positive[score];
        seen.negative += scores->negative[score];
        ret_points[count++] = (struct report_point){
            .score = (uint32_t)score, .positive = seen.positive, .negative = seen.negative};
    }
    return count;
}
