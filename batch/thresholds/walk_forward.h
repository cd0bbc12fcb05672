/* Walk-forward thresholds: thresholds and cut-offs of a policy that never ran, computed inside a
 * replay every night from what the replay has seen so far, as the nightly job would have computed
 * them. Without this, a replay would use thresholds that already know the data they are tested on.
 *
 * A night comes before the first transaction whose event time is on a later day (UTC) than all
 * before it; event times are used because imported histories have them, too. Periods end with the
 * newest event time so far. Values, guards and budgets are those of a rebuild (threshold_job.h),
 * with one difference: cut-offs come from the scores that the replay gave with the thresholds in
 * force at the time, while a rebuild scores its period again with the new ones. The results are
 * equal unless a live rule reads a threshold.
 *
 * Everything of the longest period is kept in memory. Private to batch/. */
#pragma once

#include "core/policy/load/snapshot.h"
#include "core/wire/types/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct walk_forward;

struct walk_forward_options {
    const struct snapshot *snapshot; /* must outlive it */
    size_t workers;
    size_t memory_bytes; /* half for what is kept, half for sorting it */
    /* Creates an empty file and returns its descriptor, when memory for sorting does not suffice.
     */
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

struct walk_forward *walk_forward_new(const struct walk_forward_options *options);
void walk_forward_free(struct walk_forward *walk); /* NULL is allowed */

/* Is there a night before a transaction of this event time? newest_us: the newest event time so
 * far; INT64_MIN: none yet. */
bool walk_forward_is_night(int64_t newest_us, int64_t event_time_us);
/* The longest period of the policy's thresholds and budgets: a replay must decide this much history
 * before the first transaction it reports. */
int64_t walk_forward_reach_us(const struct snapshot *snapshot);

/* A transaction that was decided. */
struct walk_forward_row {
    uint64_t position;
    int64_t event_time_us;
    uint32_t score;
    bool is_backfilled;        /* no budget counts it */
    const struct value *frame; /* of the snapshot */
};

/* Called by workers, each with its own number; each row once, in any order. ERROR_TOO_LARGE: what
 * is kept exceeds its half of the memory. */
int walk_forward_take(struct walk_forward *walk, size_t worker, const struct walk_forward_row *row,
                      struct error *ret_error);

/* The functions below: one thread, while no worker is in walk_forward_take(). */

/* In the archive's order: a later outcome of a transaction replaces an earlier one. */
void walk_forward_note_outcome(struct walk_forward *walk, uint64_t transaction_position,
                               enum label label);

/* A transaction that has been applied; in the order of the replay. */
void walk_forward_note_time(struct walk_forward *walk, int64_t event_time_us);

/* Computes the night's thresholds, after all rows before it were taken. in_force: what guards
 * compare with; NULL: none. *ret_thresholds is the caller's: thresholds_free(). */
int walk_forward_compute(struct walk_forward *walk, const struct thresholds *in_force,
                         struct thresholds **ret_thresholds, struct error *ret_error);
