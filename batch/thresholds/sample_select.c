/* The first pass counts by the highest 16 bits: sign, exponent and 4 bits of the mantissa. The
 * second one mostly keeps what is left, and the passes after it run in memory. */
#include "sample_select.h"

#include "batch/base/double_order.h"
#include "core/base/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS  16u
#define DIGIT_COUNT (1u << DIGIT_BITS)

size_t sample_filter(const double *values, const int64_t *times_us, size_t count, int64_t after_us,
                     double *ret_values) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) { /* without a branch: old values are anywhere */
        ret_values[kept] = values[i];
        kept += times_us[i] > after_us;
    }
    return kept;
}

/* ---- in memory ---- */

/* The distances to both sides of the center only grow, so merging the two sides gives them sorted.
 */
static double nth_distance(const double *values, size_t count, size_t center, size_t n) {
    size_t left = center, right = center;
    double distance = 0;
    for (size_t i = 0; i < n; i++) {
        double below = left > 0 ? fabs(values[left - 1] - values[center]) : INFINITY;
        double above = right < count ? fabs(values[right] - values[center]) : INFINITY;
        if (right == count || (left > 0 && below < above)) {
            distance = below;
            left--;
        } else {
            distance = above;
            right++;
        }
    }
    return distance;
}

double sample_statistic(const struct threshold *threshold, const double *values, size_t count) {
    size_t rank = (size_t)threshold_rank(threshold->quantile_e6, count);
    return threshold->statistic == THRESHOLD_MAD ? nth_distance(values, count, rank - 1, rank)
                                                 : values[rank - 1];
}

/* ---- passes over the files ---- */

struct passes {
    const struct sample_selection *selection;
    bool are_distances; /* from the center, instead of the values */
    double center;
    uint64_t prefix; /* the digits found so far; `shift` is that of the digit to be counted */
    unsigned shift;
    uint64_t *counts; /* [DIGIT_COUNT] */
    bool keeps;       /* this pass keeps the orders with the prefix, instead of counting them */
    uint64_t *kept;   /* NULL: the files are read */
    size_t kept_count;
    double *filtered; /* [SAMPLE_BLOCK_VALUES] */
};

static bool has_prefix(const struct passes *passes, uint64_t order) {
    unsigned above = passes->shift + DIGIT_BITS;
    return above == 64 || order >> above == passes->prefix;
}

static void count_order(struct passes *passes, uint64_t order) {
    if (has_prefix(passes, order))
        passes->counts[order >> passes->shift & (DIGIT_COUNT - 1)]++;
}

static void take_values(struct passes *passes, const double *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double value = passes->are_distances ? fabs(values[i] - passes->center) : values[i];
        uint64_t order = double_to_order(value);
        if (!passes->keeps)
            count_order(passes, order);
        else if (has_prefix(passes, order))
            passes->kept[passes->kept_count++] = order;
    }
}

static void take_piece(struct passes *passes, const struct sample_cursor *cursor, size_t first,
                       size_t count) {
    const struct sample_selection *selection = passes->selection;
    const double *values = cursor->values + first;
    if (cursor->section->earliest_us <= selection->after_us) {
        count = sample_filter(values, cursor->times_us + first, count, selection->after_us,
                              passes->filtered);
        values = passes->filtered;
    }
    take_values(passes, values, count);
}

static int take_section(struct passes *passes, struct sample_cursor *cursor,
                        struct error *ret_error) {
    int r;
    while ((r = sample_cursor_block(cursor, ret_error)) > 0)
        take_piece(passes, cursor, 0, cursor->block_values);
    return r;
}

/* The group's pieces follow one another. */
static int take_group(struct passes *passes, struct sample_cursor *cursor,
                      struct error *ret_error) {
    const struct sample_selection *selection = passes->selection;
    bool is_behind = false;
    int r = 0;
    while (!is_behind && (r = sample_cursor_group(cursor, ret_error)) > 0) {
        int order = cursor->hash < selection->hash   ? -1
                    : cursor->hash > selection->hash ? 1
                                                     : text_compare(cursor->key, selection->key);
        if (order == 0)
            take_piece(passes, cursor, cursor->first, cursor->count);
        is_behind = order > 0;
    }
    return r < 0 ? r : 0;
}

static int read_files(struct passes *passes, struct error *ret_error) {
    const struct sample_selection *selection = passes->selection;
    int r = 0;
    for (size_t i = 0; i < selection->start_count && r == 0; i++) {
        const struct sample_start *start = &selection->starts[i];
        struct sample_cursor cursor;
        if (start->section->latest_us <= selection->after_us)
            continue;
        sample_cursor_init(&cursor, start->file, start->section, selection->threshold->definition);
        cursor.next_at = start->block_at;
        r = selection->is_group ? take_group(passes, &cursor, ret_error)
                                : take_section(passes, &cursor, ret_error);
        sample_cursor_deinit(&cursor);
    }
    return r;
}

static int count_digit(struct passes *passes, struct error *ret_error) {
    memset(passes->counts, 0, DIGIT_COUNT * sizeof *passes->counts);
    if (!passes->kept)
        return read_files(passes, ret_error);
    for (size_t i = 0; i < passes->kept_count; i++)
        count_order(passes, passes->kept[i]);
    return 0;
}

static int keep(struct passes *passes, uint64_t count, struct error *ret_error) {
    passes->kept = check_reallocarray(NULL, (size_t)count + 1, sizeof *passes->kept);
    passes->keeps = true;
    int r = read_files(passes, ret_error);
    passes->keeps = false;
    return r;
}

/* The digit where the rank is; *rank becomes that among the values with this digit. */
static uint64_t find_digit(const struct passes *passes, uint64_t *rank) {
    uint64_t digit = 0;
    while (digit < DIGIT_COUNT - 1 && *rank > passes->counts[digit])
        *rank -= passes->counts[digit++];
    return digit;
}

static uint64_t sum_of(const uint64_t *counts) {
    uint64_t sum = 0;
    for (size_t i = 0; i < DIGIT_COUNT; i++)
        sum += counts[i];
    return sum;
}

/* The value at the threshold's rank; *ret_count: of all values. */
static int select_rank(struct passes *passes, uint64_t *ret_count, double *ret_value,
                       struct error *ret_error) {
    const struct sample_selection *selection = passes->selection;
    uint64_t rank = 0;
    int r = 0;
    passes->prefix = 0;
    for (unsigned digit = 1; digit <= 64 / DIGIT_BITS && r == 0; digit++) {
        passes->shift = 64 - DIGIT_BITS * digit;
        r = count_digit(passes, ret_error);
        if (r == 0 && digit == 1) {
            *ret_count = sum_of(passes->counts);
            if (*ret_count < selection->threshold->minimum || *ret_count == 0)
                return 0;
            rank = threshold_rank(selection->threshold->quantile_e6, *ret_count);
        }
        uint64_t found = find_digit(passes, &rank), in_digit = passes->counts[found];
        passes->prefix = passes->prefix << DIGIT_BITS | found;
        if (r == 0 && !passes->kept && in_digit <= selection->kept_max && passes->shift > 0) {
            passes->shift -= DIGIT_BITS;
            r = keep(passes, in_digit, ret_error);
        }
    }
    if (r == 0)
        *ret_value = double_from_order(passes->prefix);
    return r;
}

static int run(struct passes *passes, uint64_t *ret_count, double *ret_value,
               struct error *ret_error) {
    passes->kept_count = 0;
    int r = select_rank(passes, ret_count, ret_value, ret_error);
    free(passes->kept);
    passes->kept = NULL;
    return r;
}

int sample_select(const struct sample_selection *selection, uint64_t *ret_count, double *ret_value,
                  struct error *ret_error) {
    struct passes passes = {.selection = selection};
    uint64_t count = 0;
    double value = 0;
    passes.counts = check_calloc(DIGIT_COUNT, sizeof *passes.counts);
    passes.filtered = check_calloc(SAMPLE_BLOCK_VALUES, sizeof *passes.filtered);
    int r = run(&passes, &count, &value, ret_error);
    bool is_wanted = count > 0 && count >= selection->threshold->minimum;
    if (r == 0 && is_wanted && selection->threshold->statistic == THRESHOLD_MAD) {
        passes.are_distances = true;
        passes.center = value;
        r = run(&passes, &count, &value, ret_error);
    }
    free(passes.counts);
    free(passes.filtered);
    if (r == 0) {
        *ret_count = count;
        *ret_value = value;
    }
    return r;
}
