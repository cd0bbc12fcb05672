/* What a replay is asked for, its rows, and what it reports. */
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
