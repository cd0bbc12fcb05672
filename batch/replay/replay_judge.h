/* Decides one row, or a part of a chunk. Private to batch/replay. */
#pragma once

#include "replay_job.h"

void replay_judge_part(const struct replay *replay, struct replay_chunk *chunk, size_t part,
                       size_t worker);

/* A transaction that is decided on nothing but what was read of it. */
struct replay_judging {
    const struct replay *replay;
    size_t worker;
    const struct replay_chunk *chunk; /* whose lanes have the features */
    size_t index;                     /* of the row */
};

/* Fills the row. Decisions live in the worker's memory until its next row. */
struct replay_decided {
    struct replay_row row;
    struct decision decision, against;
    struct error refusal;
};

int replay_judge_row(const struct replay_judging *judging, struct replay_decided *ret_decided,
                     struct error *ret_error);

struct replay_result replay_result_of(const struct decision *decision);

/* What thresholds computed on the way keep of a decision. */
int replay_note_decided(const struct replay *replay, size_t worker, const struct replay_row *row,
                        struct error *ret_error);

/* Begins a row: what does not depend on who decides. */
void replay_begin_row(const struct replay *replay, const struct record *record,
                      struct replay_decided *ret_decided);

/* What the listener's take() makes of it, appended. */
int replay_take(const struct replay *replay, size_t worker, struct replay_decided *decided,
                struct buffer *prepared, struct error *ret_error);

/* The policies that were beside this decision judge beside the worker's engine. */
int replay_fit_shadows(const struct replay *replay, size_t worker, const struct record *record,
                       struct error *ret_error);

/* Of engine_decide() or engine_judge(): 0, or 1 for a refusal, or what ends the replay. */
int replay_settle(const struct replay_judge *judge, const struct record *record, int r,
                  struct decision *decision, struct error *ret_error);

int replay_no_policy(const struct replay *replay, uint64_t position, struct error *ret_error);
