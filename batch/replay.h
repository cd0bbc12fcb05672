/* harrier replay: an archive, decided again.
 *
 * Every record up to the last sync mark goes through the engine in the order of positions: a
 * transaction is decided on the states of the records before it, then applied with the verdict that
 * the archive has. So each row shows what was known at that moment and nothing that came later.
 *
 * Either as it was (no policy given): each transaction under the policy that was in force then, and
 * on the states that the server had, its generations' plans and idle entities included. What comes
 * out must be what is archived, to the bit; audit.h compares. Or under one given policy from the
 * first record on, as if it had never been another. Then what depends on verdicts still follows the
 * recorded ones.
 *
 * One thread. The outcome in a row is no part of this order: it is what is known at the end. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/engine/engine.h"
#include "core/store/archive.h"
#include "core/wire/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct replay_options {
    const char *archive;       /* folder of the archive */
    const char *policy;        /* folder of the policy that decides; NULL: those of the archive */
    struct snapshot *snapshot; /* the same, loaded already; NULL: see policy */
    /* With a given policy: thresholds from the first record on; NULL: those that the archive has,
     * from the adoption of their generation on. */
    const struct thresholds *thresholds;
    bool ignore_cutoffs;        /* verdicts are what the rules ask for, whatever the score */
    struct archive_place until; /* zeros: the last sync mark */
    int64_t since_us; /* event times up to it are applied, not decided; 0: all are decided */
    bool recorded;    /* rows have what is recorded: nothing is folded, nothing derived */
    bool features;    /* rows have the values of all features */
    bool outcomes;    /* rows have the outcomes known at the end */
    /* Derive what shadow policies would have decided: those that each archived decision names. With
     * `recorded`, replay_shadow() knows them. */
    bool shadows;
};

struct replay_row {
    const struct record *record;     /* the transaction with the decision that is archived */
    const struct decision *decision; /* the one derived; NULL: the policy refuses the transaction,
                                        or nothing is derived */
    const struct thresholds *thresholds; /* of the generation adopted last; NULL: none */
    const struct engine *engine;         /* that derived it: for engine_frame() */
    const struct error *refusal;         /* why, and which of its fields */
    struct text refused_field;
    enum label outcome;
};

/* What a replay tells, in the order of positions. Valid during the call. */
struct replay_listener {
    /* Every transaction. < 0 ends the replay with that, *ret_error filled. */
    int (*row)(void *user, const struct replay_row *row, struct error *ret_error);
    /* A record of an adoption says what the archive shows to be otherwise. NULL is allowed. */
    void (*contradiction)(void *user, uint64_t position, const char *what);
    void *user;
};

struct replay_report {
    uint64_t records, transactions, outcomes;
    uint64_t refused; /* transactions that the policy does not take */
    uint64_t verdicts[VERDICT_COUNT], archived_verdicts[VERDICT_COUNT];
    uint64_t contradictions;
    uint64_t snapshots, generations; /* adopted on the way */
    uint64_t foreign_versions;       /* times that another version of the program began to write */
    double scan_seconds, replay_seconds;
};

struct replay;

/* Reads the archive once, for its policies and outcomes, unless nothing of it is needed; stage
 * "scan". ERROR_NOT_FOUND: no archive, nothing in it that is synced, or a policy that it should
 * hold and does not. ERROR_UNSUPPORTED: an archived policy that this version cannot load.
 * ERROR_INVALID: the given policy. ERROR_DAMAGED. ERROR_INTERRUPTED: progress asked to stop.
 * progress may be NULL.
 */
int replay_open(const struct replay_options *options, struct progress *progress,
                struct replay **ret_replay, struct error *ret_error);
void replay_close(struct replay *replay); /* NULL is allowed */

/* The names of all features that rows can have, those of the first policy first; they live as long
 * as the replay. Heap: free() the array. */
const struct text *replay_feature_names(const struct replay *replay, size_t *ret_count);

struct replay_shadow; /* replay_history.h */
/* A shadow policy of the archive; NULL: it has none of this id. Lives as long as the replay. */
const struct replay_shadow *replay_shadow(const struct replay *replay, uint64_t snapshot_id);

/* Once. Blocks for as long as it takes; stage "replay", counted in records. Errors as above. */
int replay_run(struct replay *replay, const struct replay_listener *listener,
               struct progress *progress, struct replay_report *ret_report,
               struct error *ret_error);
