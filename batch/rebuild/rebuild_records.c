/* The streams' entries of one record after the other: what the scan does with each, in a thread of
 * its own or, in a distributed rebuild, in another process. */
#include "rebuild_records.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/feature/state/bulk.h"
#include "core/store/generation/known_id.h"
#include "core/store/generation/tally.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- streams ---- */

/* Upper bound for the encoded body of an entry. */
static size_t body_max(const struct entity_plan *plan) {
    size_t size = 8 + 5 + 2 * (5 + 5 * plan->filter_count); /* id hash, mask, tally */
    for (size_t i = 0; i < plan->column_count; i++)
        size += plan->columns[i].type == COLUMN_TEXT ? 2 + COLUMN_TEXT_MAX : BUFFER_VARINT_MAX;
    check(size <= BULK_BODY_MAX);
    return size;
}

/* Encodes an entry (format: rebuild_job.h) where there is room for the longest. *note: time of the
 * entry before it in the block. Returns the end. */
static uint8_t *put_entry(uint8_t *head, int64_t *note, const struct entity_plan *plan,
                          struct text rest, bool may_be_late, const struct entry *entry) {
    uint8_t *at = head + 2;
    head[0] = rest.length < UINT8_MAX ? (uint8_t)rest.length : UINT8_MAX;
    if (__builtin_expect(rest.length >= UINT8_MAX, 0)) {
        store_u16(at, (uint16_t)rest.length);
        at += 2;
    }
    uint8_t *long_size = at;
    uint64_t difference = (uint64_t)entry->time_us - (uint64_t)*note;
    *note = entry->time_us;
    at = varint_put(at, zigzag((int64_t)difference) << 1 | may_be_late);
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

_Static_assert(PLAN_ENTITIES_MAX <= 64, "entities are bits");

/* May the entry come later than the lateness allows? An outcome's entity has its transaction; so
 * has that of what is put in where the same record takes an entry of that time out. */
static bool may_be_late(struct record_scan *scan, size_t entity, struct text key,
                        const struct entry *entry) {
    uint64_t bit = UINT64_C(1) << entity;
    if (entry->is_taken_out) {
        scan->taken_out |= bit;
        scan->taken_keys[entity] = hash_text(key);
    }
    return entry->transaction &&
           !((scan->taken_out & bit) && scan->taken_keys[entity] == hash_text(key));
}

/* entry_sink: one entry of the current record. Entities without features (reach 0) keep no state,
 * so nothing is written for them. */
static void take_entry(struct entry_sink *self, size_t entity, struct text key, uint64_t key_hash,
                       const struct entry *entry) {
    (void)key_hash; /* streams go by order, not by hash */
    struct record_scan *scan = (struct record_scan *)self;
    const struct rebuild *rebuild = scan->rebuild;
    const struct entity_plan *plan = &rebuild->plan->entities[entity];
    scan->id_hash = entry->id_hash;
    if (scan->failed < 0 || plan->reach_us == 0)
        return;
    struct text rest;
    bool is_late = may_be_late(scan, entity, key, entry);
    size_t range = ranges_find(&rebuild->ranges[entity], key, &rest);
    size_t room = STREAM_ENTRY_HEAD_MAX + rest.length + scan->body_max[entity];
    struct spill_open *open =
        spill_room(scan->writer, rebuild->first_stream[entity] + range, room, &scan->error);
    if (!open) {
        scan->failed = -(int)scan->error.code;
        return;
    }
    uint8_t *end = put_entry(open->at, &open->note, plan, rest, is_late, entry);
    spill_put(open, (size_t)(end - open->at));
}

/* Both items of a label go into one block: blocks of several writers are interleaved when they are
 * read, and a pair must not be. */
static int put_ids(struct record_scan *scan, const struct stream_id *ids, size_t count,
                   struct error *ret_error) {
    const struct rebuild *rebuild = scan->rebuild;
    size_t entities = rebuild->plan->entity_count;
    size_t range = ranges_find_hash(rebuild->id_ranges, ids[0].id_hash);
    struct spill_open *open = spill_room(scan->writer, rebuild->first_stream[entities] + range,
                                         2 * STREAM_ID_SIZE, ret_error);
    if (!open)
        return -(int)ret_error->code;
    memcpy(open->at, ids, count * STREAM_ID_SIZE);
    spill_put(open, count * STREAM_ID_SIZE);
    return 0;
}

/* ---- records ---- */

bool rebuild_needs(const struct rebuild *rebuild, const struct archive_part_record *record) {
    switch (record->type) {
    case RECORD_SNAPSHOT:
        return rebuild->guessed_at && record->position > rebuild->guessed_at;
    case RECORD_TRANSACTION:
    case RECORD_OUTCOME:
    case RECORD_AMENDMENT:
    case RECORD_GENERATION:
    case RECORD_LIST_CHANGE:
    case RECORD_BRAKE:
    case RECORD_EXPERIMENT:
        return true;
    case RECORD_ENGINE:
    case RECORD_SHADOW:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return false;
}

/* Later than the lateness allows behind the tables that the rebuild continues from? */
static bool is_late(const struct rebuild *rebuild, int64_t event_time_us) {
    int64_t newest_before_us = rebuild->before_tally.newest_event_time_us;
    return newest_before_us != INT64_MIN &&
           event_time_us < newest_before_us - rebuild->plan->lateness_us;
}

static int take_transaction(struct record_scan *scan, const struct record *record,
                            struct error *ret_error) {
    const struct transaction *transaction = &record->transaction.transaction;
    struct sums *sums = &scan->sums;
    sums->transactions++;
    sums->late += is_late(scan->rebuild, transaction->event_time_us);
    if (sums->newest_event_time_us < transaction->event_time_us)
        sums->newest_event_time_us = transaction->event_time_us;
    if (record->position < scan->rebuild->ids_from)
        return 0;
    check(record->position < UINT64_C(1) << 56);
    const struct stream_id id = {.id_hash =
                                     scan->id_hash ? scan->id_hash : hash_text(transaction->id),
                                 .packed = record->position << 8};
    return put_ids(scan, &id, 1, ret_error);
}

static int take_outcome(struct record_scan *scan, const struct record *record,
                        struct error *ret_error) {
    const struct outcome_record *outcome = &record->outcome;
    struct sums *sums = &scan->sums;
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
                         scan->rebuild->options->archive, record->position);
    if (outcome->transaction_position < scan->rebuild->ids_from)
        return 0;
    const struct stream_id ids[2] = {
        {.id_hash = id_hash,
         .packed =
             outcome->transaction_position << 8 | STREAM_ID_LABELLED | (uint64_t)outcome->label},
        {.id_hash = id_hash, .packed = record->position << 8 | STREAM_ID_BY}};
    return put_ids(scan, ids, 2, ret_error);
}

static int take_amendment(struct record_scan *scan, const struct record *record,
                          struct error *ret_error) {
    const struct amendment_record *amendment = &record->amendment;
    check(record->position < UINT64_C(1) << 56);
    if (amendment->transaction_position >= record->position)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: the amendment at position %" PRIu64 " refers to a later transaction",
                         scan->rebuild->options->archive, record->position);
    if (record->position < scan->rebuild->ids_from)
        return 0;
    const struct stream_id id = {.id_hash = amendment_hash(amendment->transaction.id),
                                 .packed = record->position << 8 | STREAM_ID_AMENDED};
    return put_ids(scan, &id, 1, ret_error);
}

static void note_generation(struct sums *sums, const struct record *record) {
    if (record->position <= sums->newest_generation_position)
        return;
    sums->newest_generation = record->generation.generation_id;
    sums->newest_generation_position = record->position;
}

int record_scan_take(struct record_scan *scan, const struct record *record,
                     struct error *ret_error) {
    if (scan->sums.newest_receive_us < record->receive_time_us)
        scan->sums.newest_receive_us = record->receive_time_us;
    scan->id_hash = scan->taken_out = 0;
    engine_entries(scan->engine, record, &scan->sink);
    if (scan->failed < 0) {
        *ret_error = scan->error;
        return scan->failed;
    }
    switch (record->type) {
    case RECORD_TRANSACTION:
        return take_transaction(scan, record, ret_error);
    case RECORD_OUTCOME:
        return take_outcome(scan, record, ret_error);
    case RECORD_AMENDMENT:
        return take_amendment(scan, record, ret_error);
    case RECORD_GENERATION:
        note_generation(&scan->sums, record);
        break;
    case RECORD_LIST_CHANGE: /* the caller's */
    case RECORD_BRAKE:
    case RECORD_EXPERIMENT:
    case RECORD_SNAPSHOT:
    case RECORD_ENGINE: /* these do not matter */
    case RECORD_SHADOW:
    case RECORD_ERASURE:
    case RECORD_LOST:
    case RECORD_TYPE_COUNT:
        break;
    }
    return 0;
}

void record_scan_open(struct record_scan *scan, struct rebuild *rebuild) {
    *scan = (struct record_scan){
        .sink = {.take = take_entry, .ignores_hash = true},
        .rebuild = rebuild,
        .engine = engine_new(rebuild->folded, rebuild->folded),
        .writer = spill_writer_open(rebuild->spill),
        .sums = REBUILD_SUMS_NONE,
    };
    const struct plan *plan = rebuild->plan;
    scan->body_max = check_calloc(plan->entity_count, sizeof *scan->body_max);
    for (size_t i = 0; i < plan->entity_count; i++)
        scan->body_max[i] = body_max(&plan->entities[i]);
}

int record_scan_close(struct record_scan *scan, int result, struct error *ret_error) {
    if (result < 0)
        spill_writer_abandon(scan->writer);
    else
        result = spill_writer_close(scan->writer, ret_error);
    engine_free(scan->engine);
    free(scan->body_max);
    return result;
}

void rebuild_add_sums(struct sums *sums, const struct sums *more) {
    sums->records += more->records;
    sums->transactions += more->transactions;
    sums->late += more->late;
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
void rebuild_take_sums(struct rebuild *rebuild, const struct sums *sums) {
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
    rebuild->has_late = sums->late > 0;
    rebuild->report.records = sums->records;
    rebuild->newest_receive_us = sums->newest_receive_us;
    rebuild->adopted_id =
        sums->newest_generation_position ? sums->newest_generation : rebuild->before.adopted_id;
}
