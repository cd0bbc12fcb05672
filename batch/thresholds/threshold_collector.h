/* The values of one transaction for all thresholds whose period includes it, from a frame or from
 * the record alone. Private to batch/. */
#pragma once

#include "threshold_job.h"

#include "core/engine/engine.h"

/* Takes up to THRESHOLD_COLLECTED values at once. */
#define THRESHOLD_COLLECTED 256u
typedef int threshold_take(void *user, const struct threshold_value *values, size_t count,
                           struct error *ret_error);

struct threshold_collector {
    const struct threshold_job *job; /* snapshot, newest_us and reads_records count */
    bool from_records;               /* which thresholds: job->reads_records has this value */
    threshold_take *take;
    void *user;
    struct arena texts;
    struct threshold_value *waiting;
    size_t count;
    /* For records: */
    int64_t longest_us; /* the longest period of these thresholds; 0: there are none */
    struct arena bound_texts;
    struct bound bound;
};

void threshold_collector_init(struct threshold_collector *collector,
                              const struct threshold_job *job, bool from_records,
                              threshold_take *take, void *user);
void threshold_collector_deinit(struct threshold_collector *collector);
/* frame: of the job's snapshot. */
int threshold_collector_frame(struct threshold_collector *collector, int64_t event_time_us,
                              const struct value *frame, struct error *ret_error);
/* Of a collector from records. */
int threshold_collector_record(struct threshold_collector *collector,
                               const struct transaction *transaction, struct error *ret_error);
/* After the last one. */
int threshold_collector_flush(struct threshold_collector *collector, struct error *ret_error);

/* The longest period of the thresholds that are read this way; 0: there are none. */
int64_t threshold_longest_us(const struct threshold_job *job, bool from_records);
