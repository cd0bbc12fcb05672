/* A state in memory: what is left of one entity's records, as plain structures.
 *
 *   rows       the raw entries, in order, each a row of fixed width (row.h)
 *   collapsed  tiles as words (tile.h), sketch tiles (sketch_tile.h), and when which of them unite
 *   windows    what each window holds, kept from one read to the next (windows.h)
 *
 * The windows are a cache: rows and collapsed tiles alone say what a value is. Internal to
 * core/feature, but for struct entry and the size of struct state. */
#pragma once

#include "core/feature/plan/plan.h"
#include "core/feature/sketch/distribution.h"
#include "core/feature/sketch/sketch.h"

/* What one record means to one entity. Columns and filters are those of the entity's plan.
 *
 * A transaction's entry has weights 0 or 1: does it pass the filter (outcome filters: as if no
 * outcome were known). An outcome's entry has `transaction` false, the same time, id and columns as
 * its transaction's, 0 for plain filters and for outcome filters passes(new label) − passes(old).
 * Entries of the same (time_us, id_hash) add up, whichever comes first.
 *
 * An amended transaction is taken out as it was and put in as it is now, at its own time. What is
 * put in is an entry like that of a transaction, but with the label that is known. What takes it
 * out has is_taken_out, the columns it was put in with, the weights of plain filters that it was
 * put in with, and those of outcome filters negated. */
struct entry {
    int64_t time_us;
    uint64_t id_hash;
    bool transaction;  /* one more of them; false for outcomes, and for what is taken out */
    bool is_taken_out; /* one fewer */
    uint32_t present;  /* bit i: column i has a value */
    int64_t integers[PLAN_COLUMNS_MAX]; /* COLUMN_INTEGER: the value; COLUMN_HASH: the hash */
    /* COLUMN_TEXT, somebody else's memory. Longer than COLUMN_TEXT_MAX counts as absent. */
    struct text texts[PLAN_COLUMNS_MAX];
    int32_t weights[PLAN_FILTERS_MAX];
};

/* A tile that holds more transactions than this is collapsed. Enough that people stay exact: nobody
 * in the Fraud Detection Handbook pays more than 11 times within the widest tile of a 30-day
 * window. */
#define TILE_RAW_MAX 16

/* Of a sketch tile: the values of each pool and the distribution of each of the plan's, of what has
 * collapsed in it. */
struct sketch_tile {
    int64_t oldest_us, newest_us;
    struct sketch *sketches;            /* parallel to the plan's pools */
    struct distribution *distributions; /* parallel to the plan's distributions */
    uint16_t pool_count, distribution_count;
};

/* Once the entity's newest time is at_us, what lies at first_us may be in one tile with something
 * behind it. */
struct meeting {
    int64_t at_us, first_us;
};

/* What nearly every change looks at comes first. */
struct tile_list {
    uint64_t *words;               /* the tiles, one behind the other, oldest first */
    uint32_t begin, end, capacity; /* of tiles */
    uint32_t tile_size;            /* in bytes */
    uint32_t sketch_count, sketch_capacity;
    int64_t sketches_due_us; /* when the next of them are united or dropped */
    int64_t meeting_due_us;  /* the first meeting; INT64_MAX: there is none */
    struct meeting latest;   /* pushed last, if that is in the heap */
    uint32_t meeting_count, meeting_capacity;
    struct meeting *meetings;     /* a heap, the first due on top */
    struct sketch_tile *sketches; /* oldest first */
    size_t sketch_bytes; /* that they take, as of when they were last united, dropped or made */
};

/* Of one border: how many rows and tiles have passed it, as the index of the first that has not;
 * and when that does. */
struct mark {
    uint32_t row, tile;
    int64_t due_us; /* INT64_MAX: nothing is left */
};

struct distinct;
struct windows {
    int64_t at_us;             /* as of when */
    int64_t due_us;            /* before this, nothing passes a border */
    bool is_known;             /* else all of it has to be found anew */
    uint32_t size;             /* of this block */
    struct distinct *distinct; /* NULL: the plan has no pools */
    /* One for each border; behind them the accumulators, plan->word_count words. */
    struct mark marks[];
};

/* Zeroed is empty. */
struct state {
    uint8_t *rows;
    uint32_t begin, end, capacity; /* of rows */
    uint16_t row_size;
    uint8_t layout;        /* which of the plan's */
    bool is_in_heap : 1;   /* it lies in an extent of a heap (base/heap.h), and its rows are that
                              one's */
    bool is_scheduled : 1; /* next_due_us and the meetings are known */
    int64_t origin_us;     /* what the times in rows count from */
    int64_t newest_us;     /* of all entries, if there is any */
    int64_t next_due_us;   /* before the newest time is this, nothing is collapsed or dropped */
    struct tile_list *tile_list; /* NULL: none */
    struct windows *windows;     /* NULL: none */
};

static inline uint32_t tile_count(const struct state *state) {
    return state->tile_list ? state->tile_list->end - state->tile_list->begin : 0;
}
static inline bool state_is_empty(const struct state *state) {
    return state->begin == state->end && tile_count(state) == 0;
}
