/* A chunk: some records that follow each other, on their way through a replay.
 *
 *   read      replay_read.c      payloads copied; one job at a time, ahead of the rest
 *   entity entries   replay_entries.c   rows across threads: decoded; per entity of a plan a key
 * and an entry features  replay_features.c  entities across threads, by shards of their keys: a
 * shard's items in the order of the rows, each read, then applied judge     replay_judge.c     rows
 * across threads: the decision, and what take() makes of it tell      replay_emit.c      rows in
 * order, in the thread that runs the replay
 *
 * replay_pipeline.c says which chunk may do what, and when. A record that changes what all rows see
 * (a policy, tables, lists) is the last one of its chunk: replay_barrier.c. So within a chunk all
 * that a row depends on, but for the states of its entities, is the same for all rows; and each
 * state is one thread's, which takes the rows in their order. That is why the number of threads
 * changes nothing.
 *
 * What goes wrong stays where it is until the row is told, so that errors, too, come in order.
 * Private to batch/. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "replay_options.h"
#include "replay_states.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One entity of one row. Its key and its entry lie in the list's bytes, aligned: key, then, aligned
 * as well, what replay_entry.h packs. */
struct replay_item {
    uint64_t key_hash;
    uint32_t at; /* in the bytes */
    uint32_t row;
    uint16_t key_length;
    uint16_t entity;
};

/* Those of one part and one shard, in the order of the rows; all of it in the order in which the
 * shard's thread goes through it. */
struct replay_items {
    struct replay_item *items;
    uint32_t count, capacity;
    uint8_t *bytes;
    size_t length, byte_capacity;
};

/* A shard of a chunk's lane. */
enum replay_shard_state { REPLAY_UNTOUCHED, REPLAY_TAKEN, REPLAY_THROUGH };

enum replay_read_state { REPLAY_NOT_READ, REPLAY_READ, REPLAY_READ_LATE };

/* What a chunk has for one plan: parallel to replay->lanes. */
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

/* What is kept of a decision until its row is told. */
struct replay_result {
    enum verdict verdict; /* VERDICT_NONE: there is none */
    uint32_t score;
};

struct replay_line {
    enum record_type type;
    bool is_decided; /* thresholds may look at it, though it is not told */
    bool is_reported;
    bool is_surely_taken; /* by the schema of the policy that judges; false: nobody has looked */
    bool is_skipped;      /* no rule has anything to say: it is only counted */
    uint64_t position;
    size_t payload_at, payload_length; /* in payloads */
    struct replay_result decision, against;
    size_t prepared;      /* bytes that take() has made, in the part's */
    struct record record; /* of transactions and outcomes, once outlined */
};

/* Rows that one job takes. */
struct replay_part {
    size_t first, end;
    size_t good; /* rows before this one are as they should be; end: all are */
    int result;  /* what is wrong with row `good` */
    struct error error;
    struct arena memory; /* of entity entries */
    struct buffer prepared;
    /* What its good rows come to, where their judge has counted them. */
    bool is_counted;
    size_t reported; /* of them, those that the listener hears of */
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
    bool is_barrier; /* its last record changes what rows see */
    bool is_night;   /* or the thresholds behind it are others: it is a turn, then */
    bool is_last;    /* nothing comes behind it */
    int result;      /* why nothing comes behind it: the reading failed */
    struct error error;

    /* The pipeline's, under its lock. */
    size_t owner; /* the worker that read it */
    size_t entries_taken, entries_done;
    uint8_t *features_through; /* [lane][shard]: enum replay_shard_state */
    size_t features_count, features_capacity, features_taken, features_done;
    size_t judges_taken, judges_done;
};

void replay_chunk_init(struct replay_chunk *chunk);
void replay_chunk_deinit(struct replay_chunk *chunk);

/* Empty again, its memory kept. */
void replay_chunk_clear(struct replay_chunk *chunk);
/* A record behind the others; copies the payload. */
void replay_chunk_add(struct replay_chunk *chunk, enum record_type type, uint64_t position,
                      struct text payload);
/* All records are there: cuts them into parts. */
void replay_chunk_cut(struct replay_chunk *chunk, size_t parts);
/* Before the first entity entries: room for what the lanes have to say of the rows. */
void replay_chunk_lanes(struct replay_chunk *chunk, struct replay_states *const *lanes,
                        size_t count);

static inline struct text replay_chunk_payload(const struct replay_chunk *chunk,
                                               const struct replay_line *row) {
    return (struct text){.data = (const char *)chunk->payloads.bytes + row->payload_at,
                         .length = row->payload_length};
}
