/* A survey: what is known of a state beside its bytes, so that an entry is added and time goes on
 * without a look at all the others. Internal to core/feature.
 *
 * A state has one (state->survey) if it is long, if it has collapsed tiles, or if there may be some
 * soon: more than TILE_RAW_MAX raw transactions in one block. Of any other state nothing can happen
 * but that its oldest entries are dropped.
 *
 * Meetings are the times at which tiles have to be made: when one tile holds the first and the last
 * of TILE_RAW_MAX + 1 raw transactions, or a collapsed tile and what is beside it. When that will
 * be is known as soon as they are there, and does not change. A meeting too many, or of what has
 * been dropped since, does no harm. */
#pragma once

#include "state.h"
#include "tile.h"

/* Once the newest time is at_us, look at the tile that holds first_us. */
struct meeting {
    int64_t at_us, first_us;
};

/* A place to begin reading: the raw entry that begins at `at` in the run counts from before_us. The
 * run's beginning is at survey->run_dropped there, so that marks stay when entries are dropped;
 * those up to there mean nothing any more. */
struct survey_mark {
    int64_t before_us;
    uint64_t at;
};

/* The newest raw transactions of the newest block: a ring, oldest first from `first` on. Means
 * something while that has more of them than one tile may. */
struct survey_crowd {
    uint32_t first, count;
    int64_t times_us[TILE_RAW_MAX + 1];
};

struct survey {
    /* What settling looks at, together. */
    struct meeting *meetings;  /* a heap, the soonest first */
    struct survey_mark *marks; /* ascending */
    int64_t meet_us; /* before this nothing is collapsed or united, whatever is dropped in front */
    int64_t sketches_quiet_us; /* before this no sketch tile is united or dropped */
    uint32_t meeting_count, meeting_capacity;
    uint32_t mark_count, mark_capacity;
    uint32_t newest_tile_at, newest_sketch_at; /* in the tiles, in the sketch tiles */
    uint64_t run_dropped;  /* bytes that have left the run's front since the survey was made */
    struct buffer spare;   /* for whoever has the survey */
    struct meeting latest; /* the last one that was added */
    struct survey_crowd crowd;
};

void survey_free(struct survey *survey); /* NULL is allowed */
size_t survey_bytes(const struct survey *survey);
/* What state_apply() touches of it. */
void survey_prefetch(const struct state *state);

/* Looks at the whole state, which must be canonical or as good as that but for tiles that a meeting
 * will collapse. Fills all of the state's fields that are not its bytes. */
void survey_state(struct state *state, const struct entity_plan *entity);

/* The same where it is nothing but one raw entry, and there is no survey. */
void survey_first(struct state *state, const struct entity_plan *entity, int64_t time_us,
                  uint32_t transactions);

/* survey->meet_us, and state->quiet_us, from what else is known. */
void survey_meet(struct state *state);
void survey_quiet(struct state *state, const struct entity_plan *entity, const struct parts *parts);

/* A raw entry has come behind all others, or between them. before: the parts before it came. */
void survey_append(struct state *state, const struct entity_plan *entity,
                   const struct parts *before, int64_t time_us, uint32_t transactions);
void survey_insert(struct state *state, const struct entity_plan *entity, int64_t time_us,
                   uint32_t transactions);

/* Two items are beside each other, at least one of them a collapsed tile. */
void survey_pair(struct state *state, const struct entity_plan *entity, int64_t older_us,
                 int64_t newer_us);
/* The next meeting, once: false if none is due. */
bool survey_due(struct survey *survey, int64_t newest_us, int64_t *ret_first_us);

/* The sketch tiles are others than before. */
void survey_sketches(struct survey *survey, const struct parts *parts,
                     const struct entity_plan *entity);

/* A reader with at least `back` × MARK_ENTRIES entries before time_us ahead of it, or all. */
struct run survey_run(const struct state *state, const struct parts *parts,
                      const struct entity_plan *entity, int64_t time_us, size_t back);

/* The run's bytes [from, to) were replaced with size others: something in one entry or in front of
 * one; or whole entries, and the time of the one behind them. There may be no survey. */
void survey_spliced(struct state *state, size_t from, size_t to, size_t size);
void survey_cut(struct state *state, size_t from, size_t to, size_t size);
/* An entry begins at `at` that counts from before_us, behind all others. */
void survey_appended(struct state *state, size_t at, int64_t before_us);
