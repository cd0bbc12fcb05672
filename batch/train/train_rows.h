/* The transactions that a model learns from: what its inputs were when each was decided, and
 * whether it turned out to be fraud.
 *
 * Inputs are read from the frame of a replay as known then, by the code that evaluates the model in
 * a server. A label counts if it was known before `outcomes_until_us`.
 *
 * Memory is bounded by sampling. Every fraud is kept. Of the others those are kept whose id has a
 * hash with at least `level` zero bits at its end, and each of these weighs 2^level; `level` is the
 * least with which the rows fit. So the same rows are kept however many threads read them. */
#pragma once

#include "batch/replay/replay.h"

struct train_row {
    int64_t event_time_us;
    uint64_t position;
    float weight; /* as how many transactions it counts */
    bool is_positive;
};

struct train_rows {
    size_t input_count, count;
    double *values;         /* row i's inputs begin at values[i × input_count]; NaN: missing */
    struct train_row *rows; /* by event time, then by position */
    unsigned level;
    /* Transactions of the range, and what became of those without a row. */
    uint64_t transactions, positives;
    uint64_t refused;          /* by the policy */
    uint64_t immature;         /* too young for all outcomes to be known */
    uint64_t suspected;        /* neither confirmed nor cleared */
    uint64_t failed;           /* an input failed */
    uint64_t sampled;          /* left out to save memory */
    char failure[256];         /* of the first of those that failed: which input, and why */
    int64_t first_us, last_us; /* event times of the rows */
};

struct train_rows_options {
    const char *archive;
    struct snapshot *snapshot;        /* with the model, which may be untrained */
    const struct policy_model *model; /* of the snapshot */
    int64_t from_us, until_us;        /* event times in [from, until) */
    int64_t outcomes_until_us;        /* the test range begins here */
    int64_t outcomes_after_us; /* transactions that are younger at outcomes_until_us do not count;
                                  −1: all do. Those without an outcome count as legit */
    uint64_t seed;
    bool is_unlabelled;    /* outcomes are not looked at: every transaction counts, as no fraud */
    size_t threads;        /* 0: one for each processor */
    uint64_t memory_bytes; /* of rows, with what training makes of them; 0: a quarter of the
                              machine's */
};

/* ERROR_NOT_FOUND: no transactions, or none since the test range begins; of labelled ones, no
 * frauds or nothing but frauds; of others, a single one. ERROR_TOO_LARGE: the frauds alone do not
 * fit. ERROR_INVALID: an input fails for more than one in a hundred transactions. Others as of
 * replay_open() and replay_run(). */
int train_rows_read(const struct train_rows_options *options, struct progress *progress,
                    struct train_rows *ret_rows, struct error *ret_error);
void train_rows_deinit(struct train_rows *rows);

/* SHA-256 over the rows in their order: for each its position, event time and label, then its
 * inputs, all little-endian. ret_hex: 64 characters and a NUL. */
void train_rows_hash(const struct train_rows *rows, char ret_hex[65]);
