/* The state that the modules of a replay share. Modules include this header and those of the
 * modules they call; calls go one way: replay → pipeline, sequence → emit → barrier, decide →
 * count; read → barrier. Private to batch/. */
#pragma once

#include "batch/chunk/replay_chunk.h"
#include "batch/chunk/replay_history.h"
#include "batch/chunk/replay_options.h"
#include "batch/thresholds/walk_forward.h"
#include "core/policy/lists/list_table.h"
#include "core/store/archive/archive_parts.h"

#include <inttypes.h>

/* A policy that decides, with one engine for each worker. */
struct replay_decider {
    struct engine **engines; /* NULL: no policy yet */
    size_t lane;             /* in replay->lanes: what it reads; SIZE_MAX: nothing is derived */
    uint64_t snapshot_id, generation_id; /* for its decisions */
    bool skips_rows;                     /* engine_enable_row_skip() was called and succeeded */
};

/* An item while its shard's thread works on it. */
struct replay_visit {
    const struct replay_item *item;
    const uint8_t *bytes;     /* its key, then its entry */
    struct held_state *found; /* NULL: no such state when it was looked up */
    uint32_t hash;            /* state_table_hash() */
};

/* A worker's scratch memory, for one row at a time. */
struct replay_worker {
    struct arena decision, against;
    uint32_t *fired;
    size_t fired_capacity;
    struct entity_reading *readings;
    size_t reading_capacity;
    struct replay_fitted { /* the shadow policies of its engines */
        uint64_t *ids;
        size_t count;
    } fitted[ARM_COUNT];         /* of the engine that decides for this arm: replay_arm_of() */
    struct replay_visit *visits; /* of the items of a shard */
    size_t visit_capacity;
    struct entry entry;
};

/* A source of records, in the order in which they are decided: of positions or of event times. */
struct replay_source {
    /* 1: *ret_record is the next record, valid until the next call; 0: the end. */
    int (*next)(struct replay_source *self, struct archive_part_record *ret_record,
                struct error *ret_error);
    void (*close)(struct replay_source *self);
};

/* State of the read stage, which runs ahead of the others. Only one chunk is read at a time, so it
 * needs no lock. All but `read` is for walk-forward. */
struct replay_lookahead {
    uint64_t read;                     /* records put into chunks */
    int64_t newest_us;                 /* event time of what was read; INT64_MIN: nothing yet */
    struct archive_part_record record; /* held back for the next chunk: a night comes before it */
    bool has_record;
};

#define REPLAY_PADDING 128

struct replay {
    struct replay_options options;
    size_t workers;
    struct archive_parts *parts;
    struct archive_place target; /* the last sync mark when the replay was opened */
    struct replay_history history;
    struct snapshot *against_policy; /* NULL: rows are compared with the archive */
    uint64_t memory_bytes;
    struct archive_place start; /* zeros: the first record */
    struct generation *tables;  /* of that place; NULL: none */
    /* Of the place where a pruned archive begins, each for other features; 0: it is not pruned, or
     * nothing is folded. */
    struct generation *bases[ARCHIVE_BASES_MAX];
    size_t base_count;
    /* For event-time order. */
    int64_t *least_us;             /* event time, of each part; INT64_MAX: no transaction */
    struct list_table *last_lists; /* at the archive's end */

    /* While it runs. Read by all workers, changed only between two chunks (replay_barrier.c), when
     * no worker has a job. */
    const struct replay_listener *listener;
    struct replay_source *source;
    struct thresholds *thresholds; /* of the generation adopted last; NULL: none */
    struct list_table *lists;      /* after the records so far */
    struct walk_forward *walk;     /* NULL: thresholds are given, or the archive's */
    struct thresholds *nightly;    /* of the last night; NULL: there was none */
    struct replay_lookahead *lookahead;
    struct replay_decider decider, against;
    /* While an experiment is in force: the challenger's. engines NULL: none is. */
    struct replay_decider challenger;
    struct experiment experiment;
    size_t policy; /* in history.policies: the one in force */
    bool has_policy;
    size_t span;                          /* in history.spans: the current one */
    struct replay_states **states;        /* of each span; NULL: not begun yet, or over */
    struct replay_states *against_states; /* NULL: the second policy has the same plan */
    struct replay_states **lanes;         /* all states that are folded now */
    size_t lane_count;
    uint64_t *places; /* positions that tables were built for, ascending, then UINT64_MAX */
    size_t next_place;
    struct buffer own_verdicts; /* counterfactual: of the policy, by position */
    struct arena record;        /* of the thread that runs the replay */

    struct replay_worker *worker; /* [workers] */
    uint64_t resumed; /* records that the interrupted run had reported, see replay_resume() */

    /* The thread that runs the replay writes this with every record: keep it off the cache lines
     * that workers read (false sharing). */
    char padding[REPLAY_PADDING];
    struct replay_report report;
    int64_t newest_event_time_us;
};

/* As replay_last_policy(). */
static inline const struct snapshot *replay_job_last_policy(const struct replay *replay) {
    size_t count = replay->history.policy_count;
    return count > 0 ? replay->history.policies[count - 1].snapshot : NULL;
}

/* Does a given policy decide, instead of the archive's own? */
static inline bool replay_has_given_policy(const struct replay *replay) {
    return replay->options.policy || replay->options.snapshot;
}

/* Was the chunk's row reported by the interrupted run that this one continues? */
static inline bool replay_was_reported(const struct replay *replay,
                                       const struct replay_chunk *chunk, size_t row) {
    return chunk->before + row < replay->resumed;
}

/* Which arm's engines a decider has; a second policy has none of its own. */
static inline enum arm replay_arm_of(const struct replay *replay,
                                     const struct replay_decider *decider) {
    return decider == &replay->challenger ? ARM_CHALLENGER
           : decider == &replay->decider  ? ARM_CHAMPION
                                          : ARM_NONE;
}
