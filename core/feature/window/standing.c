/* Of every border (course.c) a standing knows which raw entry and which collapsed tile pass it
 * next, and when; of every gathering what is in its window (windows.c). A read passes what has come
 * due.
 *
 * Order. Nearer borders are passed first, so that what passes several at once enters a window
 * before it leaves it. Of one border, tiles are passed before raw entries, whatever their times.
 *
 * Values that are in sketches are another matter (throng.c).
 *
 * Memory: two marks for each border and the windows' words, in front of the state's bytes
 * (state_memory.h), and elsewhere the table of values where there are many.
 */
#include "standing.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"
#include "core/feature/state/run_decode.h"
#include "core/feature/state/state_memory.h"
#include "gather.h"
#include "standing_marks.h"

#include <stdlib.h>

/* Below, a scan is as fast. A collapsed tile costs as much as several entries. */
#define ITEMS_MIN       16
#define PLAIN_ITEMS_MIN 32 /* of counts and sums alone, which gather_plain() is quick at */
#define ITEMS_OF_TILE   4
/* Some 4 ns each: under half a millisecond. */
#define ITEMS_AND_SPANS_MAX 100000

static size_t size_of(const struct entity_plan *entity) {
    return standing_tile_marks_at(entity) + entity->course.border_count * sizeof(struct mark);
}

/* So much of it will be touched, from its first byte on. */
static inline size_t used_of(const struct standing *standing, const struct entity_plan *entity,
                             const struct parts *parts) {
    if (parts->dense.tiles > 0)
        return size_of(entity);
    size_t until = standing_tile_marks_at(entity);
    return tallies_are_many(&standing->windows.tallies) ? until - windows_few_size(entity) : until;
}

void standing_deinit(struct standing *standing) {
    windows_deinit(&standing->windows);
    throng_free(standing->throng);
}

void standing_moved(struct standing *standing) {
    windows_move(&standing->windows, (uintptr_t)standing - standing->lies_at);
    standing->lies_at = (uintptr_t)standing;
}

size_t standing_bytes(const struct state *state, const struct entity_plan *entity) {
    const struct standing *standing = state_standing(state);
    if (!standing)
        return 0;
    return state->front + tallies_bytes(&standing->windows.tallies) +
           (standing->throng ? throng_bytes(standing->throng, entity) : 0);
}

int64_t standing_newest(const struct standing *standing) {
    return standing->newest_us;
}

void standing_forget(struct state *state) {
    if (state->front > 0)
        state_standing(state)->is_known = false;
}

static const struct mark no_mark = {.time_us = INT64_MAX, .at = MARK_NONE};

/* Raw entries. */

/* Marks the entry that begins at `at`, behind the one that has been marked; or the end. */
static inline void mark_next(const struct parts *parts, struct mark *mark, const uint8_t *at) {
    if (at == parts->end) {
        *mark = no_mark;
        return;
    }
    struct run_taken step = run_take_checked(at, parts->end);
    check(step.at);
    mark->time_us = (int64_t)((uint64_t)mark->time_us + step.value);
    mark->at = (uint32_t)(step.at - parts->run);
}

/* Decodes the marked entry and marks the next one. */
static inline void step_entry(const struct parts *parts, const struct entity_plan *entity,
                              struct mark *mark, struct run_entry *ret_entry) {
    const uint8_t *at = parts->run + mark->at;
    ret_entry->time_us = mark->time_us;
    at = run_take_body(at, parts->end, entity, ret_entry, true);
    check(at);
    mark_next(parts, mark, at);
}

/* Collapsed tiles. */

/* The windows of the spans that `way` names gain (> 0) or lose (< 0) the tile. */
static void change_tile(struct standing *standing, const struct entity_plan *entity,
                        const int8_t *way, struct tile tile) {
    cursor_varint(&tile.body); /* transactions */
    for (size_t i = 0; i < entity->total_count; i++) {
        const struct total *total = &entity->totals[i];
        const uint16_t *uses = &entity->uses[total->first_use];
        struct tallied tallied;
        tallied_decode(&tile.body, entity, total, tile.oldest_us, tile.newest_us, &tallied);
        for (size_t j = 0; j < total->use_count; j++) {
            int8_t of_span = way[entity->gatherings[uses[j]].span];
            if (of_span > 0)
                windows_add_tallied(&standing->windows, entity, uses[j], &tallied);
            else if (of_span < 0)
                windows_take_tallied(&standing->windows, entity, uses[j], &tallied);
        }
    }
    check(!tile.body.failed);
}

static void pass_tile(struct standing *standing, const struct entity_plan *entity,
                      const struct border *border, const struct tile *tile) {
    int8_t way[PLAN_SPANS_MAX];
    memset(way, 0, entity->span_count);
    for (size_t i = 0; i < (size_t)border->opens + border->closes; i++)
        way[entity->course.spans[border->first + i]] = i < border->opens ? 1 : -1;
    change_tile(standing, entity, way, *tile);
}

static struct tile tile_at(const struct parts *parts, uint32_t at) {
    struct tiles tiles = {.at = parts->tiles + at, .end = parts->sketches};
    struct tile tile;
    check(tiles_next(&tiles, &tile));
    return tile;
}

static void mark_tile(const struct parts *parts, struct mark *mark, const uint8_t *at) {
    *mark = no_mark;
    if (at == parts->sketches)
        return;
    mark->at = (uint32_t)(at - parts->tiles);
    mark->time_us = tile_at(parts, mark->at).newest_us;
}

/* What is stale. */

static void look_through_tiles(struct lookup *lookup, const struct parts *parts, uint32_t from,
                               uint32_t until) {
    const struct entity_plan *entity = lookup->entity;
    size_t wanted = (size_t)entity->gatherings[lookup->gathering].total;
    while (from != until) {
        struct tile tile = tile_at(parts, from);
        struct tallied tallied;
        if (lookup_is_done(lookup, tile.newest_us))
            return;
        cursor_varint(&tile.body); /* transactions */
        for (size_t i = 0; i <= wanted; i++)
            tallied_decode(&tile.body, entity, &entity->totals[i], tile.oldest_us, tile.newest_us,
                           &tallied);
        check(!tile.body.failed);
        lookup_tallied(lookup, &tallied);
        from =
            tile.body.end == parts->sketches ? MARK_NONE : (uint32_t)(tile.body.end - parts->tiles);
    }
}

static void look_through_entries(struct lookup *lookup, const struct parts *parts, struct mark from,
                                 uint32_t until) {
    while (from.at != until && !lookup_is_done(lookup, from.time_us)) {
        struct run_entry entry;
        step_entry(parts, lookup->entity, &from, &entry);
        lookup_entry(lookup, &entry);
    }
}

/* Each takes a look through its window: beyond so many a scan, which answers for all windows, is
 * cheaper. */
#define LOOKUPS_MAX 4

/* The rest stays stale. */
static void look_up_stale(struct standing *standing, const struct entity_plan *entity,
                          const struct parts *parts) {
    unsigned left = LOOKUPS_MAX;
    const struct mark *tile_marks = standing_tile_marks(standing, entity);
    for (size_t i = 0; standing->windows.stale_count > 0 && left > 0; i++) {
        if (!standing->windows.stale[i])
            continue;
        left--;
        size_t span = entity->gatherings[i].span;
        size_t from = entity->course.closes[span], until = entity->course.opens[span];
        struct lookup lookup = lookup_begin(&standing->windows, entity, i);
        look_through_tiles(&lookup, parts, tile_marks[from].at, tile_marks[until].at);
        look_through_entries(&lookup, parts, standing->marks[from], standing->marks[until].at);
        lookup_end(&lookup);
    }
}

/* Going on in time. */

/* Passes the entry that border i has marked; with what it has decoded, the same entry at borders
 * behind that one. */
static void pass_borders(struct standing *standing, const struct entity_plan *entity,
                         const struct parts *parts, size_t i, int64_t at_us) {
    const struct border *border = &entity->course.borders[i];
    struct mark *mark = &standing->marks[i], next = *mark;
    const struct mark *end = standing->marks + entity->course.border_count;
    struct run_entry entry;
    uint32_t at = mark->at;
    step_entry(parts, entity, &next, &entry);
    bool is_lone = standing->throng && throng_is_lone(standing->throng, parts, entry.time_us);
    do {
        *mark++ = next;
        standing_pass_entry(standing, entity, border++, &entry, is_lone);
    } while (mark != end && mark->at == at &&
             standing_has_passed(entry.time_us, border->distance_us, at_us));
}

/* Of counts and sums of all entries (entity->is_plain) nothing but the value is wanted: one
 * transaction's that has the column, as nearly all entries are. False: it is another. */
static inline bool pass_plain(struct standing *standing, const struct entity_plan *entity,
                              const struct parts *parts, size_t i) {
    struct mark *mark = &standing->marks[i];
    const uint8_t *at = parts->run + mark->at + entity->id_size, *end = parts->end;
    struct run_taken value = {.value = 0, .at = at + 1};
    if (*at != 0) /* no column is missing */
        return false;
    if (entity->column_count > 0)
        value = run_take_checked(at + 1, end);
    check(value.at && value.at < end);
    if (*value.at != 0) /* a transaction, and no filter */
        return false;
    windows_pass_plain(&standing->windows, entity, &entity->course.borders[i],
                       unzigzag(value.value));
    mark_next(parts, mark, value.at + 1);
    return true;
}

static void pass_border_tiles(struct standing *standing, const struct entity_plan *entity,
                              const struct parts *parts, size_t i, int64_t at_us) {
    const struct border *border = &entity->course.borders[i];
    struct mark *mark = &standing_tile_marks(standing, entity)[i];
    while (mark->at != MARK_NONE &&
           standing_has_passed(mark->time_us, border->distance_us, at_us)) {
        struct tile tile = tile_at(parts, mark->at);
        pass_tile(standing, entity, border, &tile);
        mark_tile(parts, mark, tile.body.end);
    }
    standing_expect(standing, mark->time_us, border->distance_us);
}

static inline void pass_border(struct standing *standing, const struct entity_plan *entity,
                               const struct parts *parts, size_t i, int64_t at_us) {
    const struct border *border = &entity->course.borders[i];
    struct mark *mark = &standing->marks[i];
    while (mark->at != MARK_NONE && standing_has_passed(mark->time_us, border->distance_us, at_us))
        if (!entity->is_plain || !pass_plain(standing, entity, parts, i))
            pass_borders(standing, entity, parts, i, at_us);
    standing_expect(standing, mark->time_us, border->distance_us);
}

/* The value of what the border of leaving values has marked, which is the next one to be taken from
 * where it is counted: to be fetched before the read that takes it. Only a hint. */
static void foresee_leaving(struct standing *standing, const struct entity_plan *entity,
                            const struct parts *parts) {
    const struct mark *mark = &standing->marks[entity->course.leaving_border];
    const struct column *column = entity->columns;
    const struct column *wanted = column + entity->pools[entity->course.leaving_pool].column;
    if (mark->at == MARK_NONE || entity->text_columns != 0)
        return;
    const uint8_t *at = parts->run + mark->at + entity->id_size, *end = parts->end;
    if (*at != 0) /* a column is missing */
        return;
    for (at++; column != wanted; column++)
        at = column->type == COLUMN_INTEGER ? run_pass_varint(at, end) : at + 8;
    standing->leaving = column->type == COLUMN_INTEGER
                            ? (uint64_t)unzigzag(run_take_checked(at, end).value)
                            : load_u64(at);
}

static void go_on(struct standing *standing, const struct entity_plan *entity,
                  const struct parts *parts, int64_t at_us) {
    const size_t leaving = entity->course.leaving_border;
    const bool has_leaving = leaving != COURSE_NO_BORDER && standing->windows.has_values;
    const uint32_t leaving_at = has_leaving ? standing->marks[leaving].at : 0;
    standing->due_us = INT64_MAX;
    for (size_t i = 0; i < entity->course.border_count; i++) {
        if (parts->dense.tiles > 0)
            pass_border_tiles(standing, entity, parts, i, at_us);
        pass_border(standing, entity, parts, i, at_us);
    }
    /* Else it has been foreseen, and nobody has fetched the entry. */
    if (has_leaving && standing->marks[leaving].at != leaving_at &&
        tallies_are_many(&standing->windows.tallies))
        foresee_leaving(standing, entity, parts);
    look_up_stale(standing, entity, parts);
}

/* Making it up. */

static void count_tiles(struct standing *standing, const struct entity_plan *entity,
                        const struct parts *parts) {
    const struct border *borders = entity->course.borders;
    struct mark *marks = standing_tile_marks(standing, entity);
    struct tiles tiles = parts_tiles(parts);
    struct tile tile;
    int8_t way[PLAN_SPANS_MAX];
    size_t passed = entity->course.border_count;
    while (passed > 0 && tiles_next(&tiles, &tile)) {
        while (passed > 0 && !standing_has_passed(tile.newest_us, borders[passed - 1].distance_us,
                                                  standing->at_us)) {
            mark_tile(parts, &marks[--passed], tile.start);
            standing_expect(standing, tile.newest_us, borders[passed].distance_us);
        }
        for (size_t i = 0; i < entity->span_count; i++)
            way[i] = course_holds(entity, i, passed);
        change_tile(standing, entity, way, tile);
    }
    while (passed > 0)
        marks[--passed] = no_mark;
}

static void count_entries(struct standing *standing, const struct entity_plan *entity,
                          const struct parts *parts) {
    const struct border *borders = entity->course.borders;
    struct run run = parts_run(parts, entity);
    struct run_entry entry;
    size_t passed = entity->course.border_count;
    while (passed > 0 && run_step(&run, &entry)) {
        while (passed > 0 && !standing_has_passed(entry.time_us, borders[passed - 1].distance_us,
                                                  standing->at_us)) {
            standing->marks[--passed] = (struct mark){
                .time_us = entry.time_us, .at = (uint32_t)(entry.identity - parts->run)};
            standing_expect(standing, entry.time_us, borders[passed].distance_us);
        }
        for (size_t i = 0; i < entity->span_count; i++)
            if (course_holds(entity, i, passed))
                windows_add_entry(&standing->windows, entity, i, &entry);
    }
    check(!run.cursor.failed);
    while (passed > 0)
        standing->marks[--passed] = no_mark;
}

static void make_up(struct standing *standing, const struct entity_plan *entity,
                    const struct parts *parts, int64_t at_us) {
    windows_clear(&standing->windows, entity);
    standing->windows.has_values = parts->dense.sketches == 0;
    standing->at_us = at_us;
    standing->due_us = INT64_MAX;
    standing->newest_us = parts->newest_us;
    standing->leaving = 0;
    standing->is_known = true;
    throng_forget(standing->throng);
    count_tiles(standing, entity, parts);
    count_entries(standing, entity, parts);
}

static inline uint32_t items_min(const struct entity_plan *entity) {
    return entity->is_plain ? PLAIN_ITEMS_MIN : ITEMS_MIN;
}

/* Is there enough of it, and not so much for so many windows that making it up takes longer than
 * reads can gain? */
static bool is_worth_it(const struct entity_plan *entity, const struct parts *parts) {
    uint64_t items = parts->head.entries + (uint64_t)parts->dense.tiles * ITEMS_OF_TILE;
    return items >= items_min(entity) && items * entity->span_count <= ITEMS_AND_SPANS_MAX;
}

static bool begin(struct state *state, const struct entity_plan *entity, int64_t at_us) {
    if (state->length == 0)
        return false;
    struct head head = head_get(state->bytes);
    if (head.dense_size == 0 && head.entries < items_min(entity)) /* most have so few */
        return false;
    struct parts parts = parts_of(state->bytes, state->length);
    if (!is_worth_it(entity, &parts) || parts.newest_us > at_us)
        return false;
    if (state->front == 0) {
        struct standing *standing = state_add_front(state, size_of(entity));
        standing->throng = NULL;
        standing->lies_at = (uintptr_t)standing;
        windows_init(&standing->windows, entity, (uint8_t *)standing + standing_windows_at(entity));
        parts = parts_of(state->bytes, state->length);
    }
    make_up(state_standing(state), entity, &parts, at_us);
    state->front_used = (uint32_t)used_of(state_standing(state), entity, &parts);
    return true;
}

bool standing_bring(struct state *state, const struct entity_plan *entity, int64_t at_us) {
    struct standing *standing = state_standing(state);
    if (entity->quantile_count > 0) /* quantiles want a look at every value */
        return false;
    /* Back in time: after a look into the future it begins anew. A late read leaves it alone. */
    if (!standing || !standing->is_known || at_us < standing->at_us)
        return begin(state, entity, at_us);
    if (at_us >= standing->due_us || standing->windows.stale_count > 0) {
        struct parts parts = parts_of(state->bytes, state->length);
        go_on(standing, entity, &parts, at_us);
        state->front_used = (uint32_t)used_of(standing, entity, &parts);
    }
    standing->at_us = at_us;
    return standing->windows.stale_count == 0;
}

void standing_give(const struct state *state, struct gather *gather) {
    struct standing *standing = state_standing(state);
    const struct windows *windows = &standing->windows;
    windows_give(windows, gather);
    if (windows->has_values || gather->entity->pool_count == 0)
        return;
    if (!standing->throng)
        standing->throng = throng_new(gather->entity);
    if (!throng_is_known(standing->throng, gather->at_us)) {
        struct parts parts = parts_of(state->bytes, state->length);
        throng_count(standing->throng, gather->entity, &parts, state, gather->at_us);
    }
    throng_give(standing->throng, gather);
}

/* Ahead of time. */

/* What every read begins with: few enough lines, of four states, for the nearest cache. */
#define NEAR_BYTES 192

const uint8_t *standing_prefetch(const struct state *state) {
    const uint8_t *first = (const uint8_t *)state_standing(state);
    const uint8_t *next = prefetch_near_from(NULL, first, first + NEAR_BYTES);
    return prefetch_far_from(next, first, first + state->front_used);
}

/* Most entries are short, but may lie on two lines. */
static void prefetch_entry(const uint8_t *at) {
    prefetch(at);
    prefetch(at + CACHE_LINE / 2);
}

void standing_prefetch_due(const struct state *state, const struct entity_plan *entity,
                           int64_t at_us, const struct entry *current) {
    const struct standing *standing = state_standing(state);
    bool values_pass = false;
    if (!standing->is_known)
        return;
    if (at_us >= standing->due_us) {
        const uint8_t *run = state->bytes + HEAD_SIZE + head_get(state->bytes).dense_size;
        const struct border *border = entity->course.borders;
        const struct border *end = border + entity->course.border_count;
        for (const struct mark *mark = standing->marks; border != end; border++, mark++) {
            if (!standing_has_passed(mark->time_us, border->distance_us, at_us) ||
                mark->at == MARK_NONE)
                continue;
            prefetch_entry(run + mark->at);
            values_pass |= border->passes_values;
        }
    }
    if (standing->windows.has_values)
        windows_prefetch(&standing->windows, entity, current, values_pass, standing->leaving);
    else if (standing->throng)
        throng_prefetch(standing->throng, entity, current);
}
