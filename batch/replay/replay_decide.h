/* The decide stage: decides a part of a chunk, or one row. It reads the features that were stored
 * with the rows and no states, so rows can be decided in any order. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* Any worker; an error is left in the part. */
void replay_decide_part(const struct replay *replay, struct replay_chunk *chunk, size_t part,
                        size_t worker);

/* One row to decide. */
struct replay_row_task {
    const struct replay *replay;
    size_t worker;
    const struct replay_chunk *chunk; /* whose lanes have the features */
    size_t index;                     /* of the row */
    /* Rows whose models wait for each other: bit i of those that the decider, and the second
     * policy's, has prepared, and the row that bit 0 stands for. */
    size_t first;
    uint64_t prepared, against_prepared;
};

/* A decided row. Decisions live in the worker's memory until its next row. */
struct replay_decided {
    struct replay_row row;
    struct decision decision, against;
    struct error refusal;
};

int replay_decide_row(const struct replay_row_task *task, struct replay_decided *ret_decided,
                      struct error *ret_error);

struct replay_result replay_result_of(const struct decision *decision);

/* Passes a decided row to walk-forward, if the replay computes thresholds. */
int replay_note_decided(const struct replay *replay, size_t worker, const struct replay_row *row,
                        struct error *ret_error);

/* Starts a row: fills what does not depend on the decision. */
void replay_begin_row(const struct replay *replay, const struct record *record,
                      struct replay_decided *ret_decided);

/* Calls the listener's take() for a decided row; what it appends goes to `prepared`. */
int replay_take(const struct replay *replay, size_t worker, struct replay_decided *decided,
                struct buffer *prepared, struct error *ret_error);

/* Which policy decides about the transaction, and why: by the experiment in force, if there is one.
 */
const struct replay_decider *replay_decider_of(const struct replay *replay,
                                               const struct transaction *transaction,
                                               enum arm *ret_arm);

/* Makes the worker's engine of the decider use the shadow policies that the archived decision
 * names. */
int replay_fit_shadows(const struct replay *replay, const struct replay_decider *decider,
                       size_t worker, const struct record *record, struct error *ret_error);

/* Completes the result r of engine_decide() or engine_judge(): 0 and the decision's ids are filled,
 * or 1 for a refusal, or an error that ends the replay. */
int replay_complete_decision(const struct replay_decider *decider, const struct record *record,
                             int r, struct decision *decision, struct error *ret_error);

/* Sets the error that the archive has no policy for this transaction. */
int replay_no_policy(const struct replay *replay, uint64_t position, struct error *ret_error);
