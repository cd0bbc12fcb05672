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
 * recorded ones, unless the replay is counterfactual.
 *
 * Many rows at once: replay_chunk.h says how. The result does not depend on the number of threads.
 * The outcome in a row is no part of the order: it is what is known at the end. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/engine/engine.h"
#include "core/store/archive/archive.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum replay_clock {
    REPLAY_KNOWN_THEN, /* the order of positions; what came in later is not there yet */
    /* The order of event times; each transaction's last outcome at the transaction, lists as at the
     * end. */
    REPLAY_KNOWN_NOW,
};

struct replay_options {
    const char *archive;       /* folder of the archive */
    const char *policy;        /* folder of the policy that decides; NULL: those of the archive */
    struct snapshot *snapshot; /* the same, loaded already; NULL: see policy */
    /* Folder of a second policy, decided in the same run: what rows are compared with. NULL: what
     * is archived. Only with a given policy. */
    const char *against;
    size_t threads; /* 0: one for each processor */
    /* For what event-time order and walking forward hold; 0: a quarter of the machine's. */
    uint64_t memory_bytes;
    /* With a given policy: thresholds from the first record on; NULL: those that the archive has,
     * from the adoption of their generation on. */
    const struct thresholds *thresholds;
    bool ignore_cutoffs;        /* verdicts are what the rules ask for, whatever the score */
    struct archive_place until; /* zeros: the last sync mark */
    /* Rows of event times in [from, to) are told, the others only applied. 0: no bound. */
    int64_t from_us, to_us;
    /* Folder of generations: begin with the tables of the newest one that has the given policy's
     * features and ends before from_us. NULL: at the first record. */
    const char *generations;
    enum replay_clock clock;
    bool counterfactual; /* what depends on verdicts follows the given policy */
    /* Thresholds of the given policy are computed every night on the way (walk_forward.h says how).
     * Rows go to take(). */
    bool walk_forward;
    bool recorded; /* rows have what is recorded: nothing is folded, nothing derived */
    bool features; /* rows have the values of all features */
    bool outcomes; /* rows have the outcomes known at the end */
    bool texts;    /* reasons have their texts; without: engine_reasons() writes them */
    bool hashes;   /* decisions have their feature_hash */
    /* Only the report's counts are wanted of rows about which no rule has anything to say: they
     * need neither be taken nor told. */
    bool brief;
    /* Derive what shadow policies would have decided: those that each archived decision names. With
     * `recorded`, replay_shadow() knows them. */
    bool shadows;
    size_t chunk_records; /* for tests: records that are worked on together; 0: what is quick */
};

struct replay_row {
    const struct record *record;     /* the transaction with the decision that is archived */
    const struct decision *decision; /* the one derived; NULL: the policy refuses the transaction,
                                        or nothing is derived */
    const struct decision *against;  /* the archived one, or the second policy's; NULL: that one
                                        refuses the transaction */
    const struct thresholds *thresholds; /* of the generation adopted last; NULL: none */
    struct engine *engine; /* that derived the decision: for engine_frame() and engine_reasons() */
    const struct error *refusal; /* why, and which of its fields */
    struct text refused_field;
    /* Rules of the engine's policy whose condition was true, as indices into it, rising: those that
     * are suppressed or in shadow, too. */
    const uint32_t *fired;
    size_t fired_count;
    enum label outcome;
    struct text prepared; /* what take() has made of it; for row() */
};

/* What a replay tells. Rows are valid during the call. */
struct replay_listener {
    /* Every transaction that is told, in worker threads, several at once; `worker` is below
     * replay_workers(), and its rows come one by one in rising order. What is appended to
     * `prepared` reaches row(). < 0 ends the replay with that, *ret_error filled. NULL is allowed.
     */
    int (*take)(void *user, size_t worker, const struct replay_row *row, struct buffer *prepared,
                struct error *ret_error);
    /* The same transactions in the order of positions, in the thread that called replay_run(). NULL
     * is allowed. With take() it has of a row only: record->position and its transaction's id and
     * event time; verdict and score of `decision` and of `against`; outcome; prepared. Without
     * take() it has all of it, and costs more: rows are then judged in this one thread. */
    int (*row)(void *user, const struct replay_row *row, struct error *ret_error);
    /* A record of an adoption says what the archive shows to be otherwise. In the same thread, in
     * order. NULL is allowed. */
    void (*contradiction)(void *user, uint64_t position, const char *what);
    void *user;
};

struct replay_report {
    uint64_t records, transactions, outcomes; /* transactions: those told */
    uint64_t refused;                         /* of them, by the policy that decides */
    uint64_t against_refused;                 /* of them, by the second policy */
    uint64_t verdicts[VERDICT_COUNT], archived_verdicts[VERDICT_COUNT];
    uint64_t against_verdicts[VERDICT_COUNT]; /* of the second policy */
    int64_t first_us, last_us;                /* event times of those told, if there are any */
    uint64_t position;                        /* of the last record */
    uint64_t contradictions;
    uint64_t nights;                 /* of which thresholds were computed on the way */
    uint64_t snapshots, generations; /* adopted on the way */
    uint64_t foreign_versions;       /* times that another version of the program began to write */
    double scan_seconds, replay_seconds;
};

struct replay;

/* Reads the archive once, for its policies and outcomes, unless nothing of it is needed; stage
 * "scan". ERROR_NOT_FOUND: no archive, nothing in it that is synced, or a policy that it should
 * hold and does not. ERROR_UNSUPPORTED: an archived policy that this version cannot load.
 * ERROR_INVALID: the given policies, or options that do not go together. ERROR_DAMAGED.
 * ERROR_INTERRUPTED: progress asked to stop. progress may be NULL.
 */
int replay_open(const struct replay_options *options, struct progress *progress,
                struct replay **ret_replay, struct error *ret_error);
void replay_close(struct replay *replay); /* NULL is allowed */

/* The names of all features that rows can have, those of the first policy first; they live as long
 * as the replay. Heap: free() the array. */
const struct text *replay_feature_names(const struct replay *replay, size_t *ret_count);

/* The policies that decide, in the archive's order; the same one may come again. NULL: there are no
 * more. They live as long as the replay. */
const struct snapshot *replay_rules(const struct replay *replay, size_t index);

struct replay_shadow; /* replay_history.h */
/* A shadow policy of the archive; NULL: it has none of this id. Lives as long as the replay. */
const struct replay_shadow *replay_shadow(const struct replay *replay, uint64_t snapshot_id);

/* Those given; NULL: what the archive has. They live as long as the replay. */
const struct snapshot *replay_policy(const struct replay *replay);
const struct snapshot *replay_against(const struct replay *replay);
/* The given policy, or the last of the archive; NULL: it has none. */
const struct snapshot *replay_last_policy(const struct replay *replay);
/* With `outcomes`: event times of the archive's first transaction and of its newest. False: it has
 * none. */
bool replay_span(const struct replay *replay, int64_t *ret_first_us, int64_t *ret_newest_us);

/* How many threads take rows. */
size_t replay_workers(const struct replay *replay);

/* The place that it ends with: its `until`, or the last sync mark. */
struct archive_place replay_until(const struct replay *replay);
/* The place of the tables that it begins with; zeros: it begins at the first record. */
struct archive_place replay_start(const struct replay *replay);

/* Before replay_run(): goes on behind the records of a run that was interrupted, of a replay of the
 * same policies with the same options (`until` given) but for threads. Their rows are not told
 * again and, unless later ones depend on them, not decided; contradictions there are not told
 * again either. The report goes on from that run's. */
void replay_resume(struct replay *replay, const struct replay_report *interrupted);

/* Once. Blocks for as long as it takes; stage "replay", counted in records. Errors as above.
 * ERROR_INTERRUPTED: what was under way has been told, and *ret_report says how far that is: every
 * row of its records, and none behind them. */
int replay_run(struct replay *replay, const struct replay_listener *listener,
               struct progress *progress, struct replay_report *ret_report,
               struct error *ret_error);
