/* The scan phase. Threads take whole segments and hand each record to a rebuild_records.h of their
 * own, which writes its entries to the streams.
 *
 * Each thread starts with a contiguous share of the segments and, when it is done, steals from the
 * end of the largest share left. So a stream is nearly in archive order, which is nearly the order
 * of event times, and the fold has little to sort. */
#include "rebuild_scan.h"

#include "batch/base/record_bytes.h"
#include "rebuild_job.h"
#include "rebuild_policy.h"
#include "rebuild_records.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <pthread.h>
#include <stdlib.h>

struct scan_thread {
    struct record_scan records;
    struct arena arena;         /* of the record being looked at */
    struct list_parcel *parcel; /* of the part that is being read */
    struct later_policy later;
    size_t part; /* being read; counted from the first part of the scan */
};

/* Parts still to be read of a thread's share: it takes them from the front, thieves from the end.
 */
struct share {
    size_t first, end;
};

struct scan {
    struct rebuild *rebuild;
    struct scan_thread *threads;
    struct list_queue *lists;
    size_t first;         /* part */
    pthread_mutex_t lock; /* of the shares */
    struct share *shares; /* one per thread */
    uint64_t after;
    atomic_bool guessed_wrong; /* about the policy */
    atomic_ullong done;        /* bytes */
};

static int take_record(struct scan_thread *thread, const struct record *record,
                       struct error *ret_error) {
    thread->records.sums.records++;
    list_parcel_take(thread->parcel, record);
    return record_scan_take(&thread->records, record, ret_error);
}

static int take_policy(struct scan *scan, struct scan_thread *thread, const struct record *record,
                       struct thread_pool *thread_pool) {
    thread->records.sums.records++;
    if (!rebuild_note_policy(scan->rebuild, record, &thread->later)) {
        atomic_store(&scan->guessed_wrong, true);
        thread_pool_stop(thread_pool);
    }
    return 0;
}

static int scan_records(struct scan *scan, struct scan_thread *thread,
                        struct thread_pool *thread_pool, struct archive_part_reader *reader,
                        struct error *ret_error) {
    struct archive_part_record found;
    uint64_t reported = 0;
    unsigned count = 0;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        if (++count % REBUILD_STEP == 0) {
            if (thread_pool_is_stopped(thread_pool))
                return 0;
            uint64_t offset = archive_part_offset(reader);
            atomic_fetch_add(&scan->done, offset - reported);
            reported = offset;
        }
        if (!rebuild_needs(scan->rebuild, &found)) {
            thread->records.sums.records++;
            continue;
        }
        struct record record;
        arena_reset(&thread->arena);
        r = archive_part_decode(reader, &thread->arena, &record, ret_error);
        if (r == 0)
            r = record.type == RECORD_SNAPSHOT ? take_policy(scan, thread, &record, thread_pool)
                                               : take_record(thread, &record, ret_error);
        if (r < 0)
            return r;
    }
    atomic_fetch_add(&scan->done, archive_part_offset(reader) - reported);
    return r;
}

/* The next part for this thread: the first of its own share, or the last of the largest share. Jobs
 * are as many as parts, so there is always one left. */
static size_t take_part(struct scan *scan, size_t worker) {
    pthread_mutex_lock(&scan->lock);
    struct share *share = &scan->shares[worker];
    size_t part = share->first;
    if (share->first < share->end) {
        share->first++;
    } else {
        for (size_t i = 0; i < scan->rebuild->threads; i++)
            if (scan->shares[i].end - scan->shares[i].first > share->end - share->first)
                share = &scan->shares[i];
        check(share->first < share->end);
        part = --share->end;
    }
    pthread_mutex_unlock(&scan->lock);
    return part;
}

static int scan_part(void *user, struct thread_pool *thread_pool, size_t worker, size_t job,
                     struct error *ret_error) {
    (void)job;
    struct scan *scan = user;
    struct rebuild *rebuild = scan->rebuild;
    struct scan_thread *thread = &scan->threads[worker];
    struct archive_part_reader *reader;
    size_t part = take_part(scan, worker);
    int r = archive_part_open(rebuild->parts, part, scan->after, rebuild->options->drop_cache,
                              &reader, ret_error);
    if (r < 0)
        return r;
    thread->part = part - scan->first;
    thread->parcel = list_queue_parcel(scan->lists, thread->part);
    spill_set_sequence(thread->records.writer, (uint32_t)part);
    r = scan_records(scan, thread, thread_pool, reader, ret_error);
    archive_part_close(reader);
    return r < 0 || thread_pool_is_stopped(thread_pool)
               ? r
               : list_queue_finish(scan->lists, thread->part, ret_error);
}

static void open_thread(struct rebuild *rebuild, struct scan_thread *thread) {
    *thread = (struct scan_thread){0};
    record_scan_open(&thread->records, rebuild);
    arena_init(&thread->arena, RECORD_BYTES_MAX);
}

static int close_thread(struct scan_thread *thread, int result, struct error *ret_error) {
    arena_deinit(&thread->arena);
    return record_scan_close(&thread->records, result, ret_error);
}

static void divide_parts(struct scan *scan, size_t count) {
    size_t first = scan->first, threads = scan->rebuild->threads;
    lock_init(&scan->lock, LOCK_REBUILD_SCAN);
    scan->shares = check_calloc(threads, sizeof *scan->shares);
    for (size_t i = 0; i < threads; i++)
        scan->shares[i] = (struct share){.first = first + i * count / threads,
                                         .end = first + (i + 1) * count / threads};
}

/* Keeps the later of the two, frees the other. */
static void take_later(struct later_policy *later, struct later_policy *other) {
    if (other->position > later->position) {
        struct later_policy before = *later;
        *later = *other;
        *other = before;
    }
    snapshot_unref(other->snapshot);
}

int rebuild_scan(struct rebuild *rebuild, struct error *ret_error) {
    struct scan scan = {
        .rebuild = rebuild,
        .after = rebuild->before.place.position,
        .first = archive_parts_find(rebuild->parts, rebuild->before.place.position),
    };
    size_t jobs = archive_parts_count(rebuild->parts) - scan.first;
    uint64_t total = 0;
    for (size_t i = 0; i < jobs; i++)
        total += archive_parts_size(rebuild->parts, scan.first + i);
    divide_parts(&scan, jobs);
    scan.threads = check_calloc(rebuild->threads, sizeof *scan.threads);
    scan.lists = list_queue_new(rebuild->lists, rebuild->sources, jobs);
    for (size_t i = 0; i < rebuild->threads; i++)
        open_thread(rebuild, &scan.threads[i]);
    struct thread_pool *thread_pool = thread_pool_start(rebuild->threads, jobs, scan_part, &scan);
    int r = rebuild_await(rebuild, thread_pool, REBUILD_SCAN, &scan.done, total, ret_error);
    struct sums sums = REBUILD_SUMS_NONE;
    struct later_policy later = {0};
    for (size_t i = 0; i < rebuild->threads; i++) {
        take_later(&later, &scan.threads[i].later);
        r = close_thread(&scan.threads[i], r, ret_error);
        rebuild_add_sums(&sums, &scan.threads[i].records.sums);
    }
    free(scan.threads);
    list_queue_free(scan.lists);
    free(scan.shares);
    pthread_mutex_destroy(&scan.lock);
    rebuild_take_sums(rebuild, &sums);
    rebuild->report.spilled_bytes = spill_file_bytes(rebuild->spill);
    if (r == 0 && !atomic_load(&scan.guessed_wrong))
        rebuild_use_later_policy(rebuild, &later);
    snapshot_unref(later.snapshot);
    return r < 0 ? r : atomic_load(&scan.guessed_wrong);
}
