/* The values that thresholds are computed from. Most thresholds depend on a transaction's own
 * fields only: these are read from the records, by all threads. A threshold over features needs the
 * states as they were at each transaction, which the archive does not hold: for those, the archive
 * is replayed. Either begins behind what earlier nights have read (threshold_recall.h); the replay
 * then starts from the tables of that place. */
#include "threshold_read.h"

#include "batch/base/monotonic.h"
#include "batch/base/record_bytes.h"
#include "batch/replay/replay.h"
#include "batch/thresholds/threshold_collector.h"
#include "rebuild_job.h"

#include "core/base/check.h"

#include <stdlib.h>

#define STATES_SHARE 8 /* of the memory, for a replay's states beside the sort */

/* ---- from the records ---- */

struct reading_thread {
    struct threshold_collector collector;
    struct arena record;
};

struct reading_all {
    const struct threshold_job *job;
    size_t first_part;
    struct reading_thread *threads;
    atomic_ullong done; /* bytes */
};

static int put(void *user, const struct threshold_value *values, size_t count,
               struct error *ret_error) {
    return sample_sort_put(user, values, count, ret_error);
}

static void open_thread(struct reading_thread *thread, const struct threshold_job *job,
                        struct sample_sort *sort) {
    threshold_collector_init(&thread->collector, job, true, put, sort);
    arena_init(&thread->record, RECORD_BYTES_MAX);
}

static int close_thread(struct reading_thread *thread, int result, struct error *ret_error) {
    if (result == 0)
        result = threshold_collector_flush(&thread->collector, ret_error);
    threshold_collector_deinit(&thread->collector);
    arena_deinit(&thread->record);
    return result;
}

static int read_records(struct reading_thread *thread, const struct thread_pool *thread_pool,
                        struct archive_part_reader *reader, struct error *ret_error) {
    struct archive_part_record found;
    unsigned count = 0;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        struct record record;
        if (++count % REBUILD_STEP == 0 && thread_pool_is_stopped(thread_pool))
            return 0;
        if (found.type != RECORD_TRANSACTION)
            continue;
        arena_reset(&thread->record);
        r = archive_part_decode(reader, &thread->record, &record, ret_error);
        if (r == 0)
            r = threshold_collector_record(&thread->collector, &record.transaction.transaction,
                                           ret_error);
        if (r < 0)
            return r;
    }
    return r;
}

static int read_part(void *user, struct thread_pool *thread_pool, size_t worker, size_t job,
                     struct error *ret_error) {
    struct reading_all *all = user;
    struct rebuild *rebuild = all->job->rebuild;
    struct archive_part_reader *reader;
    size_t part = all->first_part + job;
    int r = archive_part_open(rebuild->parts, part, all->job->known.position,
                              rebuild->options->drop_cache, &reader, ret_error);
    if (r < 0)
        return r;
    r = read_records(&all->threads[worker], thread_pool, reader, ret_error);
    archive_part_close(reader);
    atomic_fetch_add(&all->done, archive_parts_size(rebuild->parts, part));
    return r;
}

static int read_all(struct threshold_job *job, struct sample_sort *sort, struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    struct reading_all all = {.job = job};
    if (threshold_longest_us(job, true) == 0)
        return 0;
    size_t parts = archive_parts_count(rebuild->parts);
    uint64_t total = 0;
    all.first_part = archive_parts_find(rebuild->parts, job->known.position);
    for (size_t i = all.first_part; i < parts; i++)
        total += archive_parts_size(rebuild->parts, i);
    all.threads = check_calloc(rebuild->threads, sizeof *all.threads);
    for (size_t i = 0; i < rebuild->threads; i++)
        open_thread(&all.threads[i], job, sort);
    struct thread_pool *thread_pool =
        thread_pool_start(rebuild->threads, parts - all.first_part, read_part, &all);
    int r = rebuild_await(rebuild, thread_pool, REBUILD_THRESHOLDS, &all.done, total, ret_error);
    for (size_t i = 0; i < rebuild->threads; i++)
        r = close_thread(&all.threads[i], r, ret_error);
    free(all.threads);
    return r;
}

/* ---- from a replay ---- */

/* Reports the replay's stages as progress of the thresholds phase. */
struct phase_progress {
    struct progress progress;
    struct threshold_job *job;
};

static int report_phase(struct progress *self, const char *stage, uint64_t done, uint64_t total) {
    (void)stage;
    struct phase_progress *phase = (struct phase_progress *)self;
    struct error ignored; /* the replay says that it was interrupted */
    return rebuild_progress(phase->job->rebuild, REBUILD_THRESHOLDS, done, total, &ignored);
}

int threshold_replay(struct threshold_job *job, struct replay_options *options,
                     const struct replay_listener *listener, struct error *ret_error) {
    struct phase_progress phase = {.progress.update = report_phase, .job = job};
    struct replay *replay;
    struct replay_report report;
    options->archive = job->rebuild->options->archive;
    options->until = job->rebuild->target;
    options->threads = job->rebuild->threads;
    options->state_files =
        (struct state_shelf_files){.make_file = rebuild_scratch_file, .user = job->rebuild};
    int r = replay_open(options, &phase.progress, &replay, ret_error);
    if (r < 0)
        return r;
    r = replay_run(replay, listener, &phase.progress, &report, ret_error);
    replay_close(replay);
    return r;
}

static int take_row(void *user, const struct replay_row *row, struct error *ret_error) {
    if (!row->decision) /* refused by the policy: no features were read */
        return 0;
    return threshold_collector_frame(user, row->record->transaction.transaction.event_time_us,
                                     engine_frame(row->engine), ret_error);
}

static int read_replayed(struct threshold_job *job, struct sample_sort *sort,
                         struct error *ret_error) {
    int64_t longest_us = threshold_longest_us(job, false);
    if (longest_us == 0)
        return 0;
    double begin = monotonic_seconds();
    struct threshold_collector collector;
    threshold_collector_init(&collector, job, false, put, sort);
    const struct replay_listener listener = {.row = take_row, .user = &collector};
    struct replay_options options = {.snapshot = job->rebuild->snapshot,
                                     .from_us = job->newest_us - longest_us + 1,
                                     .start = job->known,
                                     .state_bytes =
                                         job->rebuild->options->memory_bytes / STATES_SHARE};
    if (job->known.position > 0)
        options.generations = job->rebuild->options->generations;
    int r = threshold_replay(job, &options, &listener, ret_error);
    if (r == 0)
        r = threshold_collector_flush(&collector, ret_error);
    threshold_collector_deinit(&collector);
    job->report->replay_seconds += monotonic_seconds() - begin;
    return r;
}

/* Was a list that the threshold reads changed at run time? Then its content at each transaction
 * depends on the records before. */
static bool reads_changed_list(const struct threshold_job *job, const struct threshold *threshold) {
    for (size_t i = 0; i < threshold->list_count; i++) {
        const struct list *list = &job->snapshot->lists[threshold->lists[i]];
        if (!list->is_fixed && list_table_find(job->rebuild->lists, list->name))
            return true;
    }
    return false;
}

void threshold_choose(struct threshold_job *job) {
    const struct snapshot *snapshot = job->snapshot;
    job->reads_records = arena_calloc(&job->rebuild->computed, snapshot->threshold_count,
                                      sizeof *job->reads_records);
    check(job->reads_records);
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        job->reads_records[i] = snapshot->thresholds[i].reads_fields_only &&
                                !reads_changed_list(job, &snapshot->thresholds[i]);
}

int threshold_read(struct threshold_job *job, struct sample_sort *sort, struct error *ret_error) {
    threshold_choose(job);
    int r = read_all(job, sort, ret_error);
    return r < 0 ? r : read_replayed(job, sort, ret_error);
}
