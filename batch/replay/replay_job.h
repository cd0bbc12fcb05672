/* What the files of the replay share. Private to batch/. */
#pragma once

#include "batch/chunk/replay_chunk.h"
#include "batch/chunk/replay_history.h"
#include "batch/chunk/replay_options.h"
#include "batch/thresholds/walk_forward.h"
#include "core/policy/lists/list_table.h"
#include "core/store/archive/archive_parts.h"

#include <inttypes.h>

/* A policy that judges: one engine for each worker. */
struct replay_judge {
    struct engine **engines; /* NULL: no policy yet */
    size_t lane;             /* in replay->lanes: what it reads; SIZE_MAX: nothing is derived */
    uint64_t snapshot_id, generation_id; /* as decisions have them */
    bool skips_rows;                     /* engine_enable_row_skip(), and it is of use */
};

/* An item on its way through a shard's thread. */
struct replay_visit {
    const struct replay_item *item;
    const uint8_t *bytes;     /* its key, and then its entry */
    struct held_state *found; /* NULL: not there when it was looked for */
    uint32_t hash;            /* state_table_hash() */
};

/* What a worker needs for one row at a time. */
struct replay_worker {
    struct arena decision, against;
    uint32_t *fired;
    size_t fired_capacity;
    struct entity_reading *readings;
    size_t reading_capacity;
    uint64_t *shadows; /* ids of the engine's shadow policies */
    size_t shadow_count;
    struct replay_visit *visits; /* of the items of a shard */
    size_t visit_capacity;
    struct entry entry;
};

/* Where records come from, in the order in which they are decided. */
struct replay_source {
    /* 1: *ret_record is the next one, valid until the next call; 0: there is none. */
    int (*next)(struct replay_source *self, struct archive_part_record *ret_record,
                struct error *ret_error);
    void (*close)(struct replay_source *self);
};

/* The reading side: it runs ahead of the rest. For walking forward, but for `read`. */
struct replay_lookahead {
    uint64_t read;     /* records in chunks */
    int64_t newest_us; /* of what has been read; INT64_MIN: nothing yet */
    struct archive_part_record record;
    bool has_record; /* that is for the next chunk: a night lies before it */
};

#define REPLAY_APART 128

struct replay {
    struct replay_options options;
    size_t workers;
    struct archive_parts *parts;
    struct archive_place target; /* the last sync mark when the replay was opened */
    struct replay_history history;
    struct snapshot *against_policy; /* NULL: the archive */
    uint64_t memory_bytes;
    struct archive_place start; /* zeros: the first record */
    struct generation *tables;  /* of that place, until their states are loaded; NULL: none */
    /* For event-time order. */
    int64_t *least_us;             /* of each part; INT64_MAX: it has no transaction */
    struct list_table *last_lists; /* as all records make them */

    /* While it runs. Changed only between two chunks (replay_barrier.c), when nobody else is at
     * work.
     */
    const struct replay_listener *listener;
    struct replay_source *source;
    struct thresholds *thresholds; /* of the generation adopted last; NULL: none */
    struct list_table *lists;      /* as the records so far have them */
    struct walk_forward *walk;     /* NULL: thresholds are those of the archive */
    struct thresholds *nightly;    /* of the last night; NULL: there was none */
    struct replay_lookahead *ahead;
    struct replay_judge judge, against;
    size_t policy; /* in history.policies: the one in force */
    bool has_policy;
    size_t span;                          /* in history.spans: the current one */
    struct replay_states **states;        /* of each span; NULL: not begun, or over */
    struct replay_states *against_states; /* NULL: the second policy has the same plan */
    struct replay_states **lanes;         /* all states that there are */
    size_t lane_count;
    uint64_t *places; /* where tables were built, ascending; UINT64_MAX behind the last */
    size_t next_place;
    struct buffer own_verdicts; /* counterfactual: of the policy, by position */
    struct arena record;        /* of the thread that runs the replay */

    struct replay_worker *worker; /* [workers] */
    uint64_t resumed; /* so many records were told by the run that this one goes on from */

    /* Written with every record by the thread that runs the replay: not on one cache line with what
     * the workers read. */
    char apart[REPLAY_APART];
    struct replay_report report;
    int64_t newest_event_time_us;
};

/* ---- replay_read.c ---- */

/* Was the chunk's row told by the run that this one goes on from? */
static inline bool replay_is_past(const struct replay *replay, const struct replay_chunk *chunk,
                                  size_t row) {
    return chunk->before + row < replay->resumed;
}
/* A file for what memory does not hold, without a name. user is ignored. */
int replay_scratch_file(void *user, struct error *ret_error);

/* ---- the first reading: replay_scan.c ---- */

/* ---- from tables: replay_start.c ---- */

/* ---- the jobs ---- */

/* ---- one row: replay_judge.c ---- */

/* ---- between two chunks: replay_barrier.c ---- */

/* ---- the run: replay_emit.c ---- */
