/* What the models of one policy were given in a replay, and how far that is from training
 * (core/policy/models/model_drift.h). Each worker counts for itself. */
#pragma once

#include "batch/replay/replay.h"
#include "core/policy/models/model_drift.h"

struct report_models;

/* policy: NULL, or one that must outlive it. Without references nothing is counted. */
struct report_models *report_models_new(const struct snapshot *policy, size_t workers);
void report_models_free(struct report_models *models); /* NULL is allowed */
/* How much memory that takes. */
size_t report_models_bytes(const struct snapshot *policy, size_t workers);

/* In a replay_listener's take(), in that worker's thread: a row that was decided. Ignored if
 * another policy decided it. */
void report_models_take(struct report_models *models, size_t worker, const struct replay_row *row);

/* Of all workers; model_drift_size() of the policy's models, which may be none. Not while rows are
 * being taken. Valid until the next call of any of these. */
uint64_t *report_models_counts(struct report_models *models, size_t *ret_count);

/* For a checkpoint, or to keep: nothing at all if nothing is counted. Decoding is for an object of
 * the same policy without rows. */
void report_models_encode(struct report_models *models, struct buffer *out);
void report_models_decode(struct report_models *models, struct cursor *cursor);

/* Of each model the score, then its inputs, in the policy's order; texts are the policy's. The
 * caller frees the array. */
struct report_model_drift {
    struct text model;
    const struct model_reference *reference;
    struct model_drift drift;
};
struct report_model_drift *report_models_drift(struct report_models *models, size_t *ret_count);
