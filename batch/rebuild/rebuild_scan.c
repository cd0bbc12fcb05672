/* The scan phase. Threads take whole segments, derive each record's entries for its entities, and
 * write each entry to the stream of its entity's table and key range.
 *
 * Each thread starts with a contiguous share of the segments and, when it is done, steals from the
 * end of the largest share left. So a stream is nearly in archive order, which is nearly the order
 * of event times, and the fold has little to sort. */
#include "rebuild_scan.h"

#include "batch/base/record_bytes.h"
#include "rebuild_job.h"
#include "rebuild_policy.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/feature/state/bulk.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct scan_thread {
    struct entry_sink sink;
    struct rebuild *rebuild;
    struct engine *engine;
    struct arena arena; /* of the record being looked at */
    struct spill_writer *writer;
    size_t *body_max; /* bytes; of each entity */
    uint64_t id_hash; /* of the current transaction; 0: not known yet */
    struct sums sums;
    struct list_queue *lists;
    struct later_policy later;
    size_t part; /* being read; counted from the first part of the scan */
    int failed;  /* an error of the sink, whose take() returns nothing */
    struct error error;
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

/* ---- streams ---- */

/* Upper bound for the encoded body of an entry. */
static size_t body_max(const struct entity_plan *plan) {
    size_t size = 8 + 5 + 5 + 5 * plan->filter_count; /* id hash, mask, tally */
    for (size_t i = 0; i < plan->column_count; i++)
        size += plan->columns[i].type == COLUMN_TEXT ? 2 + COLUMN_TEXT_MAX : BUFFER_VARINT_MAX;
    check(size <= BULK_BODY_MAX);
    return size;
}

/* Encodes an entry (format: rebuild_job.h) where there is room for the longest. *note: time of the
 * entry before it in the block. Returns the end. */
static uint8_t *put_entry(uint8_t *head, int64_t *note, const struct entity_plan *plan,
                          struct text rest, const struct entry *entry) {
    uint8_t *at = head + 2;
    head[0] = rest.length < UINT8_MAX ? (uint8_t)rest.length : UINT8_MAX;
    if (__builtin_expect(rest.length >= UINT8_MAX, 0)) {
        store_u16(at, (uint16_t)rest.length);
        at += 2;
    }
    uint8_t *long_size = at;
    uint64_t difference = (uint64_t)entry->time_us - (uint64_t)*note;
    *note = entry->time_us;
    at = varint_put(at, zigzag((int64_t)difference) << 1 | entry->transaction);
    memcpy(at, rest.data, rest.length);
    at += rest.length;
    size_t size = bulk_encode(plan, entry, at);
    head[1] = size < UINT8_MAX ? (uint8_t)size : UINT8_MAX;
    at += size;
    if (__builtin_expect(size >= UINT8_MAX, 0)) { /* rare: make room for the two-byte length */
        memmove(long_size + 2, long_size, (size_t)(at - long_size));
        store_u16(long_size, (uint16_t)size);
        at += 2;
    }
    return at;
}

/* entry_sink: one entry of the current record. Entities without features (reach 0) keep no state,
 * so nothing is written for them. */
static void take_entry(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                       const struct entry *entry) {
    (void)key_hash; /* streams go by order, not by hash */
    struct scan_thread *thread = (struct scan_thread *)self;
    const struct rebuild *rebuild = thread->rebuild;
    const struct entity_plan *plan = &rebuild->plan->entities[entity];
    thread->id_hash = entry->id_hash;
    if (thread->failed < 0 || plan->reach_us == 0)
        return;
    struct text rest;
    size_t range = ranges_find(&rebuild->ranges[entity], key, &rest);
    size_t room = STREAM_ENTRY_HEAD_MAX + rest.length + thread->body_max[entity];
    struct spill_open *open =
        spill_room(thread->writer, rebuild->first_stream[entity] + range, room, &thread->error);
    if (!open) {
        thread->failed = -(int)thread->error.code;
        return;
    }
    uint8_t *end = put_entry(open->at, &open->note, plan, rest, entry);
    spill_put(open, (size_t)(end - open->at));
}

/* Both items of a label go into one block: blocks of several writers are interleaved when they are
 * read, and a pair must not be. */
static int put_ids(struct scan_thread *thread, const struct stream_id *ids, size_t count,
                   struct error *ret_error) {
    const struct rebuild *rebuild = thread->rebuild;
    size_t entities = rebuild->plan->entity_count;
    size_t range = ranges_find_hash(rebuild->id_ranges, ids[0].id_hash);
    struct spill_open *open = spill_room(thread->writer, rebuild->first_stream[entities] + range,
                                         2 * STREAM_ID_SIZE, ret_error);
    if (!open)
        return -(int)ret_error->code;
    memcpy(open->at, ids, count * STREAM_ID_SIZE);
    spill_put(open, count * STREAM_ID_SIZE);
    return 0;
}

/* ---- records ---- */

static int take_transaction(struct scan_thread *thread, const struct record *record,
                            struct error *ret_error) {
    const struct transaction *transaction = &record->transaction.transaction;
    struct sums *sums = &thread->sums;
    sums->transactions++;
    if (sums->newest_event_time_us < transaction->event_time_us)
        sums->newest_event_time_us = transaction->event_time_us;
    check(record->position < UINT64_C(1) << 56);
    const struct stream_id id = {.id_hash =
                                     thread->id_hash ? thread->id_hash : hash_text(transaction->id),
                                 .packed = record->position << 8};
    return put_ids(thread, &id, 1, ret_error);
}

static int take_outcome(struct scan_thread *thread, const struct record *record,
                        struct error *ret_error) {
    const struct outcome_record *outcome = &record->outcome;
    struct sums *sums = &thread->sums;
    sums->outcomes++;
    if (outcome->previous != LABEL_NONE)
        sums->labels[outcome->previous]--;
    if (outcome->label != LABEL_NONE)
        sums->labels[outcome->label]++;
    if (outcome->transaction_position == 0) /* an outcome of an unknown transaction */
        return 0;
    check(record->position < UINT64_C(1) << 56);
    uint64_t id_hash = hash_text(outcome->transaction.id);
    if (outcome->transaction_position >= record->position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: the outcome at position %" PRIu64 " refers to a later transaction",
                         thread->rebuild->options->archive, record->position);
    const struct stream_id ids[2] = {
        {.id_hash = id_hash,
         .packed =
             outcome->transaction_position << 8 | STREAM_ID_LABELLED | (uint64_t)outcome->label},
        {.id_hash = id_hash, .packed = record->position << 8 | STREAM_ID_BY}};
    return put_ids(thread, ids, 2, ret_error);
}

static void note_generation(struct sums *sums, const struct record *record) {
    if (record->position <= sums->newest_generation_position)
        return;
    sums->newest_generation = record->generation.generation_id;
    sums->newest_generation_position = record->position;
}

static int take_record(struct scan_thread *thread, const struct record *record,
                       struct error *ret_error) {
    thread->sums.records++;
    if (thread->sums.newest_receive_us < record->receive_time_us)
        thread->sums.newest_receive_us = record->receive_time_us;
    thread->id_hash = 0;
    engine_entries(thread->engine, record, &thread->sink);
    if (thread->failed < 0) {
        *ret_error = thread->error;
        return thread->failed;
    }
    switch (record->type) {
    case RECORD_TRANSACTION:
        return take_transaction(thread, record, ret_error);
    case RECORD_OUTCOME:
        return take_outcome(thread, record, ret_error);
    case RECORD_LIST_CHANGE:
        list_queue_put(thread->lists, thread->part, record);
        break;
    case RECORD_GENERATION:
        note_generation(&thread->sums, record);
        break;
    case RECORD_SNAPSHOT: /* take_policy() */
    case RECORD_ENGINE:   /* these do not matter */
    case RECORD_SHADOW:
    case RECORD_TYPE_COUNT:
        break;
    }
    return 0;
}

static int take_policy(struct scan *scan, struct scan_thread *thread, const struct record *record,
                       struct thread_pool *thread_pool) {
    thread->sums.records++;
    if (!rebuild_note_policy(scan->rebuild, record, &thread->later)) {
        atomic_store(&scan->guessed_wrong, true);
        thread_pool_stop(thread_pool);
    }
    return 0;
}

static bool matters(const struct rebuild *rebuild, const struct archive_part_record *record) {
    switch (record->type) {
    case RECORD_SNAPSHOT:
        return rebuild->guessed_at && record->position > rebuild->guessed_at;
    case RECORD_TRANSACTION:
    case RECORD_OUTCOME:
    case RECORD_GENERATION:
    case RECORD_LIST_CHANGE:
        return true;
    case RECORD_ENGINE:
    case RECORD_SHADOW:
    case RECORD_TYPE_COUNT:
        break;
    }
    return false;
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
        if (!matters(scan->rebuild, &found)) {
            thread->sums.records++;
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
    thread->lists = scan->lists;
    thread->part = part - scan->first;
    spill_set_sequence(thread->writer, (uint32_t)part);
    r = scan_records(scan, thread, thread_pool, reader, ret_error);
    archive_part_close(reader);
    return r < 0 || thread_pool_is_stopped(thread_pool)
               ? r
               : list_queue_finish(scan->lists, thread->part, ret_error);
}

static void open_thread(struct rebuild *rebuild, struct scan_thread *thread) {
    *thread = (struct scan_thread){
        .sink = {.take = take_entry, .ignores_hash = true},
        .rebuild = rebuild,
        .engine = engine_new(rebuild->folded, rebuild->folded),
        .writer = spill_writer_open(rebuild->spill),
        .sums = {.newest_event_time_us = INT64_MIN, .newest_receive_us = INT64_MIN},
    };
    arena_init(&thread->arena, RECORD_BYTES_MAX);
    const struct plan *plan = rebuild->plan;
    thread->body_max = check_calloc(plan->entity_count, sizeof *thread->body_max);
    for (size_t i = 0; i < plan->entity_count; i++)
        thread->body_max[i] = body_max(&plan->entities[i]);
}

static int close_thread(struct scan_thread *thread, int result, struct error *ret_error) {
    if (result < 0)
        spill_writer_abandon(thread->writer);
    else
        result = spill_writer_close(thread->writer, ret_error);
    engine_free(thread->engine);
    arena_deinit(&thread->arena);
    free(thread->body_max);
    return result;
}

static void add_sums(struct sums *sums, const struct sums *more) {
    sums->records += more->records;
    sums->transactions += more->transactions;
    sums->outcomes += more->outcomes;
    for (int label = LABEL_NONE + 1; label < LABEL_COUNT; label++)
        sums->labels[label] += more->labels[label];
    if (sums->newest_event_time_us < more->newest_event_time_us)
        sums->newest_event_time_us = more->newest_event_time_us;
    if (sums->newest_receive_us < more->newest_receive_us)
        sums->newest_receive_us = more->newest_receive_us;
    if (sums->newest_generation_position < more->newest_generation_position) {
        sums->newest_generation_position = more->newest_generation_position;
        sums->newest_generation = more->newest_generation;
    }
}

/* The tally at the target: the generation before plus the records read. In a sound archive no
 * label's count falls below 0; the bound is for others. */
static void add_tally(struct rebuild *rebuild, const struct sums *sums) {
    struct tally *tally = &rebuild->report.tally;
    *tally = rebuild->before_tally;
    tally->transactions += sums->transactions;
    tally->outcomes += sums->outcomes;
    for (int label = LABEL_NONE + 1; label < LABEL_COUNT; label++) {
        int64_t labels = (int64_t)tally->labels[label] + sums->labels[label];
        tally->labels[label] = labels < 0 ? 0 : (uint64_t)labels;
    }
    if (tally->newest_event_time_us < sums->newest_event_time_us)
        tally->newest_event_time_us = sums->newest_event_time_us;
    rebuild->report.records = sums->records;
    rebuild->newest_receive_us = sums->newest_receive_us;
    rebuild->adopted_id =
        sums->newest_generation_position ? sums->newest_generation : rebuild->before.adopted_id;
}

static void divide_parts(struct scan *scan, size_t count) {
    size_t first = scan->first, threads = scan->rebuild->threads;
    check(pthread_mutex_init(&scan->lock, NULL) == 0);
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
    scan.lists = list_queue_new(rebuild->lists, jobs);
    for (size_t i = 0; i < rebuild->threads; i++)
        open_thread(rebuild, &scan.threads[i]);
    struct thread_pool *thread_pool = thread_pool_start(rebuild->threads, jobs, scan_part, &scan);
    int r = rebuild_await(rebuild, thread_pool, REBUILD_SCAN, &scan.done, total, ret_error);
    struct sums sums = {.newest_event_time_us = INT64_MIN, .newest_receive_us = INT64_MIN};
    struct later_policy later = {0};
    for (size_t i = 0; i < rebuild->threads; i++) {
        take_later(&later, &scan.threads[i].later);
        r = close_thread(&scan.threads[i], r, ret_error);
        add_sums(&sums, &scan.threads[i].sums);
    }
    free(scan.threads);
    list_queue_free(scan.lists);
    free(scan.shares);
    pthread_mutex_destroy(&scan.lock);
    add_tally(rebuild, &sums);
    rebuild->report.spilled_bytes = spill_file_bytes(rebuild->spill);
    if (r == 0 && !atomic_load(&scan.guessed_wrong))
        rebuild_use_later_policy(rebuild, &later);
    snapshot_unref(later.snapshot);
    return r < 0 ? r : atomic_load(&scan.guessed_wrong);
}
