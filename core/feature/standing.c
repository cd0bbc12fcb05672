/* Of every border (course.c) a standing knows which raw entry and which collapsed tile pass it
 * next, and when; of every gathering it knows what is in its window. A read passes what has come
 * due: what a window gains is added, what it loses is taken off. Counts and sums are exact
 * integers, so they come out the same as in a scan. What cannot be taken off goes stale and is
 * looked up again:
 *
 *   extremes    when one of them leaves: all of the window
 *   first       when it leaves: from the window's end to the next that counts
 *   last        leaves only with everything
 *   values      are counted in a table (tallies.c), so that they can be taken off. Where there are
 *               sketches they are gathered from the bytes in each read
 *
 * Order. Nearer borders are passed first, so that what passes several at once enters a window
 * before it leaves it. Of one border, tiles are passed before raw entries, whatever their times:
 * first and last compare times, and the rest does not depend on it.
 *
 * Memory: one block with a mark for each border and the words of each gathering (course.h says
 * which), and the table of values. */
#include "standing.h"

#include "../base/check.h"
#include "course.h"
#include "gather.h"
#include "run_decode.h"
#include "tallies.h"

#include <stdlib.h>

/* Below, a scan is as fast. A collapsed tile costs as much as several entries. */
#define ITEMS_MIN     16
#define ITEMS_OF_TILE 4

#define NONE UINT32_MAX

/* What passes a border next. */
struct mark {
    int64_t raw_us, tile_us;
    uint32_t raw_at; /* where its identity begins in the run; NONE: there is none */
    uint32_t tile_at;
};

struct standing {
    int64_t at_us;     /* time of the read that it is made up for */
    int64_t due_us;    /* the next time at which something passes a border */
    int64_t newest_us; /* of all items */
    struct tallies tallies;
    uint32_t stale_count;
    bool is_known, has_sketches;
    struct mark marks[];
    /* Behind the marks: the course's words, and a byte for each gathering: what is stale of it. */
};

static uint64_t *words_of(const struct standing *standing, const struct entity_plan *entity) {
    return (uint64_t *)&standing->marks[entity->course.border_count];
}

static uint8_t *stale_of(const struct standing *standing, const struct entity_plan *entity) {
    return (uint8_t *)(words_of(standing, entity) + entity->course.word_count);
}

static size_t size_of(const struct entity_plan *entity) {
    return sizeof(struct standing) + entity->course.border_count * sizeof(struct mark) +
           entity->course.word_count * sizeof(uint64_t) + entity->gathering_count;
}

void standing_free(struct standing *standing) {
    if (standing)
        tallies_deinit(&standing->tallies);
    free(standing);
}

size_t standing_bytes(const struct standing *standing, const struct entity_plan *entity) {
    return standing ? size_of(entity) + tallies_bytes(&standing->tallies) : 0;
}

void standing_forget(struct state *state) {
    if (state->standing)
        state->standing->is_known = false;
}

/* Has what is of this time passed the border in a read at at_us? */
static bool has_passed(int64_t time_us, uint64_t distance_us, int64_t at_us) {
    return is_behind(time_us, at_us, distance_us);
}

static void not_after(int64_t *due_us, int64_t time_us) {
    *due_us = time_us < *due_us ? time_us : *due_us;
}

/* The words of one gathering. */

struct words {
    uint64_t *count, *sum, *squares, *extremes, *first, *last, *distinct;
    size_t cell_words;
};

static inline struct words take_words(uint64_t *at, uint16_t kept) {
    struct words words = {.count = at++};
    words.cell_words = kept & COURSE_TEXT ? COURSE_TEXT_WORDS : kept & COURSE_INTEGER ? 1 : 0;
    words.sum = at;
    at += kept & COURSE_SUM ? 2 : 0;
    words.squares = at;
    at += kept & COURSE_SQUARES ? 3 : 0;
    words.extremes = at;
    at += kept & COURSE_EXTREMES ? 2 : 0;
    words.first = at;
    at += kept & COURSE_FIRST ? 1 + words.cell_words : 0;
    words.last = at;
    at += kept & COURSE_LAST ? 1 + words.cell_words : 0;
    words.distinct = at;
    return words;
}

static inline int128 wide_get(const uint64_t *at) {
    return (int128)((uint128)at[1] << 64 | at[0]);
}

static inline void wide_put(uint64_t *at, int128 number) {
    at[0] = (uint64_t)number;
    at[1] = (uint64_t)((uint128)number >> 64);
}

static void put_edge(uint64_t *at, uint16_t kept, int64_t time_us, const struct cell *cell) {
    at[0] = (uint64_t)time_us;
    if (kept & COURSE_INTEGER)
        at[1] = (uint64_t)cell->integer;
    if (!(kept & COURSE_TEXT))
        return;
    at[1] = cell->text.length;
    if (cell->text.length > 0)
        memcpy(at + 2, cell->text.data, cell->text.length);
}

/* What comes to a gathering or goes from it. */
struct change {
    int64_t count; /* negative for what goes, and so are the sums */
    int128 sum;
    uint64_t squares_low;
    int128 squares_high;
    int64_t min, max;
    int64_t first_us, last_us;
    struct cell first, last;
};

static void set_stale(struct standing *standing, uint8_t *stale, unsigned what) {
    if (!*stale && what)
        standing->stale_count++;
    *stale |= (uint8_t)what;
}

static void set_fresh(struct standing *standing, uint8_t *stale) {
    if (*stale)
        standing->stale_count--;
    *stale = 0;
}

static void come(const struct words *words, uint16_t kept, bool any, const struct change *change) {
    if (kept & COURSE_EXTREMES) {
        int64_t *extremes = (int64_t *)words->extremes;
        if (!any || change->min < extremes[0])
            extremes[0] = change->min;
        if (!any || change->max > extremes[1])
            extremes[1] = change->max;
    }
    if ((kept & COURSE_FIRST) && (!any || change->first_us < (int64_t)words->first[0]))
        put_edge(words->first, kept, change->first_us, &change->first);
    if ((kept & COURSE_LAST) && (!any || change->last_us >= (int64_t)words->last[0]))
        put_edge(words->last, kept, change->last_us, &change->last);
}

static unsigned stale_without(const struct words *words, uint16_t kept,
                              const struct change *change) {
    const int64_t *extremes = (const int64_t *)words->extremes;
    unsigned stale = kept & COURSE_FIRST;
    if ((kept & COURSE_EXTREMES) && (change->min <= extremes[0] || change->max >= extremes[1]))
        stale |= COURSE_EXTREMES;
    return stale;
}

/* Is anything of it kept that cannot be added up? */
#define COURSE_ORDERED (COURSE_EXTREMES | COURSE_FIRST | COURSE_LAST)

static inline void apply_change(struct standing *standing, const struct entity_plan *entity,
                                size_t i, bool comes, const struct change *change) {
    uint16_t kept = entity->course.kept[i];
    struct words words = take_words(words_of(standing, entity) + entity->course.words[i], kept);
    bool any = *words.count != 0;
    *words.count += (uint64_t)change->count;
    if (kept & COURSE_SUM)
        wide_put(words.sum, wrapping_sum(wide_get(words.sum), change->sum));
    if (kept & COURSE_SQUARES) {
        uint128 low = (uint128)words.squares[0] + change->squares_low;
        words.squares[0] = (uint64_t)low;
        wide_put(words.squares + 1,
                 wrapping_sum(wrapping_sum(wide_get(words.squares + 1), change->squares_high),
                              (int128)(low >> 64)));
    }
    if (!(kept & COURSE_ORDERED))
        return;
    uint8_t *stale = stale_of(standing, entity) + i;
    if (comes)
        come(&words, kept, any, change);
    else if (*words.count != 0)
        set_stale(standing, stale, stale_without(&words, kept, change));
    else
        set_fresh(standing, stale);
}

/* Raw entries. */

static inline struct cell cell_of(const struct entity_plan *entity, const struct run_entry *entry,
                                  int column) {
    struct cell cell = {0};
    if (column >= 0 && entity->columns[column].type == COLUMN_TEXT)
        cell.text = entry->texts[column];
    else if (column >= 0)
        cell.integer = entry->integers[column];
    return cell;
}

static inline void change_entry(struct standing *standing, const struct entity_plan *entity,
                                size_t i, bool comes, const struct run_entry *entry) {
    const struct gathering *gathering = &entity->gatherings[i];
    uint16_t kept = entity->course.kept[i];
    int column = gathering->column;
    int64_t weight = entry_weight(entry, gathering->filter);
    if (weight == 0 || !has_column(entry->present, column))
        return;
    int64_t signed_weight = comes ? weight : -weight;
    if (!(kept & ~(unsigned)(COURSE_TOTAL | COURSE_DISTINCT))) {
        words_of(standing, entity)[entity->course.words[i]] += (uint64_t)signed_weight;
    } else {
        struct change change = {.count = signed_weight};
        change.first_us = change.last_us = entry->time_us;
        if (kept & (COURSE_SUM | COURSE_SQUARES | COURSE_EXTREMES))
            change.min = change.max = entry->integers[column];
        if (kept & COURSE_SUM)
            change.sum = (int128)signed_weight * change.min;
        if (kept & COURSE_SQUARES)
            add_square(&change.squares_low, &change.squares_high, change.min, signed_weight);
        if (kept & (COURSE_FIRST | COURSE_LAST))
            change.first = change.last = cell_of(entity, entry, column);
        apply_change(standing, entity, i, comes, &change);
    }
    if (gathering->pool < 0 || standing->has_sketches)
        return;
    uint64_t *distinct =
        take_words(words_of(standing, entity) + entity->course.words[i], kept).distinct;
    uint64_t value = (uint64_t)entry->integers[column];
    size_t pool = (size_t)gathering->pool, member = entity->course.member[i];
    if (comes)
        *distinct += tallies_add(&standing->tallies, pool, member, value);
    else
        *distinct -= tallies_remove(&standing->tallies, pool, member, value);
}

/* The entry passes the border. */
static void pass_entry(struct standing *standing, const struct entity_plan *entity,
                       const struct border *border, const struct run_entry *entry) {
    const uint16_t *spans = &entity->course.spans[border->first];
    for (size_t i = 0; i < (size_t)border->opens + border->closes; i++) {
        const struct span *span = &entity->spans[spans[i]];
        for (size_t j = span->first; j < (size_t)span->first + span->count; j++)
            change_entry(standing, entity, j, i < border->opens, entry);
    }
}

/* Decodes the marked entry and marks the next one. */
static inline void step_entry(const struct parts *parts, const struct entity_plan *entity,
                              struct mark *mark, struct run_entry *ret_entry) {
    struct cursor cursor = cursor_of(parts->run, (size_t)(parts->end - parts->run));
    cursor.at += mark->raw_at;
    ret_entry->time_us = mark->raw_us;
    run_take_body(&cursor, entity, ret_entry);
    if (cursor.at == cursor.end) {
        mark->raw_at = NONE;
    } else {
        mark->raw_us = (int64_t)((uint64_t)mark->raw_us + run_take_varint(&cursor));
        mark->raw_at = (uint32_t)(cursor.at - parts->run);
    }
    check(!cursor.failed);
}

/* Collapsed tiles. */

static void negate(struct change *change) {
    change->count = (int64_t)(0 - (uint64_t)change->count);
    change->sum = wrapping_sum(~change->sum, 1);
    change->squares_high = wrapping_sum(~change->squares_high, change->squares_low == 0);
    change->squares_low = 0 - change->squares_low;
}

static void change_tallied(struct standing *standing, const struct entity_plan *entity, size_t i,
                           bool comes, const struct tallied *tallied) {
    struct change change = {
        .count = tallied->count,
        .sum = tallied->sum,
        .squares_low = tallied->squares_low,
        .squares_high = tallied->squares_high,
    };
    if (tallied->count != 0) {
        change.min = tallied->min;
        change.max = tallied->max;
        change.first_us = tallied->first.time_us;
        change.last_us = tallied->last.time_us;
        change.first = tallied->first.cell;
        change.last = tallied->last.cell;
    } else if (entity->course.kept[i] & COURSE_ORDERED) {
        return; /* such a total only has what does count */
    }
    if (!comes)
        negate(&change);
    apply_change(standing, entity, i, comes, &change);
}

/* The windows of spans that `way` names gain (> 0) or lose (< 0) the tile. */
static void change_tile(struct standing *standing, const struct entity_plan *entity,
                        const int8_t *way, struct tile tile) {
    cursor_varint(&tile.body); /* transactions */
    for (size_t i = 0; i < entity->total_count; i++) {
        const struct total *total = &entity->totals[i];
        struct tallied tallied;
        tallied_decode(&tile.body, entity, total, tile.oldest_us, tile.newest_us, &tallied);
        for (size_t j = total->first_use; j < (size_t)total->first_use + total->use_count; j++) {
            int8_t of_span = way[entity->gatherings[entity->uses[j]].span];
            if (of_span != 0)
                change_tallied(standing, entity, entity->uses[j], of_span > 0, &tallied);
        }
    }
    check(!tile.body.failed);
}

static void pass_tile(struct standing *standing, const struct entity_plan *entity,
                      const struct border *border, const struct tile *tile) {
    int8_t way[2 * PLAN_FEATURES_MAX];
    memset(way, 0, entity->span_count);
    for (size_t i = 0; i < (size_t)border->opens + border->closes; i++)
        way[entity->course.spans[border->first + i]] = i < border->opens ? 1 : -1;
    change_tile(standing, entity, way, *tile);
}

static void mark_tile(const struct parts *parts, struct mark *mark, const uint8_t *at) {
    struct tiles tiles = {.at = at, .end = parts->sketches};
    struct tile tile;
    mark->tile_at = NONE;
    if (!tiles_next(&tiles, &tile))
        return;
    mark->tile_at = (uint32_t)(at - parts->tiles);
    mark->tile_us = tile.newest_us;
}

static struct tile tile_at(const struct parts *parts, uint32_t at) {
    struct tiles tiles = {.at = parts->tiles + at, .end = parts->sketches};
    struct tile tile;
    check(tiles_next(&tiles, &tile));
    return tile;
}

/* What is stale. */

struct recount {
    const struct entity_plan *entity;
    size_t gathering;
    uint16_t kept;
    struct words words;
    bool any, only_first;
};

static void recount_one(struct recount *recount, const struct change *change) {
    come(&recount->words, recount->kept, recount->any, change);
    recount->any = true;
}

static void recount_tiles(struct recount *recount, const struct parts *parts, uint32_t from,
                          uint32_t until) {
    const struct entity_plan *entity = recount->entity;
    while (from != until && !(recount->only_first && recount->any)) {
        struct tile tile = tile_at(parts, from);
        size_t wanted = (size_t)entity->gatherings[recount->gathering].total;
        struct tallied tallied = {0};
        struct cursor body = tile.body;
        cursor_varint(&body);
        for (size_t i = 0; i <= wanted; i++)
            tallied_decode(&body, entity, &entity->totals[i], tile.oldest_us, tile.newest_us,
                           &tallied);
        struct change change = {.min = tallied.min, .max = tallied.max};
        change.first_us = tallied.first.time_us;
        change.last_us = tallied.last.time_us;
        change.first = tallied.first.cell;
        change.last = tallied.last.cell;
        if (tallied.count != 0)
            recount_one(recount, &change);
        from = (uint32_t)(tile.body.end - parts->tiles);
        from = tile.body.end == parts->sketches ? NONE : from;
    }
}

static void recount_entries(struct recount *recount, const struct parts *parts, struct mark from,
                            uint32_t until) {
    const struct gathering *gathering = &recount->entity->gatherings[recount->gathering];
    while (from.raw_at != until && !(recount->only_first && recount->any &&
                                     from.raw_us >= (int64_t)recount->words.first[0])) {
        struct run_entry entry;
        step_entry(parts, recount->entity, &from, &entry);
        if (entry_weight(&entry, gathering->filter) == 0 ||
            !has_column(entry.present, gathering->column))
            continue;
        struct change change = {.first_us = entry.time_us, .last_us = entry.time_us};
        if (recount->kept & COURSE_EXTREMES)
            change.min = change.max = entry.integers[gathering->column];
        change.first = change.last = cell_of(recount->entity, &entry, gathering->column);
        recount_one(recount, &change);
    }
}

static void recount_stale(struct standing *standing, const struct entity_plan *entity,
                          const struct parts *parts) {
    uint8_t *stale = stale_of(standing, entity);
    for (size_t i = 0; standing->stale_count > 0; i++) {
        if (!stale[i])
            continue;
        uint16_t cells = entity->course.kept[i] & (COURSE_INTEGER | COURSE_TEXT);
        struct recount recount = {
            .entity = entity,
            .gathering = i,
            .kept = stale[i] | cells,
            .only_first = stale[i] == COURSE_FIRST,
            .words = take_words(words_of(standing, entity) + entity->course.words[i],
                                entity->course.kept[i]),
        };
        size_t span = entity->gatherings[i].span;
        const struct mark *from = &standing->marks[entity->course.closes[span]];
        const struct mark *until = &standing->marks[entity->course.opens[span]];
        recount_tiles(&recount, parts, from->tile_at, until->tile_at);
        recount_entries(&recount, parts, *from, until->raw_at);
        set_fresh(standing, &stale[i]);
    }
}

/* Going on in time. */

static void pass_border(struct standing *standing, const struct entity_plan *entity,
                        const struct parts *parts, size_t i, int64_t at_us) {
    const struct border *border = &entity->course.borders[i];
    struct mark *mark = &standing->marks[i];
    while (mark->tile_at != NONE && has_passed(mark->tile_us, border->distance_us, at_us)) {
        struct tile tile = tile_at(parts, mark->tile_at);
        pass_tile(standing, entity, border, &tile);
        mark_tile(parts, mark, tile.body.end);
    }
    while (mark->raw_at != NONE && has_passed(mark->raw_us, border->distance_us, at_us)) {
        struct run_entry entry;
        step_entry(parts, entity, mark, &entry);
        pass_entry(standing, entity, border, &entry);
    }
    if (mark->tile_at != NONE)
        not_after(&standing->due_us, time_ahead(mark->tile_us, border->distance_us));
    if (mark->raw_at != NONE)
        not_after(&standing->due_us, time_ahead(mark->raw_us, border->distance_us));
}

static void go_on(struct standing *standing, const struct entity_plan *entity,
                  const struct parts *parts, int64_t at_us) {
    standing->due_us = INT64_MAX;
    for (size_t i = 0; i < entity->course.border_count; i++)
        pass_border(standing, entity, parts, i, at_us);
    standing->at_us = at_us;
}

/* Making it up. */

static void count_tiles(struct standing *standing, const struct entity_plan *entity,
                        const struct parts *parts) {
    struct tiles tiles = parts_tiles(parts);
    struct tile tile;
    int8_t way[2 * PLAN_FEATURES_MAX];
    size_t passed = entity->course.border_count;
    while (passed > 0 && tiles_next(&tiles, &tile)) {
        while (passed > 0 &&
               !has_passed(tile.newest_us, entity->course.borders[passed - 1].distance_us,
                           standing->at_us)) {
            struct mark *mark = &standing->marks[--passed];
            mark->tile_at = (uint32_t)(tile.start - parts->tiles);
            mark->tile_us = tile.newest_us;
            not_after(&standing->due_us,
                      time_ahead(tile.newest_us, entity->course.borders[passed].distance_us));
        }
        for (size_t i = 0; i < entity->span_count; i++)
            way[i] = course_holds(entity, i, passed);
        change_tile(standing, entity, way, tile);
    }
    while (passed > 0)
        standing->marks[--passed].tile_at = NONE;
}

static void count_entries(struct standing *standing, const struct entity_plan *entity,
                          const struct parts *parts) {
    struct run run = parts_run(parts, entity);
    struct run_entry entry;
    size_t passed = entity->course.border_count;
    while (passed > 0 && run_step(&run, &entry)) {
        while (passed > 0 &&
               !has_passed(entry.time_us, entity->course.borders[passed - 1].distance_us,
                           standing->at_us)) {
            struct mark *mark = &standing->marks[--passed];
            mark->raw_at = (uint32_t)(entry.identity - parts->run);
            mark->raw_us = entry.time_us;
            not_after(&standing->due_us,
                      time_ahead(entry.time_us, entity->course.borders[passed].distance_us));
        }
        for (size_t i = 0; i < entity->span_count; i++)
            for (size_t j = 0; course_holds(entity, i, passed) && j < entity->spans[i].count; j++)
                change_entry(standing, entity, entity->spans[i].first + j, true, &entry);
    }
    check(!run.cursor.failed);
    while (passed > 0)
        standing->marks[--passed].raw_at = NONE;
}

static void make_up(struct standing *standing, const struct entity_plan *entity,
                    const struct parts *parts, int64_t at_us) {
    memset(words_of(standing, entity), 0, entity->course.word_count * sizeof(uint64_t));
    memset(stale_of(standing, entity), 0, entity->gathering_count);
    tallies_clear(&standing->tallies, entity->course.member_count);
    standing->stale_count = 0;
    standing->at_us = at_us;
    standing->due_us = INT64_MAX;
    standing->newest_us = parts->newest_us;
    standing->has_sketches = parts->dense.sketches > 0;
    standing->is_known = true;
    count_tiles(standing, entity, parts);
    count_entries(standing, entity, parts);
}

/* Is there enough of it? */
static bool is_worth_it(const struct parts *parts) {
    return parts->head.entries + (uint64_t)parts->dense.tiles * ITEMS_OF_TILE >= ITEMS_MIN;
}

static bool begin(struct state *state, const struct entity_plan *entity, int64_t at_us) {
    if (state->length == 0)
        return false;
    struct parts parts = parts_of(state->bytes, state->length);
    if (!is_worth_it(&parts) || parts.newest_us > at_us)
        return false;
    if (!state->standing) {
        state->standing = check_malloc(size_of(entity));
        tallies_init(&state->standing->tallies);
    }
    make_up(state->standing, entity, &parts, at_us);
    return true;
}

bool standing_bring(struct state *state, const struct entity_plan *entity, int64_t at_us) {
    struct standing *standing = state->standing;
    if (!standing || !standing->is_known)
        return begin(state, entity, at_us);
    if (at_us < standing->at_us)
        return false;
    if (at_us >= standing->due_us || standing->stale_count > 0) {
        struct parts parts = parts_of(state->bytes, state->length);
        go_on(standing, entity, &parts, at_us);
        recount_stale(standing, entity, &parts);
    }
    standing->at_us = at_us;
    return true;
}

/* Handing over. */

static struct cell get_cell(const uint64_t *edge, uint16_t kept) {
    struct cell cell = {0};
    if (kept & COURSE_INTEGER)
        cell.integer = (int64_t)edge[1];
    if (kept & COURSE_TEXT)
        cell.text = (struct text){.data = (const char *)(edge + 2), .length = edge[1]};
    return cell;
}

static void give_one(const struct standing *standing, struct gather *gather, size_t i) {
    const struct entity_plan *entity = gather->entity;
    const struct gathering *gathering = &entity->gatherings[i];
    struct gathered *gathered = &gather->gathered[i];
    uint16_t kept = entity->course.kept[i];
    struct words words = take_words(words_of(standing, entity) + entity->course.words[i], kept);
    gathered->count = (int64_t)*words.count;
    gathered->any = gathered->count != 0;
    if (kept & COURSE_SUM)
        gathered->sum = wide_get(words.sum);
    if (kept & COURSE_SQUARES) {
        gathered->squares_low = words.squares[0];
        gathered->squares_high = wide_get(words.squares + 1);
    }
    if (kept & COURSE_EXTREMES) {
        gathered->min = (int64_t)words.extremes[0];
        gathered->max = (int64_t)words.extremes[1];
    }
    if (kept & COURSE_FIRST) {
        gathered->first_age_us = (uint64_t)gather->at_us - words.first[0];
        gathered->first = get_cell(words.first, kept);
    }
    if (kept & COURSE_LAST) {
        gathered->last_age_us = (uint64_t)gather->at_us - words.last[0];
        gathered->last = get_cell(words.last, kept);
    }
    if (gathering->pool < 0)
        return;
    gathered->matched = gathered->is_blurred = false;
    gathered->distinct = standing->has_sketches ? 0 : (int64_t)*words.distinct;
    if (!standing->has_sketches && (gather->current_present >> gathering->column & 1))
        gathered->matched =
            tallies_count(&standing->tallies, (size_t)gathering->pool, entity->course.member[i],
                          (uint64_t)gather->current->integers[gathering->column]) > 0;
}

void standing_give(const struct state *state, struct gather *gather) {
    const struct standing *standing = state->standing;
    for (size_t i = 0; i < gather->entity->gathering_count; i++)
        give_one(standing, gather, i);
    if (!standing->has_sketches || gather->entity->pool_count == 0)
        return;
    struct parts parts = parts_of(state->bytes, state->length);
    gather_sketched(gather, &parts);
}

int64_t standing_newest(const struct standing *standing) {
    return standing->newest_us;
}

/* What changes. */

void standing_note_appended(struct state *state, const struct entity_plan *entity,
                            const struct run_entry *added) {
    struct standing *standing = state->standing;
    if (!standing || !standing->is_known)
        return;
    uint32_t dense_size = head_get(state->bytes).dense_size;
    size_t body = (size_t)(added->end - added->identity);
    standing->newest_us = added->time_us;
    for (size_t i = 0; i < entity->course.border_count; i++) {
        const struct border *border = &entity->course.borders[i];
        struct mark *mark = &standing->marks[i];
        if (mark->raw_at != NONE)
            break; /* nor are the borders behind at the end */
        if (has_passed(added->time_us, border->distance_us, standing->at_us)) {
            pass_entry(standing, entity, border, added);
            continue;
        }
        mark->raw_us = added->time_us;
        mark->raw_at = (uint32_t)(state->length - body - HEAD_SIZE - dense_size);
        not_after(&standing->due_us, time_ahead(added->time_us, border->distance_us));
    }
}

void standing_note_grown(struct state *state, const struct entity_plan *entity,
                         const struct run_entry *added, int64_t newest_us) {
    struct standing *standing = state->standing;
    if (!standing || !standing->is_known)
        return;
    standing->newest_us = added->time_us;
    size_t passed = 0;
    for (; passed < entity->course.border_count; passed++) {
        struct mark *mark = &standing->marks[passed];
        if (mark->tile_at != NONE)
            break;
        /* It passed as of its newest time then: it must have as of this one. */
        if (!has_passed(added->time_us, entity->course.borders[passed].distance_us,
                        standing->at_us)) {
            standing->is_known = false;
            return;
        }
    }
    for (size_t i = passed; i < entity->course.border_count; i++)
        if (standing->marks[i].tile_us == newest_us)
            standing->marks[i].tile_us = added->time_us;
    /* Due times that are too early do no harm. */
    uint8_t *stale = stale_of(standing, entity);
    for (size_t i = 0; i < entity->gathering_count; i++) {
        if (!course_holds(entity, entity->gatherings[i].span, passed))
            continue;
        change_entry(standing, entity, i, true, added);
        /* Of entries of one time, the tile itself says which is last. */
        uint16_t kept = entity->course.kept[i];
        if (added->time_us == newest_us && (kept & (COURSE_INTEGER | COURSE_TEXT)))
            set_stale(standing, &stale[i], kept & (COURSE_FIRST | COURSE_LAST));
    }
}

void standing_note_dropped(struct state *state, const struct entity_plan *entity,
                           uint32_t run_bytes, uint32_t tile_bytes) {
    struct standing *standing = state->standing;
    if (!standing || !standing->is_known)
        return;
    for (size_t i = 0; i < entity->course.border_count; i++) {
        struct mark *mark = &standing->marks[i];
        /* The new first entry's identity is behind one byte of time. */
        if ((mark->raw_at != NONE && mark->raw_at <= run_bytes) ||
            (mark->tile_at != NONE && mark->tile_at < tile_bytes)) {
            standing->is_known = false;
            return;
        }
        mark->raw_at -= mark->raw_at != NONE ? run_bytes : 0;
        mark->tile_at -= mark->tile_at != NONE ? tile_bytes : 0;
    }
    if (standing->has_sketches) {
        struct parts parts = parts_of(state->bytes, state->length);
        standing->is_known = parts.dense.sketches > 0;
    }
}

/* Marks of what has not passed yet, or of what lies behind the new tile. */
static void move_mark(struct mark *mark, bool passed, const struct collapse *collapse) {
    if (passed) {
        mark->raw_at += mark->raw_at != NONE ? (uint32_t)collapse->run_grew : 0;
        mark->tile_at += mark->tile_at != NONE ? (uint32_t)collapse->tile_grew : 0;
        return;
    }
    if (mark->raw_at == NONE || mark->raw_us >= collapse->first_us) {
        mark->raw_us = collapse->next_us;
        mark->raw_at = collapse->next_us == INT64_MAX ? NONE : collapse->next_at;
    }
    if (mark->tile_at == NONE || mark->tile_us >= collapse->first_us) {
        mark->tile_us = collapse->last_us;
        mark->tile_at = collapse->tile_at;
    }
}

void standing_note_collapsed(struct state *state, const struct entity_plan *entity,
                             const struct collapse *collapse) {
    struct standing *standing = state->standing;
    if (!standing || !standing->is_known)
        return;
    for (size_t i = 0; i < entity->course.border_count; i++) {
        uint64_t distance_us = entity->course.borders[i].distance_us;
        bool passed = has_passed(collapse->last_us, distance_us, standing->at_us);
        if (passed != has_passed(collapse->first_us, distance_us, standing->at_us)) {
            standing->is_known = false;
            return;
        }
        move_mark(&standing->marks[i], passed, collapse);
        if (!passed)
            not_after(&standing->due_us, time_ahead(collapse->last_us, distance_us));
    }
    /* Of entries of one time, a tile may have another first or last than the run had. */
    uint8_t *stale = stale_of(standing, entity);
    for (size_t i = 0; i < entity->gathering_count; i++) {
        uint16_t kept = entity->course.kept[i];
        uint64_t *words = words_of(standing, entity) + entity->course.words[i];
        if ((kept & (COURSE_FIRST | COURSE_LAST)) && (kept & (COURSE_INTEGER | COURSE_TEXT)) &&
            *words != 0)
            set_stale(standing, &stale[i], kept & (COURSE_FIRST | COURSE_LAST));
    }
    if (entity->pool_count > 0 && !standing->has_sketches) {
        struct parts parts = parts_of(state->bytes, state->length);
        standing->has_sketches = parts.dense.sketches > 0;
    }
}
