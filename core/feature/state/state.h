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

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/value.h"
#include "core/feature/live/live.h"
#include "core/feature/plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct entry and struct state are live.h's. A state in memory belongs to one plan: that of the
 * first call that fills it. */

void state_init(struct state *state);
void state_deinit(struct state *state);
/* The same of a state whose heap goes with it: what lies in the heap is left there. */
void state_leave(struct state *state);

/* The state that these bytes are (of a table), trusted: state_check() has seen them, or a content
 * hash. */
void state_assign(struct state *state, const struct entity_plan *entity, const void *bytes,
                  size_t length);
/* Appends the state's bytes: none for the empty one. */
void state_encode(const struct state *state, const struct entity_plan *entity,
                  struct buffer *bytes);
/* Of all the memory that it keeps, but for the struct itself. */
size_t state_memory(const struct state *state);

/* Adds one entry, and drops what no window can read any more. */
void state_apply(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const struct entry *entry);

/* Adds all entries of another state of the same plan and lateness, trusted like state_assign()'s;
 * the sets of records must be disjoint. */
void state_merge(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const void *bytes, size_t length);

/* Working memory of state_read() and state_evaluate(): one per thread. */
struct state_scratch;
struct state_scratch *state_scratch_new(void);
void state_scratch_free(struct state_scratch *scratch); /* NULL is allowed */

/* ret_values[i] = entity->features[i] at at_us, from encoded bytes (length 0: no history), trusted
 * like state_assign()'s. The contribution of `current` (NULL: there is none; else at_us is its
 * time) is added as its feature says; last, seconds_since_last, is_new, distance and speed never
 * include it, and nothing does under a delay. Without a current value is_new is absent; without a
 * current place distance and speed are. Texts point into the scratch memory, until its next use,
 * and into `current`. Returns 0, or 1 when at_us lies so far behind the newest entry that values
 * may miss expired ones. */
int state_read(const void *bytes, size_t length, const struct entity_plan *entity,
               int64_t lateness_us, int64_t at_us, const struct entry *current,
               struct state_scratch *scratch, struct value *ret_values);

/* The same of a state in memory, and quicker when it is read again and again: it keeps what its
 * windows hold. Texts point into the state and into `current`, until the next call with this state.
 */
int state_evaluate(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                   int64_t at_us, const struct entry *current, struct state_scratch *scratch,
                   struct value *ret_values);

/* Brings into the processor's cache what state_evaluate() and state_apply() at at_us will touch. In
 * steps 0, 1 and 2, each of which finds what the one before has fetched: with several states, one
 * step of all of them before the next, so that their waits overlap. `current` may be NULL. */
#define STATE_PREFETCH_STEPS 3
void state_prefetch(const struct state *state, const struct entity_plan *entity, int64_t at_us,
                    const struct entry *current, int step);

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
struct effective_window state_effective_window(const struct state *state,
                                               const struct entity_plan *entity, size_t feature,
                                               int64_t at_us);
struct effective_window state_effective_tick(const struct state *state,
                                             const struct entity_plan *entity, size_t feature,
                                             int64_t at_us);

/* Event time of the newest entry, and how many entries there are: raw ones, and transactions in
 * collapsed tiles. False for an empty state. The second is of encoded bytes, trusted. */
bool state_extent(const struct state *state, const struct entity_plan *entity,
                  int64_t *ret_newest_us, uint64_t *ret_entries);
bool encoded_extent(const void *bytes, size_t length, int64_t *ret_newest_us,
                    uint64_t *ret_entries);

/* Everything in it will be gone once a transaction at newest_us − lateness or later arrives, and no
 * window of that one can read any of it: a rebuild leaves it out, and comparisons take it as
 * absent. newest_us: newest event time of the archive. The second is of encoded bytes, trusted. */
bool state_is_idle(const struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                   int64_t newest_us);
bool encoded_is_idle(const void *bytes, size_t length, const struct entity_plan *entity,
                     int64_t lateness_us, int64_t newest_us);

/* Are these bytes a canonical state of this plan? ERROR_DAMAGED says what is not. Never reads
 * outside [bytes, bytes + length). What should have been dropped or collapsed is a fault, too. */
int state_check(const void *bytes, size_t length, const struct entity_plan *entity,
                struct error *ret_error);
