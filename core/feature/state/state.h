/* The state of one entity: what is left of all its transactions that a window can still read.
 *
 * A state is a pure function of the set of entries applied to it and of its plan: any order of
 * application, and any split into parts that are merged, gives the same bytes. Time counts from the
 * newest entry, never from a clock. state.c documents the bytes.
 *
 * Values. All arithmetic is on exact integers; a double is made at the end, in one division (and
 * one root). Over a column, entries that lack it are skipped, in counts too: the mean divides by
 * the entries that have a value. Empty windows: count, distinct, sum and burst are 0, is_new is
 * true, everything else is absent. A sum of ints that does not fit an int64 is absent. Where
 * something is absent, the feature's default takes its place if it has one. No column is too wide:
 * sums have 128 bits, and n·Σx² − (Σx)² is computed with 256, so that any int64 may be aggregated.
 * Distances (place.h) are rounded to metres, speeds to 0.1 km/h. Of what has collapsed, many
 * different values are counted by an estimate, and quantiles are near: state_effective_window(). */
#pragma once

#include "core/base/error.h"
#include "core/base/value.h"
#include "core/feature/plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one record means to one entity. Columns and filters are those of the entity's plan.
 *
 * A transaction's entry has weights 0 or 1: does it pass the filter (outcome filters: as if no
 * outcome were known). An outcome's entry has `transaction` false, the same time, id and columns as
 * its transaction's, 0 for plain filters and for outcome filters passes(new label) − passes(old).
 * Entries of the same (time_us, id_hash) add up, whichever comes first. */
struct entry {
    int64_t time_us;
    uint64_t id_hash;
    bool transaction;
    uint32_t present;                   /* bit i: column i has a value */
    int64_t integers[PLAN_COLUMNS_MAX]; /* COLUMN_INTEGER: the value; COLUMN_HASH: the hash */
    /* COLUMN_TEXT, somebody else's memory. Longer than COLUMN_TEXT_MAX counts as absent. */
    struct text texts[PLAN_COLUMNS_MAX];
    int32_t weights[PLAN_FILTERS_MAX];
};

/* The version in every state's first byte, and part of every layout hash. */
#define STATE_ENCODING_VERSION 3

/* A state in memory of its own. Zeroed is empty. The bytes are the canonical encoding; whoever
 * empties it may do so by setting length to 0. */
struct state {
    uint8_t *bytes;
    uint32_t length;
    uint32_t capacity; /* of the memory for bytes: of the gap in front of them, too */
    uint32_t gap;
    uint32_t front; /* in front of all that: a standing (standing.h), of so many bytes; 0: none */
    /* What state_apply() knows of the bytes, to be quick the next time: survey.h. */
    uint8_t block_transactions; /* raw ones in the newest block, at most TILE_RAW_MAX + 1 */
    uint8_t unmarked;           /* raw entries since the survey's last mark */
    bool is_surveyed;
    bool
        is_in_heap; /* it lies in an extent of a heap (base/heap.h), and its bytes are that one's */
    /* Where there is a front: how much of it, from its first byte on, the last read would have
     * touched. A hint to what the next one will, and nothing else. */
    uint32_t front_used;
    int64_t quiet_us; /* before the newest time is this, nothing is collapsed, united or dropped */
    struct survey *survey; /* NULL: none. state_deinit() frees it */
};

void state_init(struct state *state);
void state_deinit(struct state *state);
/* The same of a state whose heap goes with it: what lies in the heap is left there. */
void state_leave(struct state *state);

/* A copy of encoded bytes (of a table), trusted: state_check() has seen them, or a content hash. */
void state_assign(struct state *state, const void *bytes, size_t length);

/* Adds one entry, and drops what no window can read any more. */
void state_apply(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const struct entry *entry);

/* Adds all entries of another state of the same plan and lateness, trusted like state_assign()'s;
 * the sets of records must be disjoint. bytes must not be the state's own. */
void state_merge(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const void *bytes, size_t length);

/* Working memory of state_read(): one per thread, grows to the largest need and is used again. */
struct state_scratch;
struct state_scratch *state_scratch_new(void);
void state_scratch_free(struct state_scratch *scratch); /* NULL is allowed */

/* ret_values[i] = entity->features[i] at at_us, from encoded bytes (length 0: no history). The
 * contribution of `current` (NULL: there is none; else at_us is its time) is added as its feature
 * says; last, seconds_since_last, is_new, distance and speed never include it, and nothing does
 * under a delay. Without a current value is_new is absent; without a current place distance and
 * speed are. Texts point into the state and into `current`. Returns 0, or 1 when at_us lies so far
 * behind the newest entry that values may miss expired ones. */
int state_read(const void *bytes, size_t length, const struct entity_plan *entity,
               int64_t lateness_us, int64_t at_us, const struct entry *current,
               struct state_scratch *scratch, struct value *ret_values);

/* The same of a state in memory, and quicker when it is read again and again: it keeps what it has
 * found out beside the state. Texts point into the state, what it keeps and `current`, until the
 * next call with this state. */
int state_evaluate(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                   int64_t at_us, const struct entry *current, struct state_scratch *scratch,
                   struct value *ret_values);

/* Brings into the processor's cache what state_evaluate() and state_apply() at at_us will touch. In
 * steps 0, 1 and 2, each of which finds what the one before has fetched: with several states, one
 * step of all of them before the next, so that their waits overlap. `current` may be NULL. */
#define STATE_PREFETCH_STEPS 3
void state_prefetch(const struct state *state, const struct entity_plan *entity, int64_t at_us,
                    const struct entry *current, int step);

/* Memory that state_evaluate() and state_apply() keep beside the bytes. */
size_t state_kept_bytes(const struct state *state, const struct entity_plan *entity);

/* How many is_new features of the last state_read() were left absent because more different values
 * have to be told apart than a state can keep. */
uint64_t state_scratch_unknown(const struct state_scratch *scratch);

/* The window that a feature's value is exact for in a read at at_us: it is made of the entries with
 * after_us < time <= until_us. (Of distinct beyond SKETCH_VALUES_MAX values it is an estimate, with
 * a standard error of 3.25 %; a quantile among values that have collapsed is less than 1/128 of
 * itself beside the exact one.) Each edge is less than 1/64 of the feature's window beside the one
 * that was asked for, 1/8 for distinct, is_new and quantile, unless state_read() would return 1.
 * state_effective_tick() is the same of the last tick of a burst. */
struct effective_window {
    int64_t after_us, until_us;
};
struct effective_window state_effective_window(const void *bytes, size_t length,
                                               const struct entity_plan *entity, size_t feature,
                                               int64_t at_us);
struct effective_window state_effective_tick(const void *bytes, size_t length,
                                             const struct entity_plan *entity, size_t feature,
                                             int64_t at_us);

/* Event time of the newest entry, and how many entries there are: raw ones, and transactions in
 * collapsed tiles. False for an empty state. */
bool state_extent(const void *bytes, size_t length, int64_t *ret_newest_us, uint64_t *ret_entries);

/* Everything in it will be gone once a transaction at newest_us − lateness or later arrives, and no
 * window of that one can read any of it: a rebuild leaves it out, and comparisons take it as
 * absent. newest_us: newest event time of the archive. */
bool state_is_idle(const void *bytes, size_t length, const struct entity_plan *entity,
                   int64_t lateness_us, int64_t newest_us);

/* Are these bytes a canonical state of this plan? ERROR_DAMAGED says what is not. Never reads
 * outside [bytes, bytes + length). Whether an entry should have been dropped is not looked at: that
 * depends on the lateness. */
int state_check(const void *bytes, size_t length, const struct entity_plan *entity,
                struct error *ret_error);
