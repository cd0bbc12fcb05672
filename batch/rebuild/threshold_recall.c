/* A night adds one file to the series (batch/thresholds/sample_files.h). Old values drop out of a
 * period but stay in their file; when the series is long, a night writes all values that are still
 * in a period into one file that begins a new series. */
#include "threshold_recall.h"

#include "batch/thresholds/sample_files.h"
#include "rebuild_job.h"

#include "core/base/check.h"

#include <inttypes.h>

/* Files that are read one after the other, and kept open. With a rebuild every hour a day's worth,
 * and one that writes a whole period now and then. */
#define SERIES_MAX 32u

struct recall {
    struct threshold_job *job;
    struct threshold_sample *sample;
    struct sample_writer *writer; /* of a new series; NULL: the series goes on */
};

/* Keeps the values of the periods, in their order. */
static size_t keep_in_period(const struct threshold_job *job, struct threshold_value *values,
                             size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t over_us = job->snapshot->thresholds[values[i].threshold].over_us;
        if (!threshold_in_period(job, values[i].event_time_us, over_us))
            continue;
        if (kept != i)
            values[kept] = values[i];
        kept++;
    }
    return kept;
}

static int take(void *user, struct threshold_value *values, size_t count, struct error *ret_error) {
    const struct recall *recall = user;
    for (size_t i = 0; i < count; i++)
        if (values[i].threshold >= recall->job->snapshot->threshold_count)
            return error_set(ret_error, ERROR_DAMAGED, "there is no threshold %zu",
                             values[i].threshold);
    count = keep_in_period(recall->job, values, count);
    int r = threshold_sample_put(recall->sample, values, count, ret_error);
    if (r == 0 && recall->writer)
        r = sample_writer_put(recall->writer, values, count, ret_error);
    return r;
}

static int read_series(struct threshold_job *job, const struct sample_files *files,
                       struct threshold_sample *sample, struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    struct recall recall = {.job = job, .sample = sample};
    bool is_long = sample_files_count(files) >= SERIES_MAX;
    if (is_long)
        recall.writer = job->writer;
    int r = sample_files_read(files, take, &recall, ret_error);
    if (r < 0)
        return r;
    job->known = rebuild->before.place;
    if (!is_long)
        rebuild->samples_from = job->known;
    return 0;
}

int threshold_recall(struct threshold_job *job, struct threshold_sample *sample,
                     struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    const char *generations = rebuild->options->generations;
    if (rebuild->options->elsewhere || job->snapshot->threshold_count == 0)
        return 0;
    rebuild->sample_inputs = sample_inputs(job->snapshot);
    int r = sample_writer_open(generations, &job->writer, ret_error);
    if (r < 0)
        return r;
    struct sample_files *files =
        sample_files_find(generations, rebuild->sample_inputs, rebuild->before.place);
    if (!files)
        return 0;
    r = read_series(job, files, sample, ret_error);
    sample_files_free(files);
    if (r == -ERROR_DAMAGED)
        sample_files_retain(generations, 0, (struct archive_place){0});
    job->report->from_position = job->known.position;
    return r;
}

int threshold_remember(struct threshold_job *job, struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    struct sample_writer *writer = job->writer;
    job->writer = NULL;
    if (!writer)
        return 0;
    return sample_writer_finish(writer, rebuild->sample_inputs, rebuild->samples_from,
                                rebuild->target, ret_error);
}
