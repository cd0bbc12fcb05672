/* The archive into streams: threads take whole segments, find out what each record means to whom,
 * and write that into the stream of the entity and the range that the key belongs to. */
#include "rebuild_internal.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/feature/bulk.h"

#include <stdlib.h>
#include <string.h>

/* A record with the largest policy the loader takes, decoded. */
#define RECORD_BYTES_MAX (160u << 20)

struct scan_thread {
    struct entry_sink sink;
    struct rebuild *rebuild;
    struct engine *engine;
    struct arena arena; /* of the record being looked at */
    struct spill_writer *writer;
    struct sums sums;
    int failed; /* what the sink could not return */
    struct error error;
};

struct scan {
    struct rebuild *rebuild;
    struct scan_thread *threads;
    size_t first; /* part */
    uint64_t after;
    atomic_ullong done; /* bytes */
};

static void put_piece(struct scan_thread *thread, size_t stream, const struct stream_entry *entry,
                      const uint8_t *body) {
    size_t key_length = entry->key_length & (STREAM_ENTRY_TRANSACTION - 1);
    size_t size = STREAM_ENTRY_HEAD + key_length + entry->body_size;
    uint8_t *at = spill_room(thread->writer, stream, size, &thread->error);
    if (!at) {
        thread->failed = -(int)thread->error.code;
        return;
    }
    memcpy(at, &entry->key_length, 2);
    memcpy(at + 2, &entry->body_size, 2);
    memcpy(at + 4, &entry->time_us, 8);
    memcpy(at + STREAM_ENTRY_HEAD, entry->key, key_length);
    memcpy(at + STREAM_ENTRY_HEAD + key_length, body, entry->body_size);
    spill_put(thread->writer, stream, size);
}

static void take_entry(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                       const struct entry *entry) {
    (void)key_hash; /* streams go by order, not by hash */
    struct scan_thread *thread = (struct scan_thread *)self;
    const struct rebuild *rebuild = thread->rebuild;
    const struct entity_plan *plan = &rebuild->plan->entities[entity];
    if (thread->failed < 0 || plan->reach_us == 0)
        return;
    uint8_t body[BULK_BODY_MAX];
    size_t size = bulk_encode(plan, entry, body);
    check(key.length < STREAM_ENTRY_TRANSACTION);
    const struct stream_entry piece = {
        .key_length = (uint16_t)(key.length | (entry->transaction ? STREAM_ENTRY_TRANSACTION : 0u)),
        .body_size = (uint16_t)size,
        .time_us = entry->time_us,
        .key = (const uint8_t *)key.data,
    };
    size_t stream = rebuild->first_stream[entity] + ranges_find(&rebuild->ranges[entity], key);
    put_piece(thread, stream, &piece, body);
}

static int put_id(struct scan_thread *thread, struct text id, uint64_t position, enum label label,
                  uint64_t at, struct error *ret_error) {
    const struct rebuild *rebuild = thread->rebuild;
    size_t ids = rebuild->plan->entity_count;
    check(position > 0 && position < UINT64_C(1) << 56);
    const struct stream_id piece = {
        .id_hash = hash_text(id), .packed = position << 8 | (uint64_t)label, .at = at};
    size_t stream =
        rebuild->first_stream[ids] + ranges_find_hash(&rebuild->ranges[ids], piece.id_hash);
    uint8_t *room = spill_room(thread->writer, stream, STREAM_ID_SIZE, ret_error);
    if (!room)
        return -(int)ret_error->code;
    memcpy(room, &piece, STREAM_ID_SIZE);
    spill_put(thread->writer, stream, STREAM_ID_SIZE);
    return 0;
}

static int take_transaction(struct scan_thread *thread, const struct record *record,
                            struct error *ret_error) {
    const struct transaction *transaction = &record->transaction.transaction;
    struct sums *sums = &thread->sums;
    sums->transactions++;
    if (sums->newest_event_time_us < transaction->event_time_us)
        sums->newest_event_time_us = transaction->event_time_us;
    return put_id(thread, transaction->id, record->position, LABEL_NONE, record->position,
                  ret_error);
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
    if (outcome->transaction_position == 0) /* of no transaction: it names none */
        return 0;
    return put_id(thread, outcome->transaction.id, outcome->transaction_position, outcome->label,
                  record->position, ret_error);
}

static int take_record(struct scan_thread *thread, const struct record *record,
                       struct error *ret_error) {
    thread->sums.records++;
    if (thread->sums.newest_receive_us < record->receive_time_us)
        thread->sums.newest_receive_us = record->receive_time_us;
    engine_entries(thread->engine, record, &thread->sink);
    if (thread->failed < 0) {
        *ret_error = thread->error;
        return thread->failed;
    }
    if (record->type == RECORD_TRANSACTION)
        return take_transaction(thread, record, ret_error);
    if (record->type == RECORD_OUTCOME)
        return take_outcome(thread, record, ret_error);
    if (record->type == RECORD_GENERATION) {
        thread->sums.newest_generation = record->generation.generation_id;
        thread->sums.newest_generation_position = record->position;
    }
    return 0;
}

static bool matters(enum record_type type) {
    return type == RECORD_TRANSACTION || type == RECORD_OUTCOME || type == RECORD_GENERATION;
}

static int scan_records(struct scan *scan, struct scan_thread *thread, const struct crew *crew,
                        struct archive_part_reader *reader, struct error *ret_error) {
    struct archive_part_record found;
    uint64_t told = 0;
    unsigned count = 0;
    int r;
    while ((r = archive_part_next(reader, &found, ret_error)) == 1) {
        if (++count % REBUILD_STEP == 0) {
            if (crew_is_stopped(crew))
                return 0;
            uint64_t offset = archive_part_offset(reader);
            atomic_fetch_add(&scan->done, offset - told);
            told = offset;
        }
        if (!matters(found.type)) {
            thread->sums.records++;
            continue;
        }
        struct record record;
        arena_reset(&thread->arena);
        r = archive_part_decode(reader, &thread->arena, &record, ret_error);
        if (r == 0)
            r = take_record(thread, &record, ret_error);
        if (r < 0)
            return r;
    }
    atomic_fetch_add(&scan->done, archive_part_offset(reader) - told);
    return r;
}

static int scan_part(void *user, struct crew *crew, size_t worker, size_t job,
                     struct error *ret_error) {
    struct scan *scan = user;
    struct rebuild *rebuild = scan->rebuild;
    struct archive_part_reader *reader;
    int r = archive_part_open(rebuild->parts, scan->first + job, scan->after,
                              rebuild->options->drop_cache, &reader, ret_error);
    if (r < 0)
        return r;
    struct scan_thread *thread = &scan->threads[worker];
    r = scan_records(scan, thread, crew, reader, ret_error);
    archive_part_close(reader);
    return r;
}

static void open_thread(struct rebuild *rebuild, struct scan_thread *thread) {
    *thread = (struct scan_thread){
        .sink = {.take = take_entry, .ignores_hash = true},
        .rebuild = rebuild,
        .engine = engine_new(rebuild->snapshot, rebuild->snapshot),
        .writer = spill_writer_open(rebuild->spill),
        .sums = {.newest_event_time_us = INT64_MIN, .newest_receive_us = INT64_MIN},
    };
    arena_init(&thread->arena, RECORD_BYTES_MAX);
}

static int close_thread(struct scan_thread *thread, int result, struct error *ret_error) {
    if (result < 0)
        spill_writer_abandon(thread->writer);
    else
        result = spill_writer_close(thread->writer, ret_error);
    engine_free(thread->engine);
    arena_deinit(&thread->arena);
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

/* What the records read add to what was known before. */
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
    scan.threads = check_calloc(rebuild->threads, sizeof *scan.threads);
    for (size_t i = 0; i < rebuild->threads; i++)
        open_thread(rebuild, &scan.threads[i]);
    struct crew *crew = crew_hire(rebuild->threads, jobs, scan_part, &scan);
    int r = rebuild_await(rebuild, crew, REBUILD_SCAN, &scan.done, total, ret_error);
    struct sums sums = {.newest_event_time_us = INT64_MIN, .newest_receive_us = INT64_MIN};
    for (size_t i = 0; i < rebuild->threads; i++) {
        r = close_thread(&scan.threads[i], r, ret_error);
        add_sums(&sums, &scan.threads[i].sums);
    }
    free(scan.threads);
    add_tally(rebuild, &sums);
    rebuild->report.spilled_bytes = spill_file_bytes(rebuild->spill);
    return r;
}
