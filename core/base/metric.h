/* Counters, gauges and latency histograms, declared in one table and written as Prometheus text
 * (exposition format 0.0.4).
 *
 * Any thread may add, set and observe at any time; nothing locks. The buckets of a histogram are
 * read one by one, so a scrape may see an observation in its bucket and not yet in the sum.
 *
 * At most one label per metric: what needs more is two metrics. */
#pragma once

#include "buffer.h"

#include <stddef.h>
#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum metric_unit {
    METRIC_PLAIN,        /* printed as it is stored */
    METRIC_MICROSECONDS, /* stored in microseconds, printed in seconds, Prometheus's unit */
};

struct metric {
    const char *name; /* "harrierd_requests_total" */
    enum metric_type type;
    enum metric_unit unit;
    const char *label; /* NULL: none */
    size_t labels;     /* how many values the label has; ignored without a label */
    const char *(*label_value)(size_t index); /* "" or NULL: this one is never printed */
                                              /* (the function NULL: see metric_label()) */
    const char *help;
};

struct metric_set;

/* The table must outlive the set. All values are 0. */
struct metric_set *metric_set_new(const struct metric *table, size_t count);
void metric_set_free(struct metric_set *set); /* NULL is allowed */

/* metric: index into the table; label: 0 for a metric without one. */
void metric_add(struct metric_set *set, size_t metric, size_t label, uint64_t amount);
void metric_gauge(struct metric_set *set, size_t metric, size_t label, int64_t value);
void metric_observe(struct metric_set *set, size_t metric, size_t label, int64_t value_us);

/* For a metric whose label values are not known beforehand: sets one of them, plain text, once. The
 * string is copied. A label without a value is not printed. */
void metric_label(struct metric_set *set, size_t metric, size_t label, const char *value);

/* The value of a counter or gauge; of a histogram the number of observations. */
int64_t metric_value(const struct metric_set *set, size_t metric, size_t label);
/* Over all labels. */
int64_t metric_total(const struct metric_set *set, size_t metric);

/* Appends all metrics in the table's order. */
void metric_write(const struct metric_set *set, struct buffer *out);
