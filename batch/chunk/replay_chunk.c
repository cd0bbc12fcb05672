/* Memory of chunks. Chunks are recycled thousands of times in a replay, so everything is kept and
 * only grows: capacities are separate from counts, and clearing resets counts. */
#include "replay_chunk.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_FIRST 256

void replay_chunk_init(struct replay_chunk *chunk) {
    *chunk = (struct replay_chunk){0};
    buffer_init(&chunk->payloads);
}

static void lane_deinit(struct replay_lane_rows *lane) {
    for (size_t i = 0; i < lane->items_count; i++) {
        free(lane->items[i].items);
        free(lane->items[i].bytes);
    }
    free(lane->items);
    free(lane->values);
    free(lane->reads);
    for (size_t i = 0; i < lane->text_count; i++)
        arena_deinit(&lane->texts[i]);
    free(lane->texts);
}

void replay_chunk_deinit(struct replay_chunk *chunk) {
    buffer_deinit(&chunk->payloads);
    free(chunk->rows);
    for (size_t i = 0; i < chunk->part_capacity; i++) {
        arena_deinit(&chunk->parts[i].memory);
        buffer_deinit(&chunk->parts[i].prepared);
    }
    free(chunk->parts);
    for (size_t i = 0; i < chunk->lane_capacity; i++)
        lane_deinit(&chunk->lanes[i]);
    free(chunk->lanes);
    free(chunk->features_state);
}

void replay_chunk_clear(struct replay_chunk *chunk) {
    buffer_clear(&chunk->payloads);
    chunk->row_count = chunk->part_count = chunk->lane_count = 0;
    chunk->is_barrier = chunk->is_night = chunk->is_last = false;
    chunk->result = 0;
    chunk->entries_taken = chunk->entries_done = 0;
    chunk->features_count = chunk->features_taken = chunk->features_done = 0;
    chunk->decide_taken = chunk->decide_done = 0;
}

void replay_chunk_add(struct replay_chunk *chunk, enum record_type type, uint64_t position,
                      struct text payload) {
    if (chunk->row_count == chunk->row_capacity) {
        chunk->row_capacity = chunk->row_capacity ? 2 * chunk->row_capacity : ROWS_FIRST;
        chunk->rows = check_reallocarray(chunk->rows, chunk->row_capacity, sizeof *chunk->rows);
    }
    struct replay_line *row = &chunk->rows[chunk->row_count++];
    row->type = type;
    row->is_decided = row->is_reported = row->is_surely_taken = row->is_skipped = false;
    row->position = position;
    row->payload_at = chunk->payloads.length;
    row->payload_length = payload.length;
    row->decision = row->against = (struct replay_result){0};
    row->prepared = 0;
    buffer_append(&chunk->payloads, payload.data, payload.length);
}

static void add_parts(struct replay_chunk *chunk, size_t count) {
    if (count <= chunk->part_capacity)
        return;
    chunk->parts = check_reallocarray(chunk->parts, count, sizeof *chunk->parts);
    for (size_t i = chunk->part_capacity; i < count; i++) {
        arena_init(&chunk->parts[i].memory, SIZE_MAX / 2);
        buffer_init(&chunk->parts[i].prepared);
    }
    chunk->part_capacity = count;
}

void replay_chunk_cut(struct replay_chunk *chunk, size_t parts) {
    if (parts > chunk->row_count)
        parts = chunk->row_count ? chunk->row_count : 1;
    add_parts(chunk, parts);
    chunk->part_count = parts;
    for (size_t i = 0; i < parts; i++) {
        struct replay_part *part = &chunk->parts[i];
        part->first = chunk->row_count * i / parts;
        part->end = part->good = chunk->row_count * (i + 1) / parts;
        part->result = 0;
        part->is_counted = false;
        arena_reset(&part->memory);
        buffer_clear(&part->prepared);
    }
}

static void add_lanes(struct replay_chunk *chunk, size_t count) {
    if (count <= chunk->lane_capacity)
        return;
    chunk->lanes = check_reallocarray(chunk->lanes, count, sizeof *chunk->lanes);
    memset(chunk->lanes + chunk->lane_capacity, 0,
           (count - chunk->lane_capacity) * sizeof *chunk->lanes);
    chunk->lane_capacity = count;
}

static void make_items(struct replay_lane_rows *lane, size_t count) {
    if (count > lane->items_count) {
        lane->items = check_reallocarray(lane->items, count, sizeof *lane->items);
        memset(lane->items + lane->items_count, 0,
               (count - lane->items_count) * sizeof *lane->items);
        lane->items_count = count;
    }
    for (size_t i = 0; i < count; i++) {
        lane->items[i].count = 0;
        lane->items[i].length = 0;
    }
}

static void make_texts(struct replay_lane_rows *lane, size_t shards) {
    if (shards > lane->text_count) {
        lane->texts = check_reallocarray(lane->texts, shards, sizeof *lane->texts);
        for (size_t i = lane->text_count; i < shards; i++)
            arena_init(&lane->texts[i], SIZE_MAX / 2);
        lane->text_count = shards;
    }
    for (size_t i = 0; i < shards; i++)
        arena_reset(&lane->texts[i]);
}

static void make_values(struct replay_lane_rows *lane, size_t values, size_t reads) {
    if (values > lane->value_capacity) {
        free(lane->values);
        lane->values = check_calloc(values, sizeof *lane->values);
        lane->value_capacity = values;
    }
    if (reads > lane->read_capacity) {
        free(lane->reads);
        lane->reads = check_malloc(reads);
        lane->read_capacity = reads;
    }
    if (reads)
        memset(lane->reads, REPLAY_NOT_READ, reads);
}

void replay_chunk_lanes(struct replay_chunk *chunk, struct replay_states *const *lanes,
                        size_t count) {
    add_lanes(chunk, count);
    chunk->lane_count = count;
    chunk->features_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct replay_lane_rows *lane = &chunk->lanes[i];
        size_t shards = lanes[i]->shard_count;
        make_items(lane, chunk->part_count * shards);
        make_texts(lane, shards);
        make_values(lane, chunk->row_count * lanes[i]->value_count,
                    chunk->row_count * lanes[i]->plan->plan.entity_count);
        lane->shard_count = shards;
        chunk->features_count += shards;
    }
    if (chunk->features_count > chunk->features_capacity) {
        chunk->features_capacity = chunk->features_count;
        chunk->features_state =
            check_reallocarray(chunk->features_state, chunk->features_capacity, 1);
    }
    if (chunk->features_count)
        memset(chunk->features_state, REPLAY_UNTOUCHED, chunk->features_count);
}
