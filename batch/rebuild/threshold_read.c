/* The values that thresholds are computed from. Most thresholds depend on a transaction's own
 * fields only: these are read from the records, by all threads. A threshold over features needs the
 * states as they were at each transaction, which the archive does not hold: for those, the archive
 * is replayed. Either begins behind what earlier nights have read (threshold_recall.h); the replay
 * then starts from the tables of that place. */
#include "threshold_read.h"

#include "batch/base/monotonic.h"
#include "batch/base/record_bytes.h"
#include "batch/replay/replay.h"
#include "batch/thresholds/threshold_job.h"
#include "rebuild_job.h"

#include "core/base/check.h"

#include <stdlib.h>

#define TEXT_BYTES_MAX (1u << 20) /* that expressions build for one transaction */
#define STATES_SHARE   8          /* of the memory, for a replay's states beside the sort */
#define WAITING_MAX    256u       /* values that a thread puts at once: the sort has one lock */

/* ---- values of one thread ---- */

struct collector {
    const struct threshold_job *job;
    struct sample_sort *sort;
    bool from_records; /* which thresholds: job->reads_records has this value */
    struct arena texts;
    struct threshold_value *waiting;
    size_t count;
};

static void collector_init(struct collector *collector, const struct threshold_job *job,
                           struct sample_sort *sort, bool from_records) {
    *collector = (struct collector){.job = job, .sort = sort, .from_records = from_records};
    collector->waiting = check_calloc(WAITING_MAX, sizeof *collector->waiting);
    arena_init(&collector->texts, TEXT_BYTES_MAX);
}

static void collector_deinit(struct collector *collector) {
    free(collector->waiting);
    arena_deinit(&collector->texts);
}

static int collector_flush(struct collector *collector, struct error *ret_error) {
    size_t count = collector->count;
    collector->count = 0;
    return sample_sort_put(collector->sort, collector->waiting, count, ret_error);
}

/* Collects the values of one transaction, for thresholds whose period includes it. */
static int collector_take(struct collector *collector, int64_t event_time_us,
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
        if (++collector->count == WAITING_MAX)
            r = collector_flush(collector, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The longest period of these thresholds; 0: there are none. */
static int64_t longest_period(const struct threshold_job *job, bool from_records) {
    const struct snapshot *snapshot = job->snapshot;
    int64_t longest = 0;
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        if (job->reads_records[i] == from_records && snapshot->thresholds[i].over_us > longest)
            longest = snapshot->thresholds[i].over_us;
    return longest;
}

/* ---- from the records ---- */

struct reading_thread {
    struct collector collector;
    struct arena record;
    struct arena texts;
    struct bound bound;
};

struct reading_all {
    const struct threshold_job *job;
    size_t first_part;
    int64_t longest_us;
    struct reading_thread *threads;
    atomic_ullong done; /* bytes */
};

static void open_thread(struct reading_thread *thread, const struct threshold_job *job,
                        struct sample_sort *sort) {
    collector_init(&thread->collector, job, sort, true);
    arena_init(&thread->record, RECORD_BYTES_MAX);
    arena_init(&thread->texts, SCHEMA_TEXTS_MAX);
    thread->bound = (struct bound){
        .frame = check_calloc(job->snapshot->slot_count, sizeof *thread->bound.frame),
        .integers = check_calloc(job->snapshot->schema.field_count, sizeof *thread->bound.integers),
        .texts = &thread->texts,
    };
}

static int close_thread(struct reading_thread *thread, int result, struct error *ret_error) {
    if (result == 0)
        result = collector_flush(&thread->collector, ret_error);
    collector_deinit(&thread->collector);
    arena_deinit(&thread->record);
    arena_deinit(&thread->texts);
    free(thread->bound.frame);
    free(thread->bound.integers);
    return result;
}

static int take_record(const struct reading_all *all, struct reading_thread *thread,
                       const struct transaction *transaction, struct error *ret_error) {
    struct text field;
    struct error ignored; /* a field that does not fit the schema is bound as absent */
    if (!threshold_in_period(all->job, transaction->event_time_us, all->longest_us))
        return 0;
    schema_bind(&all->job->snapshot->schema, transaction, BIND_LENIENT, &thread->bound, &field,
                &ignored);
    return collector_take(&thread->collector, transaction->event_time_us, thread->bound.frame,
                          ret_error);
}

static int read_records(struct reading_all *all, struct reading_thread *thread,
                        const struct thread_pool *thread_pool, struct archive_part_reader *reader,
                        struct error *ret_error) {
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
            r = take_record(all, thread, &record.transaction.transaction, ret_error);
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
    r = read_records(all, &all->threads[worker], thread_pool, reader, ret_error);
    archive_part_close(reader);
    atomic_fetch_add(&all->done, archive_parts_size(rebuild->parts, part));
    return r;
}

static int read_all(struct threshold_job *job, struct sample_sort *sort, struct error *ret_error) {
    struct rebuild *rebuild = job->rebuild;
    struct reading_all all = {.job = job, .longest_us = longest_period(job, true)};
    if (all.longest_us == 0)
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
    return collector_take(user, row->record->transaction.transaction.event_time_us,
                          engine_frame(row->engine), ret_error);
}

static int read_replayed(struct threshold_job *job, struct sample_sort *sort,
                         struct error *ret_error) {
    int64_t longest_us = longest_period(job, false);
    if (longest_us == 0)
        return 0;
    double begin = monotonic_seconds();
    struct collector collector;
    collector_init(&collector, job, sort, false);
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
        r = collector_flush(&collector, ret_error);
    collector_deinit(&collector);
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

int threshold_read(struct threshold_job *job, struct sample_sort *sort, struct error *ret_error) {
    const struct snapshot *snapshot = job->snapshot;
    job->reads_records = arena_calloc(&job->rebuild->computed, snapshot->threshold_count,
                                      sizeof *job->reads_records);
    check(job->reads_records);
    for (size_t i = 0; i < snapshot->threshold_count; i++)
        job->reads_records[i] = snapshot->thresholds[i].reads_fields_only &&
                                !reads_changed_list(job, &snapshot->thresholds[i]);
    int r = read_all(job, sort, ret_error);
    return r < 0 ? r : read_replayed(job, sort, ret_error);
}
