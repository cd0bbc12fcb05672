/* What the files of the replay share. Private to batch/. */
#pragma once

#include "core/policy/lists/list_table.h"
#include "core/store/archive/archive_parts.h"
#include "replay.h"
#include "replay_chunk.h"
#include "replay_history.h"
#include "walk_forward.h"

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

/* The records of the archive in the order of their positions. */
struct replay_source *replay_source_archive(const struct replay *replay);
/* Transactions in the order of event times, with their last outcomes: replay_order.c. */
struct replay_source *replay_source_in_order(const struct replay *replay);
/* The next chunk, as full as may be; the last one has is_last. */
void replay_read(const struct replay *replay, struct replay_chunk *chunk);
bool replay_is_reported(const struct replay *replay, int64_t event_time_us);
bool replay_is_decided(const struct replay *replay, int64_t event_time_us);
/* Was the chunk's row told by the run that this one goes on from? */
static inline bool replay_is_past(const struct replay *replay, const struct replay_chunk *chunk,
                                  size_t row) {
    return chunk->before + row < replay->resumed;
}
/* A file for what memory does not hold, without a name. user is ignored. */
int replay_scratch_file(void *user, struct error *ret_error);

/* ---- the first reading: replay_scan.c ---- */

/* Stage "scan". */
int replay_scan(struct replay *replay, struct progress *progress, struct error *ret_error);

/* ---- from tables: replay_start.c ---- */

/* Chooses the generation: fills start and tables. */
int replay_find_start(struct replay *replay, struct error *ret_error);
/* Its states, lists, and the thresholds that were in force there. */
int replay_load_start(struct replay *replay, struct replay_states *states, struct error *ret_error);

/* ---- the jobs ---- */

void replay_entries(const struct replay *replay, struct replay_chunk *chunk, size_t part,
                    size_t worker);
void replay_features(const struct replay *replay, struct replay_chunk *chunk, size_t lane,
                     size_t shard, size_t worker);
void replay_judge_part(const struct replay *replay, struct replay_chunk *chunk, size_t part,
                       size_t worker);

/* ---- one row: replay_judge.c ---- */

/* A transaction that is decided on nothing but what was read of it. */
struct replay_judging {
    const struct replay *replay;
    size_t worker;
    const struct replay_chunk *chunk; /* whose lanes have the features */
    size_t index;                     /* of the row */
};
/* Fills the row. Decisions live in the worker's memory until its next row. */
struct replay_decided {
    struct replay_row row;
    struct decision decision, against;
    struct error refusal;
};
int replay_judge_row(const struct replay_judging *judging, struct replay_decided *ret_decided,
                     struct error *ret_error);
struct replay_result replay_result_of(const struct decision *decision);
/* What thresholds computed on the way keep of a decision. */
int replay_note_decided(const struct replay *replay, size_t worker, const struct replay_row *row,
                        struct error *ret_error);
/* Begins a row: what does not depend on who decides. */
void replay_begin_row(const struct replay *replay, const struct record *record,
                      struct replay_decided *ret_decided);
/* What the listener's take() makes of it, appended. */
int replay_take(const struct replay *replay, size_t worker, struct replay_decided *decided,
                struct buffer *prepared, struct error *ret_error);
/* The policies that were beside this decision judge beside the worker's engine. */
int replay_fit_shadows(const struct replay *replay, size_t worker, const struct record *record,
                       struct error *ret_error);
/* Of engine_decide() or engine_judge(): 0, or 1 for a refusal, or what ends the replay. */
int replay_settle(const struct replay_judge *judge, const struct record *record, int r,
                  struct decision *decision, struct error *ret_error);
int replay_no_policy(const struct replay *replay, uint64_t position, struct error *ret_error);

/* ---- between two chunks: replay_barrier.c ---- */

int replay_begin(struct replay *replay, struct error *ret_error);
/* The last record of a chunk that is_barrier: everything before it is told and applied. */
int replay_barrier(struct replay *replay, const struct replay_chunk *chunk,
                   struct error *ret_error);
/* Behind a chunk that is_night. */
int replay_night(struct replay *replay, struct error *ret_error);
/* Does this record end its chunk? */
bool replay_is_barrier(const struct replay *replay, enum record_type type, uint64_t position);
void replay_end(struct replay *replay);

/* ---- the run: replay_emit.c ---- */

struct replay_output {
    struct replay *replay;
    struct progress *progress;
    uint64_t reported; /* to the progress */
    bool is_stopping;  /* the progress asked for it: no chunk more is read */
    bool is_at_end;    /* all records are told */
};
/* One record that is done, with what was decided about it. */
void replay_count(struct replay *replay, const struct replay_line *line);
/* All good rows of a part that is judged, in the thread that judged it. */
void replay_count_part(const struct replay *replay, const struct replay_chunk *chunk,
                       struct replay_part *part);
/* A row that is decided just now goes to take() and to row(). */
int replay_emit_decided(struct replay *replay, struct replay_line *line,
                        struct replay_decided *decided, struct buffer *prepared,
                        struct error *ret_error);
/* Behind the chunk's last row: what went wrong with reading, what changes now, the progress. */
int replay_finish_chunk(struct replay_output *output, struct replay_chunk *chunk,
                        struct error *ret_error);
/* The chunk's rows in order, and that. */
int replay_emit_chunk(struct replay_output *output, struct replay_chunk *chunk,
                      struct error *ret_error);

/* All chunks, by all workers: replay_pipeline.c. */
int replay_run_chunks(struct replay_output *output, struct error *ret_error);
/* All records one by one, what is applied being what was decided: replay_sequence.c. */
int replay_run_sequence(struct replay_output *output, struct error *ret_error);
