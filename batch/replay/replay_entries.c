/* The entries stage: decodes rows and derives, for every plan, the entries of each row's entities,
 * sorted into shards. Runs in any worker, with that worker's engine and the part's memory. */
#include "replay_entries.h"

#include "replay_job.h"
#include "replay_read.h"

#include "batch/chunk/replay_entry.h"
#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_FIRST 8 /* small: there is a list for each part and shard */

/* The sink for one row's entries under one plan. */
struct entry_packing {
    struct entity_entries_sink sink;
    const struct replay_states *states;
    const struct replay_chunk *chunk;
    struct replay_part *part;
    struct replay_items *items; /* of the part: [shard] */
    uint32_t row;
};

/* Texts in the chunk's payloads stay valid; others belong to the engine until its next record, so
 * they are copied. */
static struct text keep(const struct entry_packing *packing, struct text t) {
    const char *payloads = (const char *)packing->chunk->payloads.bytes;
    if (t.length == 0 ||
        (t.data >= payloads && t.data < payloads + packing->chunk->payloads.length))
        return t;
    struct text copy = arena_text(&packing->part->memory, t);
    check(copy.data);
    return copy;
}

/* Written in place, field by field: filling a local struct and copying it right away would stall on
 * store forwarding. */
static void pack_head(const struct entity_entries *entries_of, size_t filters, bool is_decided,
                      struct packed_entry *head) {
    const struct entry *entry = entries_of->entry;
    uint32_t read = 0, plus = 0, minus = 0;
    check(filters <= PLAN_FILTERS_MAX);
    for (size_t i = 0; i < filters; i++) {
        if (is_decided)
            read |= (uint32_t)(entry->weights[i] != 0) << i;
        plus |= (uint32_t)(entries_of->applied[i] > 0) << i;
        minus |= (uint32_t)(entries_of->applied[i] < 0) << i;
    }
    head->time_us = entry->time_us;
    head->id_hash = entry->id_hash;
    head->present = entry->present;
    head->transaction = entry->transaction;
    head->is_taken_out = entry->is_taken_out;
    head->is_read = is_decided;
    head->read = read;
    head->plus = plus;
    head->minus = minus;
}

/* Makes room for another item and its bytes. */
static void make_room(struct replay_items *list, size_t bytes) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : ITEMS_FIRST;
        list->items = check_reallocarray(list->items, list->capacity, sizeof *list->items);
    }
    if (list->length + bytes > list->byte_capacity) {
        list->byte_capacity = 2 * (list->length + bytes);
        list->bytes = check_realloc(list->bytes, list->byte_capacity);
    }
}

static uint8_t *pack(const struct entry_packing *packing, const struct entity_entries *entries_of,
                     struct packed_entry *head) {
    const struct entity_plan *plan = &packing->states->plan->plan.entities[entries_of->entity];
    const struct entry *entry = entries_of->entry;
    uint8_t *at = (uint8_t *)(head + 1);
    pack_head(entries_of, plan->filter_count, packing->chunk->rows[packing->row].is_decided, head);
    for (size_t i = 0; i < plan->column_count; i++) {
        if (plan->columns[i].type == COLUMN_TEXT) {
            bool is_there = entry->present >> i & 1;
            struct text t = is_there ? keep(packing, entry->texts[i]) : (struct text){0};
            memcpy(at, &t, sizeof t);
            at += sizeof t;
        } else {
            memcpy(at, &entry->integers[i], sizeof entry->integers[i]);
            at += sizeof entry->integers[i];
        }
    }
    return at;
}

static void take_entity(struct entity_entries_sink *self, const struct entity_entries *entries_of) {
    struct entry_packing *packing = (struct entry_packing *)self;
    const struct replay_states *states = packing->states;
    struct replay_items *list =
        &packing->items[replay_states_shard(states, entries_of->entity, entries_of->key_hash)];
    struct text key = entries_of->key;
    size_t columns = states->plan->plan.entities[entries_of->entity].column_count;
    check(key.length <= UINT16_MAX && list->length <= UINT32_MAX);
    make_room(list, key.length + PACKED_ALIGNMENT + replay_entry_size_max(columns));
    list->items[list->count++] = (struct replay_item){.key_hash = entries_of->key_hash,
                                                      .at = (uint32_t)list->length,
                                                      .key_length = (uint16_t)key.length,
                                                      .entity = (uint16_t)entries_of->entity,
                                                      .row = packing->row};
    memcpy(list->bytes + list->length, key.data, key.length);
    size_t at = replay_entry_aligned(list->length + key.length);
    uint8_t *end = pack(packing, entries_of, (void *)(list->bytes + at));
    list->length = (size_t)(end - list->bytes);
}

static int decode(const struct replay_chunk *chunk, struct replay_line *row,
                  struct replay_part *part) {
    struct text payload = replay_chunk_payload(chunk, row);
    int r = record_decode_in_place(row->type, payload.data, payload.length, &part->memory,
                                   &row->record, &part->error);
    if (r < 0)
        return error_prefix(&part->error, "record %" PRIu64, row->position);
    row->record.position = row->position;
    return 0;
}

void replay_entries(const struct replay *replay, struct replay_chunk *chunk, size_t part_index,
                    size_t worker) {
    struct replay_part *part = &chunk->parts[part_index];
    for (size_t i = part->first; i < part->end; i++) {
        struct replay_line *row = &chunk->rows[i];
        if (!record_type_has_entities(row->type))
            continue;
        part->result = decode(chunk, row, part);
        if (part->result < 0) {
            part->good = i;
            return;
        }
        if (row->type == RECORD_TRANSACTION) {
            const struct transaction *transaction = &row->record.transaction.transaction;
            int64_t at_us = transaction->event_time_us;
            row->is_reported = replay_is_reported(replay, at_us);
            row->is_decided = replay_is_decided(replay, at_us);
            row->is_surely_taken =
                row->is_decided && replay->decider.skips_rows &&
                engine_surely_takes(replay->decider.engines[worker], transaction);
        }
        if (replay_was_reported(replay, chunk, i)) {
            row->is_reported = false;
            row->is_decided = row->is_decided && replay->walk;
        }
        for (size_t lane = 0; lane < chunk->lane_count; lane++) {
            const struct replay_states *states = replay->lanes[lane];
            struct entry_packing packing = {
                .sink = {.take = take_entity},
                .states = states,
                .chunk = chunk,
                .part = part,
                .items = &chunk->lanes[lane].items[part_index * states->shard_count],
                .row = (uint32_t)i};
            engine_entity_entries(states->engines[worker], &row->record, &packing.sink);
        }
    }
}
