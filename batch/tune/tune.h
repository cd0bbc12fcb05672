/* harrier tune: better numbers for a policy, found on one range of an archive and tried on a later
 * one.
 *
 *   learn     replays the training range under the present policy, reads what its rules look at
 *             (tune_rows.h), chooses candidates and searches (tune_search.h)
 *   (edit)    the caller makes the policy with the changes that were found
 *   confirm   replays the later range under that policy and, in the same run, under the present
 *             one. All figures of that range come from this replay's decisions
 *
 * Both are replays as known then. A label counts in the training range if it was known before the
 * later range begins, so the search knows no more than somebody who tunes at that time; in the
 * later range, all labels of the archive count. Features that count verdicts follow the archived
 * ones, as in every replay that is not counterfactual. So a decision depends on the policy's
 * numbers only through its own transaction, and the search can foresee every decision exactly: the
 * replays count where it did not. Brakes are ignored: each is for the numbers of its time, so it
 * would hold back the present policy alone. */
#pragma once

#include "batch/report/report.h"
#include "tune_search.h"

struct tune_range {
    int64_t from_us, until_us; /* event times in [from, until) */
};

struct tune_options {
    const char *archive;       /* folder of the archive */
    const char *policy;        /* folder of the present policy */
    struct snapshot *snapshot; /* the same, loaded */
    struct tune_range train, test;
    const size_t *rules; /* indices of live rules, rising */
    size_t rule_count;
    bool kinds[TUNABLE_KINDS]; /* what may change */
    struct tune_aim aim;
    /* Transactions without an outcome count as legit from this age on; younger ones are left out;
     * −1: all count. */
    int64_t outcomes_after_us;
    size_t threads;        /* 0: one for each processor */
    uint64_t memory_bytes; /* for rows of the training range; 0: a quarter of the machine's */
};

struct tune;

/* Takes a reference of the snapshot; the strings and arrays must outlive the result.
 * ERROR_NOT_FOUND: no transactions or no frauds in the training range. ERROR_TOO_LARGE: its rows
 * need more memory. Others as of replay_open() and replay_run(). */
int tune_learn(const struct tune_options *options, struct progress *progress,
               struct tune **ret_tune, struct error *ret_error);
void tune_free(struct tune *tune); /* NULL is allowed */

const struct tune_problem *tune_problem_of(const struct tune *tune);
const struct tunables *tune_tunables(const struct tune *tune);
const struct tune_found *tune_result(const struct tune *tune);
/* Transactions of the training range that the search decided otherwise than the replay: 0. */
uint64_t tune_train_different(const struct tune *tune);
/* Cut-offs that tables set for some transaction of the training range: they are not tuned. */
bool tune_cutoff_is_adopted(const struct tune *tune, enum verdict verdict);

/* Receives the rows of the later range whose verdicts differ. */
struct tune_listener {
    /* In any worker, in any order: appends what row() is to have. */
    int (*take)(void *user, const struct replay_row *row, struct buffer *prepared,
                struct error *ret_error);
    /* In one thread, by position. */
    int (*row)(void *user, struct text prepared, struct error *ret_error);
    void *user;
};

struct tune_confirmed {
    const struct report_figures *figures; /* replayed: the tuned policy; against: the present one */
    const struct tune_figures *curve;     /* of the later range, by point of the search's curve */
    /* Transactions whose verdict or score the search foresaw otherwise, under either policy. */
    uint64_t different_tuned, different_present;
    int64_t archive_newest_us;
    double days; /* of the later range, as far as the archive has transactions */
};

/* tuned: the policy with the best setting of tune_result(). Once. *ret_confirmed lives as long as
 * the tune. ERROR_INVALID: the folder of the present policy has changed since. */
int tune_confirm(struct tune *tune, struct snapshot *tuned, const struct tune_listener *listener,
                 struct progress *progress, struct tune_confirmed *ret_confirmed,
                 struct error *ret_error);
