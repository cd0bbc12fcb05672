/* Thresholds and cut-offs of a policy that never ran: computed inside a replay every night, from
 * what the replay has seen by then, as the nightly job would have computed them.
 *
 * A night lies before the first transaction whose event time is of a later day (UTC) than all
 * before it, for that is a time that imported histories have, too. Its periods end with the newest
 * event time so far. Values, guards and budgets are those of a rebuild (threshold_job.h), with one
 * difference: cut-offs are found among the scores that the replay gave, with the thresholds that
 * were in force then, where a rebuild scores its period once more with the new ones. They are the
 * same unless a live rule reads a threshold.
 *
 * Everything of the longest period is in memory. Private to batch/. */
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
    size_t memory_bytes; /* a half for what is kept, the rest for sorting it */
    /* Makes an empty file and returns its descriptor, when memory for sorting does not suffice. */
    int (*make_file)(void *user, struct error *ret_error);
    void *user;
};

struct walk_forward *walk_forward_new(const struct walk_forward_options *options);
void walk_forward_free(struct walk_forward *walk); /* NULL is allowed */

/* Does a night lie before a transaction of this event time, if newest_us is the newest so far?
 * INT64_MIN: none so far. */
bool walk_forward_is_night(int64_t newest_us, int64_t event_time_us);
/* How far behind a transaction's event time a threshold or budget of the policy looks: as much
 * history a replay has to decide before the first transaction it tells of. */
int64_t walk_forward_reach_us(const struct snapshot *snapshot);

/* A transaction that was decided. */
struct walk_forward_row {
    uint64_t position;
    int64_t event_time_us;
    uint32_t score;
    const struct value *frame; /* of the snapshot */
};

/* In worker threads, each with its own number; each row once, in any order. ERROR_TOO_LARGE: it is
 * more than memory holds. */
int walk_forward_take(struct walk_forward *walk, size_t worker, const struct walk_forward_row *row,
                      struct error *ret_error);

/* The rest by one thread, while no worker takes anything. */

/* In the archive's order. */
void walk_forward_note_outcome(struct walk_forward *walk, uint64_t transaction_position,
                               enum label label);

/* In the order of the replay: a transaction that has been applied. */
void walk_forward_note_time(struct walk_forward *walk, int64_t event_time_us);

/* All rows before the night have been taken. in_force: NULL: none. New thresholds, for
 * thresholds_free(). */
int walk_forward_compute(struct walk_forward *walk, const struct thresholds *in_force,
                         struct thresholds **ret_thresholds, struct error *ret_error);
