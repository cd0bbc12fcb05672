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
#include "batch/thresholds/sample_compute.h"
#include "batch/thresholds/sample_files.h"
#include "batch/thresholds/threshold_guard.h"
#include "batch/thresholds/threshold_job.h"
#include "rebuild_job.h"
#include "rebuild_policy.h"
#include "threshold_read.h"
#include "threshold_recall.h"
#include "threshold_scores.h"

#include "core/base/check.h"
#include "core/base/value.h"

#include <stdio.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Tasks elsewhere have seen it; the archive need not be here. */
static int find_last_generation(struct rebuild *rebuild, struct buffer *ret_payload,
                                struct error *ret_error) {
    const struct buffer *seen = &rebuild->last_generation;
    if (!rebuild->options->elsewhere && rebuild->adopted_id == 0) /* the scan has seen none */
        return 0;
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

/* The sort is gone when values are computed: their memory does not add up. A replay runs beside
 * it. */
#define SORT_SHARE        2
#define SORT_SHARE_REPLAY 4

/* What earlier nights read, and what is new, in files. */
static int read_values(struct threshold_job *job, struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    size_t share = threshold_reads_features(job->snapshot) ? SORT_SHARE_REPLAY : SORT_SHARE;
    const struct sample_sort_options options = {
        .snapshot = job->snapshot,
        .memory_bytes = (size_t)rebuild->options->memory_bytes / share,
        .newest_us = job->newest_us,
        .make_file = rebuild_scratch_file,
        .user = rebuild,
    };
    if (job->snapshot->threshold_count == 0) /* only budgets */
        return 0;
    struct sample_sort *sort = sample_sort_new(&options);
    int r = threshold_read(job, sort, ret_error);
    if (r == 0)
        r = threshold_remember(job, sort, ret_error);
    job->report->spilled_bytes = sample_sort_file_bytes(sort);
    sample_sort_free(sort);
    return r;
}

static int read_and_compute(struct threshold_job *job, struct threshold_values **ret_values,
                            struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    int r = read_values(job, ret_error);
    const struct sample_values sample = {.snapshot = job->snapshot,
                                         .newest_us = job->newest_us,
                                         .files = rebuild->samples.files,
                                         .file_count = rebuild->samples.count,
                                         .memory_bytes = (size_t)rebuild->options->memory_bytes};
    return r < 0 ? r : sample_compute(&sample, &rebuild->computed, ret_values, ret_error);
}

/* What rebuilds that failed have left: a disk that is nearly full must not become fuller with each
 * of them. */
static void remove_left_over(const struct threshold_job *job) {
    const struct rebuild_options *options = job->rebuild->options;
    struct generation_manifest current;
    struct error ignored;
    if (options->elsewhere)
        return;
    if (generation_current_manifest(options->generations, &current, &ignored) < 0)
        current.place = (struct archive_place){0};
    sample_files_retain(options->generations, sample_inputs(job->snapshot), current.place);
}

/* Computing reads all bytes of the files, so damage is noticed here, before anything is
 * published. */
static int compute_values(struct threshold_job *job, struct threshold_values **ret_values,
                          struct error *ret_error) {
    struct rebuild_elsewhere *elsewhere = job->rebuild->options->elsewhere;
    if (elsewhere) {
        threshold_choose(job);
        return elsewhere->values(elsewhere, job, ret_values, ret_error);
    }
    threshold_recall(job);
    remove_left_over(job);
    int r = read_and_compute(job, ret_values, ret_error);
    if (r == -ERROR_DAMAGED && job->known.position > 0) { /* the archive has it all */
        threshold_forget(job, ret_error);
        r = read_and_compute(job, ret_values, ret_error);
    }
    return r;
}

/* Thresholds stay as they are, but a later night need not read these records again. Without the
 * values before them that would be all records: left to a night that needs them. */
static int keep_values(struct threshold_job *job, struct error *ret_error) {
    threshold_recall(job);
    remove_left_over(job);
    if (job->known.position == 0) {
        job->rebuild->sample_inputs = 0;
        return 0;
    }
    int r = read_values(job, ret_error);
    if (r == -ERROR_DAMAGED) {
        threshold_forget(job, ret_error);
        r = 0;
    }
    return r;
}

/* Values from before a pruned archive's beginning are known if earlier nights have kept them. */
static void warn_of_periods(const struct threshold_job *job) {
    const struct snapshot *snapshot = job->snapshot;
    struct rebuild *rebuild = job->rebuild;
    const struct archive_begin *begin = archive_parts_begin(rebuild->parts);
    int64_t longest_us = 0;
    char since[64];
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        if (snapshot->thresholds[i].over_us > longest_us)
            longest_us = snapshot->thresholds[i].over_us;
    for (size_t i = 0; i < snapshot->budget_count; i++)
        if (snapshot->budgets[i].over_us > longest_us)
            longest_us = snapshot->budgets[i].over_us;
    if (begin->place.position == 0 || job->known.position > 0 || *rebuild->report.warning ||
        job->newest_us - longest_us >= begin->time_us)
        return;
    value_format(value_timestamp(begin->time_us), since, sizeof since);
    snprintf(rebuild->report.warning, sizeof rebuild->report.warning,
             "thresholds and cut-offs look back further than the archive, which begins after %s "
             "since a prune, and no earlier night has kept the values: they are computed from what "
             "is left",
             since);
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
    warn_of_periods(job);
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

/* The fold has freed its memory, and the C library may keep it for itself: it would add up with
 * what comes now. */
static void give_back_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

int rebuild_thresholds(struct rebuild *rebuild, struct error *ret_error) {
    struct threshold_job job = {.rebuild = rebuild,
                                .snapshot = rebuild->snapshot,
                                .newest_us = rebuild->report.tally.newest_event_time_us,
                                .report = &rebuild->report.thresholds,
                                .accepts_changes = rebuild->options->accept_changes,
                                .accepted = rebuild->options->accepted};
    int r = rebuild_progress(rebuild, REBUILD_THRESHOLDS, 0, 0, ret_error);
    if (r < 0 || rebuild->report.tally.transactions == 0 ||
        (job.snapshot->threshold_count == 0 && job.snapshot->budget_count == 0))
        return r;
    give_back_memory();
    if (!rebuild->options->keep_thresholds)
        return compute(&job, ret_error);
    r = find_in_force(&job, ret_error);
    if (r == 0 && job.in_force)
        rebuild->thresholds = *thresholds_set(job.in_force);
    if (r == 0 && job.snapshot->threshold_count > 0)
        r = keep_values(&job, ret_error);
    if (r == 0)
        r = threshold_scores_continue(&job, &rebuild->thresholds, ret_error);
    return r;
}
