/* A replay's options, its rows and its report. */
#pragma once

#include "batch/base/amendment_tally.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/engine/engine.h"
#include "core/store/archive/archive.h"
#include "core/wire/record/record.h"
#include "state_shelf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum replay_clock {
    /* Known then: the order of positions (arrival). Each transaction sees what had arrived before
     * it, as the server did. */
    REPLAY_KNOWN_THEN,
    /* Known now: the order of event times. Each transaction's last outcome is applied right behind
     * it, and lists and thresholds are those at the archive's end. Rows show more than could have
     * been known at the time. */
    REPLAY_KNOWN_NOW,
};

struct replay_options {
    const char *archive;       /* folder of the archive */
    const char *policy;        /* folder of the policy that decides; NULL: those of the archive */
    struct snapshot *snapshot; /* the same, loaded already; NULL: see policy */
    /* Folder of a second policy, decided in the same run, that rows are compared with. NULL: they
     * are compared with the archived decisions. Only with a given policy. */
    const char *against;
    size_t threads; /* 0: one for each processor */
    /* For the buffers of event-time order and walk-forward; 0: a quarter of the machine's. */
    uint64_t memory_bytes;
    /* With a given policy, in parallel: most bytes of states in memory, but for those of a chunk of
     * rows; more of them are in these files. 0: all are in memory. */
    uint64_t state_bytes;
    struct state_shelf_files state_files;
    /* With a given policy: thresholds from the first record on. NULL: the archive's, each from the
     * adoption of its generation on. */
    const struct thresholds *thresholds;
    bool ignore_cutoffs;        /* verdicts are what the rules ask for, whatever the score */
    bool ignore_brakes;         /* what the rules decide as they are declared */
    struct archive_place until; /* zeros: the last sync mark */
    /* Event times in [from, to) are reported; other rows are only applied. 0: no bound. */
    int64_t from_us, to_us;
    /* Folder of generations: start from the tables of the newest one that has the given policy's
     * features and ends before from_us. NULL: start at the first record. */
    const char *generations;
    struct archive_place start; /* with generations: from the tables of this place, whatever event
                                   times they contain; what they contain is not reported */
    enum replay_clock clock;
    /* Features that count verdicts follow the given policy's verdicts instead of the archived ones:
     * what would the histories be if this policy had decided? Needs one thread. */
    bool counterfactual;
    /* The given policy's thresholds are computed every night on the way (walk_forward.h). Workers
     * decide all rows then, so complete rows reach take() only. */
    bool walk_forward;
    bool recorded;             /* rows have the recorded decisions; nothing is folded or derived */
    bool features;             /* rows have the values of all features */
    bool outcomes;             /* rows have the outcomes known at the archive's end */
    int64_t outcomes_until_us; /* only those that were known before this time; 0: all */
    bool texts;  /* reasons have their texts; otherwise engine_reasons() writes them */
    bool hashes; /* decisions have their feature_hash */
    /* Rows for which no rule can fire are only counted in the report; they reach neither take() nor
     * row(). */
    bool brief;
    /* Derive the decisions of shadow policies, those that each archived decision names. With
     * `recorded`, they are only loaded, for replay_shadow(). */
    bool shadows;
    size_t chunk_records; /* for tests: records in a chunk; 0: the default */
};

struct replay_row {
    const struct record *record;     /* the transaction with the decision that is archived */
    const struct decision *decision; /* the derived one; NULL: the policy refuses the transaction,
                                        or nothing is derived */
    const struct decision *against;  /* the archived one, or the second policy's; NULL: refused by
                                        the second policy */
    const struct thresholds *thresholds; /* of the generation adopted last; NULL: none */
    struct engine *engine; /* that derived the decision: for engine_frame() and engine_reasons() */
    const struct error *refusal; /* why the policy refuses it; NULL: it does not */
    struct text refused_field;   /* which field is at fault */
    /* Rules of the engine's policy whose condition was true, as ascending indices; including
     * suppressed rules and rules in shadow. */
    const uint32_t *fired;
    size_t fired_count;
    enum label outcome;
    struct text prepared; /* what take() appended, for row() */
};

/* Receives a replay's rows. Rows and all they point to are valid during the call only. */
struct replay_listener {
    /* Every reported transaction, called by worker threads in parallel. `worker` is below
     * replay_workers(); the calls of one worker are sequential and in ascending order of rows. What
     * is appended to `prepared` reaches row(). < 0 ends the replay with that error, *ret_error
     * filled. NULL is allowed. */
    int (*take)(void *user, size_t worker, const struct replay_row *row, struct buffer *prepared,
                struct error *ret_error);
    /* The same transactions in order, in the thread that called replay_run(). NULL is allowed. If
     * there is a take(), the row has only: record->position, the transaction's id and event time;
     * verdict and score of `decision` and `against`; outcome; prepared. Without take() it is
     * complete, and slower: all rows are then decided in this one thread. */
    int (*row)(void *user, const struct replay_row *row, struct error *ret_error);
    /* An adoption record contradicts the rest of the archive. In the same thread, in order. NULL is
     * allowed. */
    void (*contradiction)(void *user, uint64_t position, const char *what);
    void *user;
};

struct replay_report {
    struct amendment_tally amendments;        /* in the base currency of replay_last_policy() */
    uint64_t records, transactions, outcomes; /* transactions: those reported */
    uint64_t refused;                         /* of those, by the policy that decides */
    uint64_t against_refused;                 /* of those, by the second policy */
    uint64_t verdicts[VERDICT_COUNT], archived_verdicts[VERDICT_COUNT];
    uint64_t against_verdicts[VERDICT_COUNT]; /* of the second policy */
    int64_t first_us, last_us;                /* event times of those reported, if there are any */
    uint64_t position;                        /* of the last record */
    struct archive_place begin; /* where a pruned archive begins; position 0: with record 1 */
    int64_t begin_us;           /* when that record was received */
    bool lacks_history;         /* some features were folded from there without what was before */
    uint64_t contradictions;
    uint64_t nights;                 /* for which thresholds were computed */
    uint64_t snapshots, generations; /* adoptions in the archive */
    uint64_t foreign_versions;       /* times another version of the program started to write */
    double scan_seconds, replay_seconds;
};
