/* What the models of the policy in force were given in the last day, counted in the bins of their
 * references, hour by hour: how far inputs and scores have drifted from training, as metrics.
 *
 * Counted is a quarter of the archived decisions of the policy in force, not those of a challenger
 * or of shadow policies. A day is counted because a day has all of its hours: an input such as the
 * hour itself would always have drifted in any part of it. Nothing is kept over a restart; a reload
 * keeps what belongs to models that stay the same.
 *
 * Everything but drift_sum_write() and drift_sum_free() under the decision lock. */
#pragma once

#include "core/base/buffer.h"
#include "core/engine/engine.h"
#include "core/policy/models/model_drift.h"

#define DRIFT_HOURS  24 /* and the current one */
#define DRIFT_SAMPLE 4  /* one of so many: counting all would cost a decision 3 % */
/* A series begins with so many counted decisions: of 13 bins, chance alone gives 0.012 then. */
#define DRIFT_DECISIONS_MIN 1000
/* Series of inputs; of a policy with more, those of its first ones. */
#define DRIFT_INPUTS_MAX 1000

struct drift_counts;

struct drift_counts *drift_counts_new(struct snapshot *rules); /* NULL: no model has a reference */
void drift_counts_free(struct drift_counts *counts);           /* NULL is allowed */

/* The decision about the transaction with this id, which the engine has just made and which is
 * archived. Counted if the id's hash is a multiple of DRIFT_SAMPLE. */
void drift_counts_add(struct drift_counts *counts, const struct engine *engine, struct text id,
                      int64_t receive_time_us);

/* Gives the next policy's counts those of all models that are the same in both: by name, by what
 * their values are computed from, and by reference. NULL is allowed. */
void drift_counts_continue(struct drift_counts *next, const struct drift_counts *before);

/* The counts of the last day, for writing without the lock. counts NULL: none. */
struct drift_sum *drift_counts_sum(struct drift_counts *counts, int64_t now_us);
void drift_sum_free(struct drift_sum *sum);
void drift_sum_write(const struct drift_sum *sum, struct buffer *out);
