#include "survey.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"
#include "run_decode.h"

#include <stdlib.h>

#define MARK_ENTRIES   32 /* raw entries from one mark to the next */
#define SURVEY_ENTRIES 64 /* a state with more has a survey, whatever is in it */

void survey_free(struct survey *survey) {
    if (!survey)
        return;
    free(survey->meetings);
    free(survey->marks);
    buffer_deinit(&survey->spare);
    free(survey);
}

size_t survey_bytes(const struct survey *survey) {
    return survey ? sizeof *survey + survey->meeting_capacity * sizeof *survey->meetings +
                        survey->mark_capacity * sizeof *survey->marks + survey->spare.capacity
                  : 0;
}

/* Asks nothing of the survey itself, which is not there yet. */
void survey_prefetch(const struct state *state) {
    bool adds_to_crowd = state->block_transactions >= TILE_RAW_MAX;
    prefetch_far_all(state->survey, adds_to_crowd ? sizeof *state->survey : CACHE_LINE);
}

static void *make_room(void *list, uint32_t count, uint32_t *capacity, size_t size) {
    if (count < *capacity)
        return list;
    check(count < UINT32_MAX / 2);
    *capacity = *capacity ? *capacity + *capacity / 2 + 1 : 4;
    return check_reallocarray(list, *capacity, size);
}

/* Meetings. */

static void push_meeting(struct survey *survey, struct meeting meeting) {
    if (meeting.at_us == survey->latest.at_us && meeting.first_us == survey->latest.first_us)
        return;
    survey->latest = meeting;
    survey->meetings = make_room(survey->meetings, survey->meeting_count, &survey->meeting_capacity,
                                 sizeof *survey->meetings);
    uint32_t at = survey->meeting_count++;
    while (at > 0 && survey->meetings[(at - 1) / 2].at_us > meeting.at_us) {
        survey->meetings[at] = survey->meetings[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    survey->meetings[at] = meeting;
}

bool survey_due(struct survey *survey, int64_t newest_us, int64_t *ret_first_us) {
    struct meeting *heap = survey->meetings;
    if (survey->meeting_count == 0 || heap[0].at_us > newest_us)
        return false;
    *ret_first_us = heap[0].first_us;
    uint32_t count = --survey->meeting_count, at = 0;
    struct meeting last = heap[count];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && heap[child + 1].at_us < heap[child].at_us;
        if (heap[child].at_us >= last.at_us)
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    survey->latest.at_us = INT64_MAX; /* what is equal to it is new again */
    return true;
}

static int64_t sooner(int64_t a_us, int64_t b_us) {
    return a_us < b_us ? a_us : b_us;
}

void survey_pair(struct state *state, const struct entity_plan *entity, int64_t older_us,
                 int64_t newer_us) {
    int64_t at_us = partition_meeting(&entity->tiles, older_us, newer_us);
    if (at_us == INT64_MAX)
        return;
    push_meeting(state->survey,
                 (struct meeting){.at_us = at_us,
                                  .first_us = tile_extent_common(older_us, newer_us).first_us});
    state->survey->meet_us = sooner(state->survey->meet_us, at_us);
    state->quiet_us = sooner(state->quiet_us, at_us);
}

/* The crowd. */

#define CROWD (TILE_RAW_MAX + 1)

static int64_t crowd_time(const struct survey_crowd *crowd, uint32_t i) {
    uint32_t at = crowd->first + i;
    return crowd->times_us[at < CROWD ? at : at - CROWD];
}

static void crowd_put(struct survey_crowd *crowd, uint32_t i, int64_t time_us) {
    uint32_t at = crowd->first + i;
    crowd->times_us[at < CROWD ? at : at - CROWD] = time_us;
}

/* Mostly it is the newest. */
static void crowd_add(struct survey_crowd *crowd, int64_t time_us) {
    if (crowd->count == CROWD && time_us < crowd_time(crowd, 0))
        return;
    if (crowd->count == CROWD)
        crowd->first = crowd->first + 1 < CROWD ? crowd->first + 1 : 0;
    else
        crowd->count++;
    uint32_t at = crowd->count - 1;
    for (; at > 0 && crowd_time(crowd, at - 1) > time_us; at--)
        crowd_put(crowd, at, crowd_time(crowd, at - 1));
    crowd_put(crowd, at, time_us);
}

/* An entry of many transactions is a crowd by itself. */
static uint32_t at_most_a_crowd(uint32_t transactions) {
    return transactions > TILE_RAW_MAX ? TILE_RAW_MAX + 1 : transactions;
}

/* So many more of them in the newest block. */
static void count_in_block(struct state *state, uint32_t transactions) {
    uint32_t count = state->block_transactions + at_most_a_crowd(transactions);
    state->block_transactions = (uint8_t)at_most_a_crowd(count);
}

static void meet_crowd(struct state *state, const struct entity_plan *entity,
                       const struct survey_crowd *crowd) {
    if (crowd->count == CROWD)
        survey_pair(state, entity, crowd_time(crowd, 0), crowd_time(crowd, CROWD - 1));
}

/* Marks. */

/* Where the mark is in the run; at most 0: what was there has been dropped. */
static int64_t place_of(const struct survey *survey, const struct survey_mark *mark) {
    return (int64_t)(mark->at - survey->run_dropped);
}

static void push_mark(struct state *state, size_t at, int64_t before_us) {
    struct survey *survey = state->survey;
    uint32_t stale = 0;
    if (survey->mark_count == survey->mark_capacity)
        while (stale < survey->mark_count && place_of(survey, &survey->marks[stale]) <= 0)
            stale++;
    if (stale > 0) {
        survey->mark_count -= stale;
        memmove(survey->marks, survey->marks + stale, survey->mark_count * sizeof *survey->marks);
    }
    survey->marks =
        make_room(survey->marks, survey->mark_count, &survey->mark_capacity, sizeof *survey->marks);
    survey->marks[survey->mark_count++] =
        (struct survey_mark){.at = at + survey->run_dropped, .before_us = before_us};
    state->unmarked = 0;
}

void survey_appended(struct state *state, size_t at, int64_t before_us) {
    const struct survey *survey = state->survey;
    if (state->unmarked < MARK_ENTRIES) {
        state->unmarked++;
        return;
    }
    if (survey && at > 0 &&
        (survey->mark_count == 0 ||
         place_of(survey, &survey->marks[survey->mark_count - 1]) < (int64_t)at))
        push_mark(state, at, before_us);
}

/* Marks of (from, to) go; `to` itself stays if it is where an entry begins. */
static void move_marks(struct state *state, size_t from, size_t to, size_t size, bool to_stays) {
    struct survey *survey = state->survey;
    uint32_t kept = 0;
    for (uint32_t i = 0; survey && i < survey->mark_count; i++) {
        struct survey_mark mark = survey->marks[i];
        int64_t at = place_of(survey, &mark);
        if (at <= 0 ||
            (at > (int64_t)from && (at < (int64_t)to || (at == (int64_t)to && !to_stays))))
            continue;
        if (at > (int64_t)from)
            mark.at += size - (to - from);
        survey->marks[kept++] = mark;
    }
    if (survey)
        survey->mark_count = kept;
}

void survey_spliced(struct state *state, size_t from, size_t to, size_t size) {
    move_marks(state, from, to, size, true);
}

/* The new first entry has one byte of time, so the place of its mark is not above 0. */
void survey_cut(struct state *state, size_t from, size_t to, size_t size) {
    if (from == 0 && size <= 1 && state->survey)
        state->survey->run_dropped += to - size;
    else
        move_marks(state, from, to, size, false);
}

struct run survey_run(const struct state *state, const struct parts *parts,
                      const struct entity_plan *entity, int64_t time_us, size_t back) {
    const struct survey *survey = state->survey;
    size_t low = 0, high = survey ? survey->mark_count : 0;
    while (low < high) { /* the first mark that is not before the time */
        size_t middle = (low + high) / 2;
        if (survey->marks[middle].before_us < time_us)
            low = middle + 1;
        else
            high = middle;
    }
    if (low <= back || place_of(survey, &survey->marks[low - back - 1]) <= 0)
        return parts_run(parts, entity);
    const struct survey_mark *mark = &survey->marks[low - back - 1];
    const uint8_t *at = parts->run + place_of(survey, mark);
    return run_open(at, (size_t)(parts->end - at), entity, mark->before_us);
}

/* All of it. */

void survey_meet(struct state *state) {
    struct survey *survey = state->survey;
    if (!survey)
        return;
    survey->meet_us = survey->sketches_quiet_us;
    if (survey->meeting_count > 0)
        survey->meet_us = sooner(survey->meet_us, survey->meetings[0].at_us);
}

void survey_quiet(struct state *state, const struct entity_plan *entity,
                  const struct parts *parts) {
    struct tile_extent block = tile_extent_of(parts_oldest(parts), entity->block_level);
    int64_t meet_us = state->survey ? state->survey->meet_us : INT64_MAX;
    state->quiet_us = sooner(time_ahead(block.last_us, entity->kept_us), meet_us);
}

void survey_sketches(struct survey *survey, const struct parts *parts,
                     const struct entity_plan *entity) {
    struct tiles sketches = parts_sketches(parts);
    struct tile before, tile;
    survey->sketches_quiet_us = INT64_MAX;
    survey->newest_sketch_at = 0;
    if (!tiles_next(&sketches, &before))
        return;
    struct tile_extent block = tile_extent_of(before.oldest_us, entity->block_level);
    survey->sketches_quiet_us = time_ahead(block.last_us, entity->pools_kept_us);
    for (; tiles_next(&sketches, &tile); before = tile) {
        int64_t at_us = partition_meeting(&entity->sketch_tiles, before.newest_us, tile.oldest_us);
        if (at_us < survey->sketches_quiet_us)
            survey->sketches_quiet_us = at_us;
    }
    survey->newest_sketch_at = (uint32_t)(before.start - parts->sketches);
}

/* An entry or a tile, behind those before it. */
struct item {
    int64_t newest_us;
    bool is_tile, is_there;
};

static void pass_item(struct state *state, const struct entity_plan *entity, struct item *before,
                      int64_t oldest_us, struct item item) {
    if (before->is_there && (before->is_tile || item.is_tile))
        survey_pair(state, entity, before->newest_us, oldest_us);
    *before = item;
}

static void pass_tile(struct state *state, const struct entity_plan *entity, struct item *before,
                      const struct tile *tile, const struct parts *parts) {
    state->survey->newest_tile_at = (uint32_t)(tile->start - parts->tiles);
    pass_item(state, entity, before, tile->oldest_us,
              (struct item){.newest_us = tile->newest_us, .is_tile = true, .is_there = true});
}

static void pass_all(struct state *state, const struct entity_plan *entity,
                     const struct parts *parts) {
    struct survey *survey = state->survey;
    struct tiles tiles = parts_tiles(parts);
    struct run run = parts_run(parts, entity);
    struct item before = {.is_there = false};
    struct tile tile = {.start = NULL};
    struct run_extent entry;
    bool has_tile = tiles_next(&tiles, &tile);
    for (int64_t before_us = run.time_us; run_pass(&run, &entry); before_us = entry.time_us) {
        for (; has_tile && tile.oldest_us < entry.time_us; has_tile = tiles_next(&tiles, &tile))
            pass_tile(state, entity, &before, &tile, parts);
        pass_item(state, entity, &before, entry.time_us,
                  (struct item){.newest_us = entry.time_us, .is_there = true});
        survey_appended(state, (size_t)(entry.start - parts->run), before_us);
        for (uint32_t left = at_most_a_crowd(entry.transactions); left > 0; left--) {
            crowd_add(&survey->crowd, entry.time_us);
            meet_crowd(state, entity, &survey->crowd);
        }
    }
    check(!run.cursor.failed);
    for (; has_tile; has_tile = tiles_next(&tiles, &tile))
        pass_tile(state, entity, &before, &tile, parts);
    survey_sketches(survey, parts, entity);
}

/* Has any block more transactions than a raw tile may have? Else leaves the newest one's number. */
static bool is_crowded(struct state *state, const struct entity_plan *entity,
                       const struct parts *parts) {
    struct run run = parts_run(parts, entity);
    struct run_extent entry;
    uint32_t transactions = 0;
    int64_t last_us = INT64_MIN;
    while (transactions <= TILE_RAW_MAX && run_pass(&run, &entry)) {
        if (entry.time_us > last_us)
            transactions = 0;
        last_us = tile_extent_of(entry.time_us, entity->block_level).last_us;
        transactions += at_most_a_crowd(entry.transactions);
    }
    state->block_transactions = (uint8_t)transactions;
    return transactions > TILE_RAW_MAX;
}

void survey_state(struct state *state, const struct entity_plan *entity) {
    struct parts parts = parts_of(state->bytes, state->length);
    survey_free(state->survey);
    state->survey = NULL;
    state->is_surveyed = true;
    if (parts.head.dense_size > 0 || parts.head.entries > SURVEY_ENTRIES ||
        is_crowded(state, entity, &parts)) {
        state->survey = check_calloc(1, sizeof *state->survey);
        state->survey->latest.at_us = INT64_MAX;
        state->block_transactions = TILE_RAW_MAX + 1; /* from here on the crowd is kept up */
        state->unmarked = 0;
        pass_all(state, entity, &parts);
    }
    survey_meet(state);
    survey_quiet(state, entity, &parts);
}

void survey_first(struct state *state, const struct entity_plan *entity, int64_t time_us,
                  uint32_t transactions) {
    check(transactions <= TILE_RAW_MAX && !state->survey);
    state->is_surveyed = true;
    state->block_transactions = (uint8_t)transactions;
    state->quiet_us =
        time_ahead(tile_extent_of(time_us, entity->block_level).last_us, entity->kept_us);
}

/* What is new. */

/* The newest block has just become one with more than a raw tile may have: its crowd. */
static void gather_crowd(struct state *state, const struct entity_plan *entity) {
    struct parts parts = parts_of(state->bytes, state->length);
    int64_t first_us = tile_extent_of(parts.newest_us, entity->block_level).first_us;
    struct run run = survey_run(state, &parts, entity, first_us, 0);
    struct survey_crowd *crowd = &state->survey->crowd;
    struct run_extent entry;
    crowd->first = crowd->count = 0;
    while (run_pass(&run, &entry))
        for (uint32_t left = at_most_a_crowd(entry.transactions);
             entry.time_us >= first_us && left > 0; left--) {
            crowd_add(crowd, entry.time_us);
            meet_crowd(state, entity, crowd);
        }
    check(!run.cursor.failed);
}

/* Counts an entry of the newest block, which is in the bytes; `more`: of a block that was it before
 * the entry came. */
static void join_crowd(struct state *state, const struct entity_plan *entity, int64_t time_us,
                       uint32_t transactions, bool more) {
    bool was_kept_up = more && state->block_transactions > TILE_RAW_MAX;
    if (!more)
        state->block_transactions = 0;
    count_in_block(state, transactions);
    if (!state->survey || state->block_transactions <= TILE_RAW_MAX)
        return;
    if (!was_kept_up) {
        gather_crowd(state, entity);
        return;
    }
    for (uint32_t left = at_most_a_crowd(transactions); left > 0; left--) {
        crowd_add(&state->survey->crowd, time_us);
        meet_crowd(state, entity, &state->survey->crowd);
    }
}

void survey_append(struct state *state, const struct entity_plan *entity,
                   const struct parts *before, int64_t time_us, uint32_t transactions) {
    bool more = time_us <= tile_extent_of(before->newest_us, entity->block_level).last_us;
    if (!state->survey) {
        uint32_t count = at_most_a_crowd(transactions) + (more ? state->block_transactions : 0);
        state->block_transactions = (uint8_t)at_most_a_crowd(count);
        if (state->block_transactions > TILE_RAW_MAX || before->head.entries >= SURVEY_ENTRIES)
            survey_state(state, entity);
        return;
    }
    join_crowd(state, entity, time_us, transactions, more);
    if (before->dense.tiles > 0 && before->dense.newest_us == before->newest_us)
        survey_pair(state, entity, before->newest_us, time_us);
    survey_appended(state, (size_t)(before->end - before->run), before->head.last_us);
}

/* All crowds that it is in. Returns false if there may be more further back. */
static bool meet_crowds_of(struct state *state, const struct entity_plan *entity,
                           const struct parts *parts, int64_t time_us, size_t back) {
    struct run run = survey_run(state, parts, entity, time_us, back);
    bool is_all = run.cursor.at == parts->run;
    struct survey_crowd crowd = {.first = 0};
    struct run_extent entry;
    uint32_t ahead = 0, behind = 0;
    while (behind <= TILE_RAW_MAX && run_pass(&run, &entry)) {
        uint32_t transactions = at_most_a_crowd(entry.transactions);
        for (uint32_t left = transactions; left > 0; left--) {
            crowd_add(&crowd, entry.time_us);
            if (crowd_time(&crowd, 0) <= time_us && entry.time_us >= time_us)
                meet_crowd(state, entity, &crowd);
        }
        ahead += entry.time_us < time_us ? transactions : 0;
        behind += entry.time_us > time_us ? transactions : 0;
    }
    return is_all || ahead >= TILE_RAW_MAX;
}

static void meet_neighbours(struct state *state, const struct entity_plan *entity,
                            const struct parts *parts, int64_t time_us) {
    struct run run = survey_run(state, parts, entity, time_us, 1);
    struct tiles tiles = parts_tiles(parts);
    struct run_extent entry;
    struct tile tile;
    int64_t older_us = INT64_MIN, newer_us = INT64_MAX; /* the nearest entries */
    while (newer_us == INT64_MAX && run_pass(&run, &entry)) {
        older_us = entry.time_us < time_us ? entry.time_us : older_us;
        newer_us = entry.time_us > time_us ? entry.time_us : newer_us;
    }
    bool has_tile = false;
    int64_t before_us = INT64_MIN;
    while ((has_tile = tiles_next(&tiles, &tile)) && tile.oldest_us < time_us)
        before_us = tile.newest_us;
    if (before_us > older_us)
        survey_pair(state, entity, before_us, time_us);
    if (has_tile && tile.oldest_us < newer_us)
        survey_pair(state, entity, time_us, tile.oldest_us);
}

void survey_insert(struct state *state, const struct entity_plan *entity, int64_t time_us,
                   uint32_t transactions) {
    if (!state->survey) {
        survey_state(state, entity);
        return;
    }
    struct parts parts = parts_of(state->bytes, state->length);
    if (parts.dense.tiles > 0)
        meet_neighbours(state, entity, &parts, time_us);
    if (transactions > 0) {
        if (time_us >= tile_extent_of(parts.newest_us, entity->block_level).first_us)
            join_crowd(state, entity, time_us, transactions, true);
        for (size_t back = 1; !meet_crowds_of(state, entity, &parts, time_us, back);)
            back *= 2;
    }
    survey_meet(state);
    survey_quiet(state, entity, &parts); /* it may be the oldest */
}
