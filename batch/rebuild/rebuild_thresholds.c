/* The thresholds phase: thresholds first, then cut-offs, which depend on them.
 *
 *   in force    thresholds of the generation adopted last; its archive record holds them
 *   values      quantiles by group over the transactions of each threshold's period
 *   guard       a value that changed too much keeps the one in force
 *   scores      of the budgets' periods: recorded, or from a replay with the new thresholds
 *   cut-offs    from the scores and budgets
 *
 * Everything follows from the policy and the archive up to the target, so full and incremental
 * rebuilds give the same thresholds. */
#include "rebuild_thresholds.h"

#include "batch/base/monotonic.h"
#include "batch/base/record_bytes.h"
#include "batch/thresholds/baseline_sample.h"
#include "batch/thresholds/sample_files.h"
#include "batch/thresholds/threshold_guard.h"
#include "batch/thresholds/threshold_job.h"
#include "rebuild_baselines.h"
#include "rebuild_job.h"
#include "rebuild_policy.h"
#include "threshold_read.h"
#include "threshold_recall.h"
#include "threshold_scores.h"

#include "core/base/check.h"

/* Tasks elsewhere have seen it; the archive need not be here. */
static int find_last_generation(struct rebuild *rebuild, struct buffer *ret_payload,
                                struct error *ret_error) {
    const struct buffer *seen = &rebuild->last_generation;
    if (!rebuild->options->elsewhere)
        return rebuild_find_last(rebuild, RECORD_GENERATION, REBUILD_THRESHOLDS, ret_payload,
                                 ret_error);
    if (seen->length > 0)
        buffer_append(ret_payload, seen->bytes, seen->length);
    return seen->length > 0;
}

/* The thresholds in force are those of the last generation record, not of the current generation: a
 * generation may have been published and never adopted. */
static int find_in_force(struct threshold_job *job, struct error *ret_error) {
    struct buffer payload;
    struct arena arena;
    struct record record;
    buffer_init(&payload);
    arena_init(&arena, RECORD_BYTES_MAX);
    int r = find_last_generation(job->rebuild, &payload, ret_error);
    if (r > 0)
        r = record_decode(RECORD_GENERATION, payload.bytes, payload.length, &arena, &record,
                          ret_error);
    else
        record.type = RECORD_ENGINE;
    if (r == 0 && record.type == RECORD_GENERATION &&
        !threshold_set_is_empty(&record.generation.thresholds))
        job->in_force = job->rebuild->in_force = thresholds_new(&record.generation.thresholds);
    arena_deinit(&arena);
    buffer_deinit(&payload);
    return r;
}

static int make_file(void *user, struct error *ret_error) {
    return generation_writer_scratch_file(user, ret_error);
}

/* Both kinds of groups: those of the record, and those of the tables. */
static struct threshold_sample *new_sample(struct threshold_job *job) {
    struct rebuild *rebuild = job->rebuild;
    size_t memory = (size_t)rebuild->options->memory_bytes;
    struct threshold_sample *sample =
        threshold_sample_new(job->snapshot, memory, make_file, rebuild->writer);
    baseline_sample_free(rebuild->baselines);
    rebuild->baselines = NULL;
    if (rebuild_has_baselines(job->snapshot))
        rebuild->baselines =
            baseline_sample_new(job->snapshot, memory / 4, make_file, rebuild->writer);
    threshold_sample_use_baselines(sample, rebuild->baselines);
    return sample;
}

/* What earlier nights read, then what is new. */
static int read_values(struct threshold_job *job, struct threshold_sample **sample,
                       struct error *ret_error) {
    int r = threshold_recall(job, *sample, ret_error);
    if (r == -ERROR_DAMAGED) { /* the archive has it all */
        sample_writer_abandon(job->writer);
        job->writer = NULL;
        threshold_sample_free(*sample);
        *sample = new_sample(job);
        r = threshold_recall(job, *sample, ret_error);
    }
    if (r == 0)
        r = threshold_read(job, *sample, ret_error);
    if (r == 0)
        r = threshold_remember(job, ret_error);
    sample_writer_abandon(job->writer);
    if (r == 0 && job->rebuild->baselines)
        r = baseline_sample_end(job->rebuild->baselines, ret_error);
    return r;
}

static int compute_values(struct threshold_job *job, struct threshold_values **ret_values,
                          struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    struct threshold_sample *sample = new_sample(job);
    int r = read_values(job, &sample, ret_error);
    if (r == 0)
        r = threshold_sample_compute(sample, &rebuild->computed, ret_values, ret_error);
    job->report->spilled_bytes = threshold_sample_file_bytes(sample);
    if (rebuild->baselines)
        job->report->spilled_bytes += baseline_sample_file_bytes(rebuild->baselines);
    threshold_sample_free(sample);
    return r;
}

static int compute(struct threshold_job *job, struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    struct threshold_values *values = NULL;
    double begin = monotonic_seconds();
    int r = find_in_force(job, ret_error);
    if (r == 0)
        r = compute_values(job, &values, ret_error);
    if (r < 0)
        return r;
    size_t count = job->snapshot->threshold_count;
    bool *too_large = arena_calloc(&rebuild->computed, count, sizeof *too_large);
    check(too_large);
    threshold_limit(values, too_large, count);
    threshold_guard(job, values, too_large);
    job->report->seconds = monotonic_seconds() - begin - job->report->replay_seconds;
    rebuild->thresholds = (struct threshold_set){.thresholds = values, .threshold_count = count};
    return threshold_scores(job, &rebuild->thresholds, &rebuild->computed,
                            &rebuild->thresholds.cutoffs, &rebuild->thresholds.cutoff_count,
                            ret_error);
}

int rebuild_thresholds(struct rebuild *rebuild, struct error *ret_error) {
    struct threshold_job job = {.rebuild = rebuild,
                                .snapshot = rebuild->snapshot,
                                .newest_us = rebuild->report.tally.newest_event_time_us,
                                .report = &rebuild->report.thresholds,
                                .accepts_changes = rebuild->options->accept_changes};
    int r = rebuild_progress(rebuild, REBUILD_THRESHOLDS, 0, 0, ret_error);
    if (r < 0 || rebuild->report.tally.transactions == 0 ||
        (job.snapshot->threshold_count == 0 && job.snapshot->budget_count == 0))
        return r;
    if (!rebuild->options->keep_thresholds)
        return compute(&job, ret_error);
    r = find_in_force(&job, ret_error);
    if (r == 0 && job.in_force)
        rebuild->thresholds = *thresholds_set(job.in_force);
    return r;
}
