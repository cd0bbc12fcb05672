/* The first pass. Threads read the archive's parts (segments) in parallel and keep the few records
 * that matter; the calling thread takes the results in the archive's order, so neither results nor
 * errors depend on the number of threads. */
#include "replay_scan.h"

#include "batch/base/record_bytes.h"
#include "replay_job.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <pthread.h>
#include <stdlib.h>

#define PARTS_AHEAD 2    /* per worker: limits the results that wait in memory */
#define LOOK_STEP   4096 /* records between two checks for a stop */

/* A record that is kept. */
struct scanned_record {
    enum record_type type;
    uint64_t position;
    size_t at, length; /* in the part's bytes */
};

/* The result of scanning a part. */
struct scanned_part {
    bool is_done;
    bool has_transactions;
    int64_t first_us, newest_us, least_us;
    struct scanned_record *records;
    size_t record_count, record_capacity;
    struct buffer bytes;
    int result; /* why it ends here */
    struct error error;
};

struct scan {
    struct replay *replay;
    size_t count;
    struct scanned_part *parts;
    /* Under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t next, taken;
    bool is_stopping;
};

/* ---- which records matter ---- */

static bool is_scanned(const struct replay *replay, enum record_type type) {
    const struct replay_history *history = &replay->history;
    switch (type) {
    case RECORD_TRANSACTION: /* for the times */
    case RECORD_OUTCOME:
    case RECORD_AMENDMENT:
        return history->with_labels;
    case RECORD_LIST_CHANGE:
        return replay->last_lists != NULL;
    case RECORD_SHADOW:
        return history->with_shadows;
    case RECORD_SNAPSHOT:
    case RECORD_EXPERIMENT:
        return history->with_policies;
    case RECORD_GENERATION:
        return history->with_policies || replay->last_lists;
    case RECORD_ENGINE:
        return true;
    case RECORD_BRAKE: /* in event-time order none is in force */
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return false;
}

static bool is_part_scanned(const struct replay *replay, size_t index) {
    uint64_t types = archive_parts_part(replay->parts, index).types;
    for (unsigned type = 0; type < RECORD_TYPE_COUNT; type++)
        if (types >> type & 1 && is_scanned(replay, (enum record_type)type))
            return true;
    return false;
}

/* ---- a part, by any thread ---- */

static void note_time(struct scanned_part *part, int64_t at_us) {
    if (!part->has_transactions)
        part->first_us = part->newest_us = part->least_us = at_us;
    else if (at_us > part->newest_us)
        part->newest_us = at_us;
    else if (at_us < part->least_us)
        part->least_us = at_us;
    part->has_transactions = true;
}

static void keep(struct scanned_part *part, const struct archive_part_record *found) {
    if (part->record_count == part->record_capacity) {
        part->record_capacity = part->record_capacity ? 2 * part->record_capacity : 64;
        part->records =
            check_reallocarray(part->records, part->record_capacity, sizeof *part->records);
    }
    part->records[part->record_count++] = (struct scanned_record){.type = found->type,
                                                                  .position = found->position,
                                                                  .at = part->bytes.length,
                                                                  .length = found->payload.length};
    buffer_append(&part->bytes, found->payload.data, found->payload.length);
}

static int look_at(struct archive_part_reader *reader, const struct archive_part_record *found,
                   struct arena *memory, struct scanned_part *part) {
    int64_t at_us;
    if (found->type == RECORD_TRANSACTION &&
        record_read_event_time(found->payload.data, found->payload.length, &at_us)) {
        note_time(part, at_us);
        return 0;
    }
    /* Decoded only to validate it, here where an error can name file and byte. */
    struct record record;
    arena_reset(memory);
    int r = archive_part_decode(reader, memory, &record, &part->error);
    if (r == 0 && record.type == RECORD_TRANSACTION)
        note_time(part, record.transaction.transaction.event_time_us);
    else if (r == 0)
        keep(part, found);
    return r;
}

static bool is_stopping(struct scan *scan) {
    pthread_mutex_lock(&scan->lock);
    bool stopping = scan->is_stopping;
    pthread_mutex_unlock(&scan->lock);
    return stopping;
}

static int scan_records(struct scan *scan, struct archive_part_reader *reader,
                        struct scanned_part *part) {
    uint64_t last = scan->replay->target.position;
    struct archive_part_record found;
    struct arena memory;
    int r;
    arena_init(&memory, RECORD_BYTES_MAX);
    while ((r = archive_part_next(reader, &found, &part->error)) == 1 && found.position <= last) {
        if (found.position % LOOK_STEP == 0 && is_stopping(scan))
            break;
        r = is_scanned(scan->replay, found.type) ? look_at(reader, &found, &memory, part) : 0;
        if (r < 0)
            break;
    }
    arena_deinit(&memory);
    return r < 0 ? r : 0;
}

static void forget_part(struct scanned_part *part) {
    free(part->records);
    buffer_deinit(&part->bytes);
    *part = (struct scanned_part){0};
}

static void read_part(struct scan *scan, size_t index, bool skims) {
    struct scanned_part *part = &scan->parts[index];
    struct archive_part_reader *reader;
    buffer_init(&part->bytes);
    part->result = archive_part_open(scan->replay->parts, index, 0, false, &reader, &part->error);
    if (part->result < 0)
        return;
    if (skims)
        archive_part_skim(reader);
    part->result = scan_records(scan, reader, part);
    archive_part_close(reader);
}

/* If the replay will read and verify every record anyway, this pass skims: it does not verify
 * transactions, which are nearly everything. When skimming fails, the part is read again in full,
 * so that errors are the same with and without. */
static void scan_part(struct scan *scan, size_t index) {
    struct scanned_part *part = &scan->parts[index];
    bool skims = scan->replay->start.position == 0 && !scan->replay->tables;
    if (!is_part_scanned(scan->replay, index))
        return;
    read_part(scan, index, skims);
    if (part->result < 0 && skims) {
        forget_part(part);
        read_part(scan, index, false);
    }
}

/* ---- scheduling ---- */

/* Under the lock: is there a part that may be scanned now? */
static bool has_next(const struct scan *scan) {
    return scan->next < scan->count &&
           scan->next < scan->taken + PARTS_AHEAD * scan->replay->workers;
}

/* Under the lock, which is released while it scans. */
static void scan_next(struct scan *scan) {
    size_t at = scan->next++;
    pthread_mutex_unlock(&scan->lock);
    scan_part(scan, at);
    pthread_mutex_lock(&scan->lock);
    scan->parts[at].is_done = true;
    pthread_cond_broadcast(&scan->changed);
}

static void *scan_parts(void *argument) {
    struct scan *scan = argument;
    pthread_mutex_lock(&scan->lock);
    while (!scan->is_stopping && scan->next < scan->count)
        if (has_next(scan))
            scan_next(scan);
        else
            pthread_cond_wait(&scan->changed, &scan->lock);
    pthread_mutex_unlock(&scan->lock);
    return NULL;
}

/* ---- taking the results, in order ---- */

/* Event-time order uses lists and thresholds as they are at the archive's end. */
static void take_last(struct replay *replay, const struct record *record) {
    if (!replay->last_lists)
        return;
    list_table_apply(replay->last_lists, record);
    if (record->type != RECORD_GENERATION)
        return;
    thresholds_free(replay->thresholds);
    const struct threshold_set *set = &record->generation.thresholds;
    replay->thresholds = threshold_set_is_empty(set) ? NULL : thresholds_new(set);
}

static int take_records(struct replay *replay, const struct scanned_part *part,
                        struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < part->record_count && r == 0; i++) {
        const struct scanned_record *scanned = &part->records[i];
        struct record record;
        arena_reset(&replay->record);
        r = record_decode_in_place(scanned->type, part->bytes.bytes + scanned->at, scanned->length,
                                   &replay->record, &record, ret_error);
        check(r == 0); /* it was decoded before */
        record.position = scanned->position;
        r = replay_history_add(&replay->history, &record, ret_error);
        if (r == 0)
            take_last(replay, &record);
    }
    return r;
}

static int take_part(struct replay *replay, size_t index, const struct scanned_part *part,
                     struct error *ret_error) {
    int r = take_records(replay, part, ret_error);
    if (r < 0)
        return r;
    if (part->result < 0)
        *ret_error = part->error;
    if (part->has_transactions) {
        replay_history_note_time(&replay->history, part->first_us);
        replay_history_note_time(&replay->history, part->newest_us);
        if (replay->least_us)
            replay->least_us[index] = part->least_us;
    }
    return part->result;
}

static int report_progress(const struct replay *replay, size_t index, struct progress *progress,
                           struct error *ret_error) {
    uint64_t last = replay->target.position, done = archive_parts_part(replay->parts, index).last;
    if (progress_update(progress, "scan", done < last ? done : last, last) == 0)
        return 0;
    return error_set(ret_error, ERROR_INTERRUPTED, "the replay was interrupted");
}

/* Under the lock, which is released meanwhile. This thread scans as well instead of only waiting.
 */
static void wait_for_part(struct scan *scan, size_t index) {
    while (!scan->parts[index].is_done)
        if (has_next(scan))
            scan_next(scan);
        else
            pthread_cond_wait(&scan->changed, &scan->lock);
}

static int take_parts(struct scan *scan, struct progress *progress, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < scan->count && r == 0; i++) {
        pthread_mutex_lock(&scan->lock);
        wait_for_part(scan, i);
        pthread_mutex_unlock(&scan->lock);
        r = take_part(scan->replay, i, &scan->parts[i], ret_error);
        if (r == 0)
            r = report_progress(scan->replay, i, progress, ret_error);
        forget_part(&scan->parts[i]);
        pthread_mutex_lock(&scan->lock);
        scan->taken = i + 1;
        scan->is_stopping = r < 0;
        pthread_cond_broadcast(&scan->changed);
        pthread_mutex_unlock(&scan->lock);
    }
    return r;
}

int replay_scan(struct replay *replay, struct progress *progress, struct error *ret_error) {
    size_t count = archive_parts_count(replay->parts);
    size_t more = (replay->workers < count ? replay->workers : count) - (count > 0);
    struct scan scan = {.replay = replay, .count = count};
    scan.parts = check_calloc(count, sizeof *scan.parts);
    lock_init(&scan.lock, LOCK_REPLAY_SCAN);
    check(pthread_cond_init(&scan.changed, NULL) == 0);
    pthread_t *threads = check_calloc(more, sizeof *threads);
    for (size_t i = 0; i < more; i++)
        if (pthread_create(&threads[i], NULL, scan_parts, &scan) != 0)
            check_exhausted("threads, or of memory for one: use fewer (--threads)");
    int r = take_parts(&scan, progress, ret_error);
    for (size_t i = 0; i < more; i++)
        check(pthread_join(threads[i], NULL) == 0);
    free(threads);
    for (size_t i = 0; i < count; i++)
        forget_part(&scan.parts[i]);
    free(scan.parts);
    pthread_cond_destroy(&scan.changed);
    pthread_mutex_destroy(&scan.lock);
    return r;
}
