/* All values are cells of one array of atomics, so adding is one relaxed addition and a scrape
 * needs no lock. A histogram has a cell for each bucket, one beyond the last bound, and one for the
 * sum; cumulative counts are computed when it is written. */
#include "metric.h"

#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Upper bounds of the buckets in µs: a decision takes about ten, a full batch some thousands, a
 * disk in trouble seconds. The last bucket has no bound. */
static const int64_t bounds_us[] = {
    10,    20,    50,     100,    200,    500,     1000,    2000,    5000,     10000,
    20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000,
};
#define BOUNDS          (sizeof bounds_us / sizeof *bounds_us)
#define HISTOGRAM_CELLS (BOUNDS + 2) /* one per bound, one beyond them, the sum */
#define CELL_BEYOND     BOUNDS
#define CELL_SUM        (BOUNDS + 1)

struct metric_set {
    const struct metric *table;
    size_t count;
    size_t *first; /* index of each metric's first cell; one more than there are metrics */
    _Atomic uint64_t *cells;
    _Atomic(char *) *values; /* of labels set by metric_label(); parallel to the cells */
};

static size_t labels_of(const struct metric *metric) {
    return metric->label ? metric->labels : 1;
}
static size_t cells_of(const struct metric *metric) {
    return metric->type == METRIC_HISTOGRAM ? HISTOGRAM_CELLS : 1;
}

struct metric_set *metric_set_new(const struct metric *table, size_t count) {
    struct metric_set *set = check_malloc(sizeof *set);
    *set = (struct metric_set){
        .table = table,
        .count = count,
        .first = check_calloc(count + 1, sizeof *set->first),
    };
    for (size_t i = 0; i < count; i++)
        set->first[i + 1] = set->first[i] + labels_of(&table[i]) * cells_of(&table[i]);
    set->cells = check_calloc(set->first[count], sizeof *set->cells);
    set->values = check_calloc(set->first[count], sizeof *set->values);
    return set;
}

void metric_set_free(struct metric_set *set) {
    if (!set)
        return;
    for (size_t i = 0; i < set->first[set->count]; i++)
        free(atomic_load(&set->values[i]));
    free(set->cells);
    free(set->values);
    free(set->first);
    free(set);
}

static _Atomic uint64_t *cell(const struct metric_set *set, size_t metric, size_t label) {
    check(metric < set->count && label < labels_of(&set->table[metric]));
    return &set->cells[set->first[metric] + label * cells_of(&set->table[metric])];
}

static uint64_t load(const _Atomic uint64_t *value) {
    return atomic_load_explicit(value, memory_order_relaxed);
}

void metric_add(struct metric_set *set, size_t metric, size_t label, uint64_t amount) {
    check(metric < set->count && set->table[metric].type == METRIC_COUNTER);
    atomic_fetch_add_explicit(cell(set, metric, label), amount, memory_order_relaxed);
}

void metric_gauge(struct metric_set *set, size_t metric, size_t label, int64_t value) {
    check(metric < set->count && set->table[metric].type == METRIC_GAUGE);
    atomic_store_explicit(cell(set, metric, label), (uint64_t)value, memory_order_relaxed);
}

void metric_observe(struct metric_set *set, size_t metric, size_t label, int64_t value_us) {
    check(metric < set->count && set->table[metric].type == METRIC_HISTOGRAM);
    _Atomic uint64_t *cells = cell(set, metric, label);
    if (value_us < 0)
        value_us = 0;
    size_t bucket = 0;
    while (bucket < BOUNDS && value_us > bounds_us[bucket])
        bucket++;
    atomic_fetch_add_explicit(&cells[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cells[CELL_SUM], (uint64_t)value_us, memory_order_relaxed);
}

void metric_label(struct metric_set *set, size_t metric, size_t label, const char *value) {
    _Atomic(char *) *place = &set->values[cell(set, metric, label) - set->cells];
    check(!set->table[metric].label_value && !atomic_load(place));
    atomic_store_explicit(place, text_copy(text_of(value)), memory_order_release);
}

static const char *label_value(const struct metric_set *set, size_t metric, size_t label) {
    const struct metric *row = &set->table[metric];
    if (!row->label)
        return "";
    if (row->label_value)
        return row->label_value(label);
    return atomic_load_explicit(&set->values[cell(set, metric, label) - set->cells],
                                memory_order_acquire);
}

int64_t metric_value(const struct metric_set *set, size_t metric, size_t label) {
    const _Atomic uint64_t *cells = cell(set, metric, label);
    if (set->table[metric].type != METRIC_HISTOGRAM)
        return (int64_t)load(cells);
    uint64_t observations = 0;
    for (size_t i = 0; i <= CELL_BEYOND; i++)
        observations += load(&cells[i]);
    return (int64_t)observations;
}

int64_t metric_total(const struct metric_set *set, size_t metric) {
    int64_t total = 0;
    for (size_t label = 0; label < labels_of(&set->table[metric]); label++)
        total += metric_value(set, metric, label);
    return total;
}

/* ---- Prometheus text ---- */

/* Help texts and label values come from our own tables and need no escaping; a check() fails if
 * that changes. */
static bool is_plain(const char *string) {
    return !strpbrk(string, "\\\"\n");
}

static void print_number(struct buffer *out, enum metric_unit unit, int64_t value) {
    if (unit == METRIC_PLAIN) {
        buffer_printf(out, " %" PRId64 "\n", value);
        return;
    }
    const char *sign = value < 0 ? "-" : "";
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    buffer_printf(out, " %s%" PRIu64 ".%06" PRIu64 "\n", sign, magnitude / 1000000,
                  magnitude % 1000000);
}

/* name_suffix{label="value",le="bound"}: either may be missing. */
static void print_name(struct buffer *out, const struct metric *metric, const char *suffix,
                       const char *label_value, const char *bound) {
    buffer_printf(out, "%s%s", metric->name, suffix);
    if (!metric->label && !bound)
        return;
    buffer_printf(out, "{");
    if (metric->label)
        buffer_printf(out, "%s=\"%s\"%s", metric->label, label_value, bound ? "," : "");
    if (bound)
        buffer_printf(out, "le=\"%s\"", bound);
    buffer_printf(out, "}");
}

static void print_histogram(struct buffer *out, const struct metric *metric,
                            const char *label_value, const _Atomic uint64_t *cells) {
    uint64_t below = 0;
    for (size_t i = 0; i <= CELL_BEYOND; i++) {
        char bound[32] = "+Inf";
        if (i < CELL_BEYOND)
            snprintf(bound, sizeof bound, "%g", (double)bounds_us[i] / 1e6);
        below += load(&cells[i]);
        print_name(out, metric, "_bucket", label_value, bound);
        print_number(out, METRIC_PLAIN, (int64_t)below);
    }
    print_name(out, metric, "_sum", label_value, NULL);
    print_number(out, metric->unit, (int64_t)load(&cells[CELL_SUM]));
    print_name(out, metric, "_count", label_value, NULL);
    print_number(out, METRIC_PLAIN, (int64_t)below);
}

static void print_metric(struct buffer *out, const struct metric_set *set, size_t index) {
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    const struct metric *metric = &set->table[index];
    check(is_plain(metric->help));
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                  types[metric->type]);
    for (size_t label = 0; label < labels_of(metric); label++) {
        const char *value = label_value(set, index, label);
        if (metric->label && (!value || !*value))
            continue;
        check(is_plain(value));
        const _Atomic uint64_t *cells = cell(set, index, label);
        if (metric->type == METRIC_HISTOGRAM) {
            print_histogram(out, metric, value, cells);
            continue;
        }
        print_name(out, metric, "", value, NULL);
        print_number(out, metric->unit, (int64_t)load(cells));
    }
}

void metric_write(const struct metric_set *set, struct buffer *out) {
    for (size_t i = 0; i < set->count; i++)
        print_metric(out, set, i);
}
