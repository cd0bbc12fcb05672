#include "threshold_search.h"

#include "batch/base/double_order.h"
#include "batch/thresholds/threshold_value.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void threshold_search_init(struct threshold_search *search, const struct threshold *threshold) {
    *search = (struct threshold_search){
        .threshold = threshold,
        .pass = {.kind = THRESHOLD_PASS_COUNT, .shift = 64 - THRESHOLD_DIGIT_BITS},
    };
}

void threshold_search_deinit(struct threshold_search *search) {
    free(search->counts);
    free(search->kept);
}

static int compare_orders(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The value is found; a MAD goes on with the distances. */
static void settle(struct threshold_search *search, uint64_t order) {
    search->value = double_from_order(order);
    bool is_half = search->threshold->statistic == THRESHOLD_MAD && !search->pass.are_distances;
    search->pass = (struct threshold_pass){
        .kind = is_half ? THRESHOLD_PASS_COUNT : THRESHOLD_PASS_NONE,
        .are_distances = true,
        .center = search->value,
        .shift = 64 - THRESHOLD_DIGIT_BITS,
    };
    search->expected = search->total;
    search->rank = threshold_rank(search->threshold->quantile_e6, search->total);
}

static uint64_t sum_of(const uint64_t *counts) {
    uint64_t sum = 0;
    for (size_t i = 0; i < THRESHOLD_DIGIT_COUNT; i++)
        sum += counts[i];
    return sum;
}

static int lost(const struct threshold_search *search, uint64_t values, uint64_t expected,
                struct error *ret_error) {
    return error_set(ret_error, ERROR_INVALID,
                     "%" PRIu64 " values of threshold \"%" TEXT_FORMAT "\" came, and %" PRIu64
                     " were expected",
                     values, TEXT_ARGS(search->threshold->name), expected);
}

static int advance_counted(struct threshold_search *search, size_t kept_max,
                           struct error *ret_error) {
    struct threshold_pass *pass = &search->pass;
    bool is_first = pass->shift == 64 - THRESHOLD_DIGIT_BITS && !pass->are_distances;
    uint64_t sum = sum_of(search->counts), digit = 0;
    if (is_first) {
        search->expected = search->made;
        if (search->threshold->key_count > 0 && search->grouped != search->made)
            return lost(search, search->grouped, search->made, ret_error);
    }
    if (sum != search->expected)
        return lost(search, sum, search->expected, ret_error);
    if (is_first) {
        search->total = sum;
        search->rank = threshold_rank(search->threshold->quantile_e6, sum);
    }
    if (sum == 0 || search->total < search->threshold->minimum) {
        pass->kind = THRESHOLD_PASS_NONE;
        return 0;
    }
    while (search->rank > search->counts[digit])
        search->rank -= search->counts[digit++];
    search->expected = search->counts[digit];
    pass->prefix = pass->prefix << THRESHOLD_DIGIT_BITS | digit;
    if (pass->shift == 0) {
        settle(search, pass->prefix);
        return 0;
    }
    pass->shift -= THRESHOLD_DIGIT_BITS;
    if (search->expected <= kept_max)
        pass->kind = THRESHOLD_PASS_KEEP;
    return 0;
}

int threshold_search_advance(struct threshold_search *search, size_t kept_max,
                             struct error *ret_error) {
    if (search->pass.kind == THRESHOLD_PASS_COUNT)
        return advance_counted(search, kept_max, ret_error);
    if (search->pass.kind == THRESHOLD_PASS_NONE)
        return 0;
    if (search->kept_count != search->expected)
        return lost(search, search->kept_count, search->expected, ret_error);
    qsort(search->kept, search->kept_count, sizeof *search->kept, compare_orders);
    settle(search, search->kept[search->rank - 1]);
    return 0;
}

void threshold_search_begin_pass(struct threshold_search *search) {
    free(search->kept);
    search->kept = NULL;
    search->kept_count = 0;
    search->made = 0;
    if (search->counts)
        memset(search->counts, 0, THRESHOLD_DIGIT_COUNT * sizeof *search->counts);
    if (search->pass.kind == THRESHOLD_PASS_COUNT && !search->counts)
        search->counts = check_calloc(THRESHOLD_DIGIT_COUNT, sizeof *search->counts);
    if (search->pass.kind == THRESHOLD_PASS_KEEP)
        search->kept = check_reallocarray(NULL, (size_t)search->expected + 1, sizeof *search->kept);
}

void threshold_search_use(const struct threshold_search *search, struct threshold_values *values) {
    values->samples = search->total;
    values->has_overall =
        search->total > 0 && search->total >= search->threshold->minimum && isfinite(search->value);
    values->overall = values->has_overall ? search->value : 0;
}
