/* A chunk: consecutive records on their way through the stages of a replay.
 *
 *   stage     file               parallel over         what it does
 *   read      replay_read.c      nothing: one job      copies the payloads of some hundred records
 *   entries   replay_entries.c   parts (rows)          decodes; for each entity of a plan a key and
 *                                                      an entry, sorted into shards
 *   features  replay_features.c  shards (entities)     reads, then applies each item of a shard, in
 *                                                      the order of the rows
 *   decide    replay_decide.c    parts (rows)          the decision, then the listener's take()
 *   emit      replay_emit.c      nothing: one thread   the listener's row(), in order
 *
 * replay_pipeline.c decides which chunk may enter which stage. A record that changes what all rows
 * read (a policy, tables, lists) ends its chunk: a barrier (replay_barrier.c). So within a chunk a
 * row depends on nothing that changes but the states of its entities, and each state belongs to one
 * shard, which one thread works through in the order of the rows. That is why the result does not
 * depend on the number of threads.
 *
 * An error is kept with its part until the rows before it are emitted, so that errors come in order
 * as well. Private to batch/. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "replay_options.h"
#include "replay_states.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One entity of one row. The list's bytes hold its key and then, aligned, its packed entry
 * (replay_entry.h). */
struct replay_item {
    uint64_t key_hash;
    uint32_t at; /* in the bytes */
    uint32_t row;
    uint16_t key_length;
    uint16_t entity;
};

/* The items of one part and one shard, in the order of the rows; items and bytes are laid out in
 * the order in which the shard's thread reads them. */
struct replay_items {
    struct replay_item *items;
    uint32_t count, capacity;
    uint8_t *bytes;
    size_t length, byte_capacity;
};

/* A shard of a chunk's lane. */
enum replay_shard_state { REPLAY_UNTOUCHED, REPLAY_TAKEN, REPLAY_DONE };

enum replay_read_state { REPLAY_NOT_READ, REPLAY_READ, REPLAY_READ_LATE };

/* What a chunk has for one plan; parallel to replay->lanes. Written by the entries stage (items)
 * and the features stage (values, reads, texts), read by the decide stage. */
struct replay_lane_rows {
    struct replay_items *items; /* [part][shard] */
    size_t items_count;
    struct value *values; /* [row][the plan's features] */
    uint8_t *reads;       /* [row][entity]: enum replay_read_state */
    size_t value_capacity, read_capacity;
    struct arena *texts; /* [shard]: texts of values */
    size_t text_count;
    size_t shard_count;
};

/* What is kept of a decision until its row is emitted. */
struct replay_result {
    enum verdict verdict; /* VERDICT_NONE: refused, or not decided */
    uint32_t score;
};

struct replay_line {
    enum record_type type;
    bool is_decided;      /* thresholds may need the decision even where the row is not reported */
    bool is_reported;     /* goes to the listener */
    bool is_surely_taken; /* the schema accepts it; false: it may, that was not examined */
    bool is_skipped;      /* no rule can fire: it is only counted */
    uint64_t position;
    size_t payload_at, payload_length; /* in payloads */
    struct replay_result decision, against;
    size_t prepared;      /* bytes that take() appended to the part's buffer */
    struct record record; /* of those that change entities, from the entries stage on */
};

/* A slice of a chunk's rows: the unit of work of the entries and decide stages. */
struct replay_part {
    size_t first, end;
    size_t good; /* rows before this one succeeded; end: all did */
    int result;  /* the error of row `good` */
    struct error error;
    struct arena memory; /* of decoded records and entries */
    struct buffer prepared;
    /* Sums over its good rows, where the decide stage has counted them. */
    bool is_counted;
    size_t reported; /* rows that go to the listener */
    struct replay_report counts;
    int64_t newest_us; /* event time; INT64_MIN: there is none */
};

struct replay_chunk {
    uint64_t number;
    uint64_t before; /* records that were read before its first one */
    struct buffer payloads;
    struct replay_line *rows;
    size_t row_count, row_capacity;
    struct replay_part *parts;
    size_t part_count, part_capacity;
    struct replay_lane_rows *lanes;
    size_t lane_count, lane_capacity;
    bool is_barrier; /* the next chunk must not start before this one is emitted */
    bool is_night;   /* and thresholds are computed there; else its last record changes things */
    bool is_last;
    int result; /* < 0: reading failed behind its last row, which makes it the last chunk */
    struct error error;

    /* The pipeline's bookkeeping, under its lock. */
    size_t owner; /* the worker that read it */
    size_t entries_taken, entries_done;
    uint8_t *features_state; /* [lane][shard]: enum replay_shard_state */
    size_t features_count, features_capacity, features_taken, features_done;
    size_t decide_taken, decide_done;
};

void replay_chunk_init(struct replay_chunk *chunk);
void replay_chunk_deinit(struct replay_chunk *chunk);

/* Empties it and keeps the memory. */
void replay_chunk_clear(struct replay_chunk *chunk);
/* Appends a record; copies the payload. */
void replay_chunk_add(struct replay_chunk *chunk, enum record_type type, uint64_t position,
                      struct text payload);
/* Behind the last record: divides the rows into parts. */
void replay_chunk_cut(struct replay_chunk *chunk, size_t parts);
/* Before the entries stage: makes room for each lane's items and values. */
void replay_chunk_lanes(struct replay_chunk *chunk, struct replay_states *const *lanes,
                        size_t count);

static inline struct text replay_chunk_payload(const struct replay_chunk *chunk,
                                               const struct replay_line *row) {
    return (struct text){.data = (const char *)chunk->payloads.bytes + row->payload_at,
                         .length = row->payload_length};
}
