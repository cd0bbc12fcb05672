#include "threshold_collector.h"

#include "core/base/check.h"

#include <stdlib.h>

#define TEXT_BYTES_MAX (1u << 20) /* that expressions build for one transaction */

int64_t threshold_longest_us(const struct threshold_job *job, bool from_records) {
    const struct snapshot *snapshot = job->snapshot;
    int64_t longest = 0;
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        if (job->reads_records[i] == from_records && snapshot->thresholds[i].over_us > longest)
            longest = snapshot->thresholds[i].over_us;
    return longest;
}

void threshold_collector_init(struct threshold_collector *collector,
                              const struct threshold_job *job, bool from_records,
                              threshold_take *take, void *user) {
    *collector =
        (struct threshold_collector){.job = job,
                                     .from_records = from_records,
                                     .take = take,
                                     .user = user,
                                     .longest_us = threshold_longest_us(job, from_records)};
    collector->waiting = check_calloc(THRESHOLD_COLLECTED, sizeof *collector->waiting);
    arena_init(&collector->texts, TEXT_BYTES_MAX);
    arena_init(&collector->bound_texts, SCHEMA_TEXTS_MAX);
    if (from_records)
        collector->bound = (struct bound){
            .frame = check_calloc(job->snapshot->slot_count, sizeof *collector->bound.frame),
            .integers =
                check_calloc(job->snapshot->schema.field_count, sizeof *collector->bound.integers),
            .texts = &collector->bound_texts,
        };
}

void threshold_collector_deinit(struct threshold_collector *collector) {
    free(collector->waiting);
    free(collector->bound.frame);
    free(collector->bound.integers);
    arena_deinit(&collector->texts);
    arena_deinit(&collector->bound_texts);
}

int threshold_collector_flush(struct threshold_collector *collector, struct error *ret_error) {
    size_t count = collector->count;
    collector->count = 0;
    return collector->take(collector->user, collector->waiting, count, ret_error);
}

int threshold_collector_frame(struct threshold_collector *collector, int64_t event_time_us,
                              const struct value *frame, struct error *ret_error) {
    const struct snapshot *snapshot = collector->job->snapshot;
    for (size_t i = 0; i < snapshot->threshold_count; i++) {
        const struct threshold *threshold = &snapshot->thresholds[i];
        if (collector->job->reads_records[i] != collector->from_records ||
            !threshold_in_period(collector->job, event_time_us, threshold->over_us))
            continue;
        arena_reset(&collector->texts);
        if (!threshold_value_read(snapshot, i, frame, &collector->texts,
                                  &collector->waiting[collector->count]))
            continue;
        collector->waiting[collector->count].event_time_us = event_time_us;
        int r = 0;
        if (++collector->count == THRESHOLD_COLLECTED)
            r = threshold_collector_flush(collector, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

int threshold_collector_record(struct threshold_collector *collector,
                               const struct transaction *transaction, struct error *ret_error) {
    struct text field;
    struct error ignored; /* a field that does not fit the schema is bound as absent */
    check(collector->from_records);
    if (!threshold_in_period(collector->job, transaction->event_time_us, collector->longest_us))
        return 0;
    schema_bind(&collector->job->snapshot->schema, transaction, BIND_LENIENT, &collector->bound,
                &field, &ignored);
    return threshold_collector_frame(collector, transaction->event_time_us, collector->bound.frame,
                                     ret_error);
}
