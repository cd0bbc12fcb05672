/* A night adds one file to the series (batch/thresholds/sample_files.h), and takes those before it
 * that are not much larger into it. A merge leaves out what no later night can read: the newest
 * event time never decreases. */
#include "threshold_recall.h"

#include "batch/thresholds/sample_files.h"
#include "batch/thresholds/sample_merge.h"
#include "rebuild_job.h"

#include "core/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Files that are open, and read at once. */
#define SERIES_MAX 32u

static void not_recalled(struct threshold_job *job, const struct error *error) {
    snprintf(job->report->reread_because, sizeof job->report->reread_because, "%.240s",
             error->text);
}

/* A rebuild elsewhere is full, and its folder need not be here the next time. */
static bool uses_files(const struct threshold_job *job) {
    return !job->rebuild->options->elsewhere && job->snapshot->threshold_count > 0;
}

bool threshold_reads_features(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        if (!snapshot->thresholds[i].reads_fields_only)
            return true;
    return false;
}

static int open_series(const struct threshold_job *job, struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    if (rebuild->misses_states && threshold_reads_features(job->snapshot))
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "transactions came later than the policy's lateness allows, for entities "
                         "that the tables do not hold");
    return sample_series_open(rebuild->options->generations, rebuild->sample_inputs,
                              rebuild->before.place, &rebuild->samples, ret_error);
}

void threshold_recall(struct threshold_job *job) {
    struct rebuild *rebuild = job->rebuild;
    struct error error;
    if (!uses_files(job))
        return;
    rebuild->sample_inputs = sample_inputs(job->snapshot);
    if (rebuild->before.place.position == 0)
        return;
    if (open_series(job, &error) < 0) {
        not_recalled(job, &error);
        return;
    }
    job->known = rebuild->before.place;
    job->report->from_position = job->known.position;
}

void threshold_forget(struct threshold_job *job, const struct error *error) {
    struct rebuild *rebuild = job->rebuild;
    not_recalled(job, error);
    sample_series_close(&rebuild->samples);
    sample_files_retain(rebuild->options->generations, 0, (struct archive_place){0});
    job->known = (struct archive_place){0};
    job->report->from_position = 0;
}

/* Every threshold and file takes a cursor when values are computed: a quarter of the memory. */
static size_t files_max(const struct threshold_job *job) {
    uint64_t cursors = job->rebuild->options->memory_bytes / 4 / SAMPLE_CURSOR_BYTES;
    uint64_t files = cursors / job->snapshot->threshold_count;
    return files < 2 ? 1 : files < SERIES_MAX ? (size_t)files : SERIES_MAX;
}

static uint64_t values_of(struct sample_file *const *files, size_t count) {
    uint64_t values = 0;
    for (size_t i = 0; i < count; i++)
        values += sample_file_values(files[i]);
    return values;
}

/* The series' files from `first` on and the sort's, as one. */
static int write_merged(const struct threshold_job *job, size_t first,
                        struct sample_file *const *sorted, size_t count,
                        struct sample_writer *writer, struct error *ret_error) {
    const struct sample_series *series = &job->rebuild->samples;
    size_t merged = series->count - first;
    struct sample_file **files =
        check_reallocarray(NULL, merged + count + 1, sizeof(struct sample_file *));
    for (size_t i = 0; i < merged; i++)
        files[i] = series->files[first + i];
    for (size_t i = 0; i < count; i++)
        files[merged + i] = sorted[i];
    int r =
        sample_merge_into(files, merged + count, job->snapshot, job->newest_us, writer, ret_error);
    free(files);
    return r;
}

static int write_file(const struct threshold_job *job, size_t first,
                      struct sample_file *const *sorted, size_t count, int file,
                      struct error *ret_error) {
    const struct rebuild *rebuild = job->rebuild;
    const struct sample_series *series = &rebuild->samples;
    const struct sample_origin origin = {
        .inputs = rebuild->sample_inputs,
        .from = first < series->count ? series->files[first]->origin.from : job->known,
        .to = rebuild->target};
    struct sample_writer *writer = sample_writer_new(file);
    int r = write_merged(job, first, sorted, count, writer, ret_error);
    if (r == 0)
        r = sample_writer_end(writer, origin, ret_error);
    sample_writer_free(writer);
    if (r == 0 && uses_files(job))
        r = sample_draft_keep(rebuild->options->generations, file, SAMPLE_SERIES_KIND,
                              rebuild->target.position, ret_error);
    return r;
}

int threshold_remember(struct threshold_job *job, struct sample_sort *sort,
                       struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    struct sample_file *const *sorted, *file;
    size_t count;
    int r = sample_sort_end(sort, &sorted, &count, ret_error);
    if (r < 0 || (job->known.position > 0 && job->known.position == rebuild->target.position))
        return r;
    int draft = uses_files(job) ? sample_draft_open(rebuild->options->generations, ret_error)
                                : rebuild_scratch_file(rebuild, ret_error);
    if (draft < 0)
        return -(int)ret_error->code;
    size_t first =
        sample_series_first_merged(&rebuild->samples, values_of(sorted, count), files_max(job));
    r = write_file(job, first, sorted, count, draft, ret_error);
    if (r < 0) {
        close(draft);
        if (uses_files(job))
            sample_draft_remove(rebuild->options->generations);
        return r;
    }
    r = sample_file_open(draft, &file, ret_error);
    if (r < 0)
        return r;
    sample_series_cut(&rebuild->samples, first);
    sample_series_add(&rebuild->samples, file);
    return 0;
}
