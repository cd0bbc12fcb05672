/* harrier train: a model from an archive.
 *
 *   learn    replays the training range, reads the model's inputs and labels (train_rows.h), splits
 *            them by time (train_split.h), fits (train_fit.h), checks that the file means the same
 *            to Harrier as to the library, and calibrates (train_calibration.h)
 *   write    is the caller's: it puts the file into a policy, which is loaded as a server would
 *   confirm  replays the later range under that policy: all figures of the card come from it
 *            (train_confirm.h)
 *
 * A label counts in the training range if it was known before the later range begins, so a model
 * knows no more than if it had been trained at that time. The result depends on the archive, the
 * declaration, the options and the seed, not on the number of threads. */
#pragma once

#include "core/model/model_reference.h"
#include "train_fit.h"

struct train_range {
    int64_t from_us, until_us; /* event times in [from, until) */
};

struct train_options {
    const char *archive;              /* folder of the archive */
    struct snapshot *snapshot;        /* snapshot_load_untrained() */
    const struct policy_model *model; /* of it; no scorecard */
    struct train_range train, test;   /* test: all 0: none; only if no labels are needed */
    /* Younger transactions are left out of the training, and those without an outcome counted in
     * the test; −1: all are old enough. */
    int64_t outcomes_after_us;
    uint64_t seed;
    size_t threads;        /* of replays; 0: one for each processor */
    uint64_t memory_bytes; /* for rows; 0: a quarter of the machine's */
};

struct train_learned {
    struct train_rows rows;
    struct train_split split;
    struct train_fitted fitted;
    double *margins; /* [row]: of the model as Harrier evaluates it */
    struct calibration calibration;
    struct calibration_point *points; /* of it; heap */
    char hash[65];                    /* train_rows_hash() */
};

/* Of the name of the file that its algorithm makes: "ubj". */
const char *train_suffix(const struct policy_model *model);
/* Does its algorithm learn from outcomes? If not, a later range to test on is not needed. */
bool train_needs_labels(const struct policy_model *model);
/* Can this model be trained here? ERROR_UNSUPPORTED: what is missing. ERROR_INVALID: it is a
 * scorecard. */
int train_available(const struct policy_model *model, struct error *ret_error);

/* ERROR_INTERNAL: the file gives other margins than the library. Others as of train_rows_read(),
 * train_split(), train_platt(), train_isotonic() and the algorithm's function. */
int train_learn(const struct train_options *options, struct progress *progress,
                struct train_learned *ret_learned, struct error *ret_error);
void train_learned_deinit(struct train_learned *learned);

/* The reference that later values are compared with (core/model/model_reference.h), over all rows;
 * of a sample, each row as often as it counts. Appends the file. */
void train_reference_write(const struct train_options *options, const struct train_learned *learned,
                           struct buffer *out);
