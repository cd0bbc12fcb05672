#include "compact.h"

#include "core/base/check.h"

/* Meetings. */

static void push_meeting(struct state *state, struct meeting meeting) {
    struct tile_list *list = state->tile_list;
    if (list->meeting_count == list->meeting_capacity) {
        size_t before = list->meeting_capacity * sizeof *list->meetings;
        list->meeting_capacity += list->meeting_capacity / 2 + 4;
        list->meetings = state_resize(state, list->meetings, before,
                                      list->meeting_capacity * sizeof *list->meetings);
    }
    struct meeting *heap = list->meetings;
    uint32_t i = list->meeting_count++;
    for (; i > 0 && heap[(i - 1) / 2].at_us > meeting.at_us; i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = meeting;
    list->meeting_due_us = heap[0].at_us;
}

static struct meeting pop_meeting(struct tile_list *list) {
    struct meeting *heap = list->meetings, top = heap[0];
    uint32_t count = --list->meeting_count, i = 0;
    struct meeting last = heap[count];
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= count)
            break;
        child += child + 1 < count && heap[child + 1].at_us < heap[child].at_us;
        if (heap[child].at_us >= last.at_us)
            break;
        heap[i] = heap[child];
        i = child;
    }
    if (count > 0)
        heap[i] = last;
    list->meeting_due_us = count > 0 ? heap[0].at_us : INT64_MAX;
    return top;
}

static void meet(struct state *state, const struct entity_plan *entity, int64_t older_us,
                 int64_t newer_us) {
    int64_t at_us = partition_meeting(&entity->tiles, older_us, newer_us);
    if (at_us == INT64_MAX)
        return; /* never, or at the last of all times: compact_all() */
    struct tile_list *list = state_tile_list(state);
    struct meeting meeting = {.at_us = at_us,
                              .first_us = tile_extent_common(older_us, newer_us).first_us};
    /* Of one tile there are as many as it has entries, mostly one behind the other. */
    if (list->meeting_count == 0 || list->latest.at_us != meeting.at_us ||
        list->latest.first_us != meeting.first_us)
        push_meeting(state, meeting);
    list->latest = meeting;
    state->next_due_us = at_us < state->next_due_us ? at_us : state->next_due_us;
}

static uint64_t transactions_of(const struct state *state, const struct entity_plan *entity,
                                uint32_t row) {
    const struct row_layout *layout = row_layout(state, entity);
    return layout->tally_at == 0 ? 1 : (uint64_t)row_put_in(entity, layout, row_at(state, row), -1);
}

/* The last row from which on, up to this one, there are more than TILE_RAW_MAX transactions; false:
 * there are not so many. */
static bool find_run(const struct state *state, const struct entity_plan *entity, uint32_t last,
                     uint32_t *ret_first) {
    const struct row_layout *layout = row_layout(state, entity);
    if (layout->tally_at == 0) {
        *ret_first = last - TILE_RAW_MAX;
        return last - state->begin >= TILE_RAW_MAX;
    }
    uint64_t transactions = 0;
    for (uint32_t i = last + 1; i-- > state->begin;) {
        transactions += transactions_of(state, entity, i);
        *ret_first = i;
        if (transactions > TILE_RAW_MAX)
            return true;
    }
    return false;
}

static void meet_rows(struct state *state, const struct entity_plan *entity, uint32_t first,
                      uint32_t last) {
    const struct row_layout *layout = row_layout(state, entity);
    meet(state, entity, row_time(state, layout, first), row_time(state, layout, last));
}

static void meet_before(struct state *state, const struct entity_plan *entity, uint32_t tile,
                        uint32_t row) {
    bool has_row = row > state->begin, has_tile = tile > state->tile_list->begin;
    int64_t row_us = has_row ? row_time(state, row_layout(state, entity), row - 1) : INT64_MIN;
    int64_t tile_us = has_tile ? tile_newest(tile_at(state, entity, tile - 1)) : INT64_MIN;
    if (has_row || has_tile)
        meet(state, entity, row_us > tile_us ? row_us : tile_us,
             tile_oldest(tile_at(state, entity, tile)));
}

static void meet_behind(struct state *state, const struct entity_plan *entity, uint32_t tile,
                        uint32_t row) {
    bool has_row = row < state->end, has_tile = tile + 1 < state->tile_list->end;
    int64_t row_us = has_row ? row_time(state, row_layout(state, entity), row) : INT64_MAX;
    int64_t tile_us = has_tile ? tile_oldest(tile_at(state, entity, tile + 1)) : INT64_MAX;
    if (has_row || has_tile)
        meet(state, entity, tile_newest(tile_at(state, entity, tile)),
             row_us < tile_us ? row_us : tile_us);
}

/* The tile meets what lies right before and behind it, where its oldest or newest time is not this
 * any more. */
static void meet_changed(struct state *state, const struct entity_plan *entity, uint32_t tile,
                         int64_t oldest_us, int64_t newest_us) {
    int64_t now_oldest_us = tile_oldest(tile_at(state, entity, tile));
    int64_t now_newest_us = tile_newest(tile_at(state, entity, tile));
    if (now_oldest_us == oldest_us && now_newest_us == newest_us)
        return;
    uint32_t row = rows_find(state, entity, now_oldest_us);
    if (now_oldest_us != oldest_us)
        meet_before(state, entity, tile, row);
    if (now_newest_us != newest_us)
        meet_behind(state, entity, tile, row);
}

/* Sketch tiles: few, and looked at as a whole. */

static struct tile_extent sketch_extent(const struct state *state, const struct entity_plan *entity,
                                        uint32_t i) {
    return partition_tile(&entity->sketch_tiles, state->tile_list->sketches[i].oldest_us,
                          state->newest_us);
}

static void unite_sketches(struct state *state, const struct entity_plan *entity) {
    struct tile_list *list = state->tile_list;
    for (uint32_t i = 0; i + 1 < list->sketch_count;) {
        if (list->sketches[i + 1].oldest_us > sketch_extent(state, entity, i).last_us) {
            i++;
            continue;
        }
        sketch_tile_take(&list->sketches[i], &list->sketches[i + 1]);
        sketch_tiles_remove(state, i + 1, i + 2);
    }
}

static void drop_sketches(struct state *state, const struct entity_plan *entity) {
    struct tile_list *list = state->tile_list;
    uint32_t dropped = 0;
    while (dropped < list->sketch_count &&
           is_behind(tile_extent_of(list->sketches[dropped].oldest_us, entity->block_level).last_us,
                     state->newest_us, entity->pools_kept_us))
        sketch_tile_deinit(&list->sketches[dropped++]);
    sketch_tiles_remove(state, 0, dropped);
}

static void schedule_sketches(struct state *state, const struct entity_plan *entity) {
    struct tile_list *list = state->tile_list;
    list->sketches_due_us = INT64_MAX;
    list->sketch_bytes = 0;
    for (uint32_t i = 0; i < list->sketch_count; i++) {
        list->sketch_bytes += sketch_tile_bytes(&list->sketches[i]);
        int64_t oldest_us = list->sketches[i].oldest_us;
        int64_t due_us = i == 0 ? time_plus(tile_extent_of(oldest_us, entity->block_level).last_us,
                                            entity->pools_kept_us)
                                : partition_meeting(&entity->sketch_tiles,
                                                    list->sketches[i - 1].oldest_us, oldest_us);
        if (due_us < list->sketches_due_us)
            list->sketches_due_us = due_us;
    }
}

static void compact_sketches(struct state *state, const struct entity_plan *entity) {
    uint32_t count = sketch_tile_count(state);
    drop_sketches(state, entity);
    unite_sketches(state, entity);
    schedule_sketches(state, entity);
    if (count != sketch_tile_count(state) && state->windows && state->windows->distinct)
        state->windows->distinct->is_known = false;
}

/* Collapsing. */

/* What lies in one extent. */
struct site {
    uint32_t row_from, row_to, tile_from, tile_to;
    uint64_t transactions; /* of the rows */
};

static uint64_t count_transactions(const struct state *state, const struct entity_plan *entity,
                                   uint32_t from, uint32_t to) {
    const struct row_layout *layout = row_layout(state, entity);
    uint64_t transactions = 0;
    if (layout->tally_at == 0)
        return to - from;
    for (uint32_t i = from; i < to; i++)
        transactions += (uint64_t)row_put_in(entity, layout, row_at(state, i), -1);
    return transactions;
}

/* The end of the rows, and of the tiles, that begin in the extent. */
static struct site find_site(const struct state *state, const struct entity_plan *entity,
                             struct tile_extent extent, uint32_t row, uint32_t tile) {
    const struct row_layout *layout = row_layout(state, entity);
    struct site site = {.row_from = row, .row_to = row, .tile_from = tile, .tile_to = tile};
    uint32_t tiles = state->tile_list ? state->tile_list->end : 0;
    while (site.row_to < state->end && row_time(state, layout, site.row_to) <= extent.last_us)
        site.row_to++;
    while (site.tile_to < tiles &&
           tile_oldest(tile_at(state, entity, site.tile_to)) <= extent.last_us)
        site.tile_to++;
    site.transactions = count_transactions(state, entity, row, site.row_to);
    return site;
}

static bool has_to_collapse(const struct site *site) {
    uint32_t tiles = site->tile_to - site->tile_from;
    return tiles > 1 || (tiles == 1 && site->row_from < site->row_to) ||
           site->transactions > TILE_RAW_MAX;
}

/* Has the row passed, as the windows have it, what it is behind of? A late one passes at the next
 * read. */
static bool has_passed_all(const struct state *state, const struct entity_plan *entity,
                           uint32_t row) {
    const struct windows *windows = state->windows;
    int64_t time_us = row_time(state, row_layout(state, entity), row);
    bool same = true;
    for (size_t i = 0; i < entity->border_count; i++)
        same &= (row < windows->marks[i].row) ==
                is_behind(time_us, windows->at_us, entity->borders[i].distance_us);
    return same;
}

/* What the windows know of different values, with those of the site's rows in the sketch tile. */
static void note_moved(struct state *state, const struct entity_plan *entity,
                       const struct site *site, const struct sketch_tile *sketch,
                       uint64_t were_estimated) {
    struct windows *windows = state->windows;
    if (!windows || !windows->is_known || !windows->distinct)
        return;
    struct distinct *distinct = windows->distinct;
    for (uint32_t i = site->row_from; i < site->row_to; i++)
        distinct->is_known &= sketch && has_passed_all(state, entity, i);
    if (sketch && distinct->is_known)
        distinct_note_moved(distinct, state, entity, sketch, were_estimated, site->row_from,
                            site->row_to, windows->at_us);
}

/* The rows' values go to the sketch tile that the tile belongs to, if it still has one. */
static void move_values(struct state *state, const struct entity_plan *entity,
                        const struct site *site, const uint64_t *tile) {
    struct sketch_tile *sketch =
        sketch_tile_make(state, entity, tile_oldest(tile), state->newest_us);
    uint64_t were_estimated = sketch ? distinct_estimated(sketch, entity) : 0;
    if (sketch)
        sketch_tile_extend(sketch, tile_oldest(tile), tile_newest(tile));
    for (uint32_t i = site->row_from; sketch && i < site->row_to; i++) {
        struct row row;
        row_get(state, entity, i, &row);
        sketch_tile_add(sketch, entity, &row);
    }
    note_moved(state, entity, site, sketch, were_estimated);
}

/* Adds all of the site but its first `tiles` tiles to a tile. */
static void fill_tile(struct state *state, const struct entity_plan *entity,
                      const struct site *site, uint32_t tiles, uint64_t *tile) {
    const struct row_layout *layout = row_layout(state, entity);
    for (uint32_t i = site->tile_from + tiles; i < site->tile_to; i++)
        tile_add_tile(state, entity, tile, tile_at(state, entity, i));
    for (uint32_t i = site->row_from; i < site->row_to; i++)
        tile_add_row(state, entity, tile, row_at(state, i), row_time(state, layout, i));
    if (entity->has_sketches)
        move_values(state, entity, site, tile);
}

/* Tiles keep the extremes, edges and different values of what was taken out, too, which the windows
 * do not know. */
static bool has_taken(const struct state *state, const struct entity_plan *entity,
                      const struct site *site) {
    const struct row_layout *layout = row_layout(state, entity);
    bool found = false;
    for (uint32_t i = site->row_from; layout->taken_at > 0 && i < site->row_to; i++)
        found |= row_taken_out(layout, row_at(state, i), -1) > 0;
    for (uint32_t i = site->tile_from; i < site->tile_to; i++)
        found |= tile_has_taken(state, entity, tile_at(state, entity, i));
    return found;
}

/* Have rows and tiles of the site passed the same borders, all of them, and where there are no
 * tiles, none that is newer what they have not? Late rows may lie in front of tiles that have
 * passed more. Else what the windows hold is not known. */
static void note_site(struct state *state, const struct entity_plan *entity,
                      const struct site *site) {
    struct windows *windows = state->windows;
    bool no_rows = site->row_from == site->row_to;
    for (size_t i = 0; windows && i < entity->border_count; i++) {
        const struct mark *mark = &windows->marks[i];
        bool all = (no_rows || mark->row >= site->row_to) && mark->tile >= site->tile_to;
        bool none = (no_rows || mark->row <= site->row_from) && mark->tile <= site->tile_from;
        windows->is_known &= all || none;
    }
}

/* A new tile in front of tile `at`, which takes the place of rows that have passed the borders
 * before rows from row_to on. Returns its index. */
static uint32_t insert_tile(struct state *state, const struct entity_plan *entity, uint32_t at,
                            uint32_t row_to) {
    bool passed[2 * PLAN_SPANS_MAX];
    struct windows *windows = state->windows;
    for (size_t i = 0; windows && i < entity->border_count; i++)
        passed[i] = windows->marks[i].row >= row_to;
    at = tiles_insert(state, entity, at);
    for (size_t i = 0; windows && i < entity->border_count; i++)
        if (passed[i] && windows->marks[i].tile == at)
            windows->marks[i].tile++;
    return at;
}

/* Collapses what lies in the extent, if it has to. */
static void unite(struct state *state, const struct entity_plan *entity,
                  struct tile_extent extent) {
    struct site site = find_site(state, entity, extent, rows_find(state, entity, extent.first_us),
                                 tiles_find(state, entity, extent.first_us));
    if (!has_to_collapse(&site))
        return;
    uint32_t tile = site.tile_from;
    int64_t oldest_us = INT64_MAX, newest_us = INT64_MIN;
    note_site(state, entity, &site);
    if (has_taken(state, entity, &site))
        windows_forget(state);
    if (site.tile_from == site.tile_to) {
        tile = insert_tile(state, entity, tile, site.row_to);
        tile_clear(state, entity, tile_at(state, entity, tile));
        site.tile_from = site.tile_to = tile;
    } else {
        oldest_us = tile_oldest(tile_at(state, entity, tile));
        newest_us = tile_newest(tile_at(state, entity, tile));
    }
    fill_tile(state, entity, &site, site.tile_from < site.tile_to, tile_at(state, entity, tile));
    if (site.tile_from < site.tile_to)
        tiles_remove(state, entity, site.tile_from + 1, site.tile_to);
    rows_remove(state, entity, site.row_from, site.row_to);
    meet_changed(state, entity, tile, oldest_us, newest_us);
    windows_note_united(state, entity);
    if (entity->has_sketches)
        schedule_sketches(state, entity);
}

/* Dropping. */

/* Mostly there are none, one or two such rows or tiles, and the others are not in the cache: so
 * each is looked at in turn. */
static uint32_t rows_until(const struct state *state, const struct entity_plan *entity,
                           int64_t last_us) {
    const struct row_layout *layout = row_layout(state, entity);
    uint32_t row = state->begin;
    while (row < state->end && row_time(state, layout, row) <= last_us)
        row++;
    return row;
}
static uint32_t tiles_until(const struct state *state, const struct entity_plan *entity,
                            int64_t last_us) {
    const struct tile_list *list = state->tile_list;
    uint32_t tile = list ? list->begin : 0;
    while (list && tile < list->end && tile_oldest(tile_at(state, entity, tile)) <= last_us)
        tile++;
    return tile;
}

static void drop(struct state *state, const struct entity_plan *entity) {
    int64_t last_us = time_before(state->newest_us, entity->kept_us);
    struct tile_extent block = tile_extent_of(last_us, entity->block_level);
    if (!is_behind(last_us, state->newest_us, entity->kept_us))
        return; /* there are no such times */
    if (block.last_us != last_us) {
        if (block.first_us == INT64_MIN)
            return;
        last_us = block.first_us - 1;
    }
    uint32_t row = rows_until(state, entity, last_us), tile = tiles_until(state, entity, last_us);
    for (size_t i = 0; state->windows && i < entity->border_count; i++) {
        const struct mark *mark = &state->windows->marks[i];
        state->windows->is_known &= mark->row >= row && mark->tile >= tile;
    }
    rows_drop(state, row);
    if (state->tile_list)
        state->tile_list->begin = tile;
}

static void find_next_due(struct state *state, const struct entity_plan *entity) {
    const struct tile_list *list = state->tile_list;
    int64_t oldest_us = INT64_MAX, next_due_us = INT64_MAX;
    if (state->begin < state->end)
        oldest_us = row_time(state, row_layout(state, entity), state->begin);
    if (tile_count(state) > 0 && tile_oldest(tile_at(state, entity, list->begin)) < oldest_us)
        oldest_us = tile_oldest(tile_at(state, entity, list->begin));
    if (!state_is_empty(state))
        next_due_us =
            time_plus(tile_extent_of(oldest_us, entity->block_level).last_us, entity->kept_us);
    if (list && list->meeting_due_us < next_due_us)
        next_due_us = list->meeting_due_us;
    if (list && list->sketches_due_us < next_due_us)
        next_due_us = list->sketches_due_us;
    state->next_due_us = next_due_us;
}

/* One by one. */

void compact_due(struct state *state, const struct entity_plan *entity) {
    if (state->newest_us == INT64_MAX) { /* of what is due then it is not known whether it is */
        compact_all(state, entity);
        compact_schedule(state, entity);
        return;
    }
    drop(state, entity);
    while (state->tile_list && state->tile_list->meeting_due_us <= state->newest_us) {
        int64_t first_us = pop_meeting(state->tile_list).first_us;
        state->tile_list->latest.first_us = INT64_MAX; /* it may be that one */
        unite(state, entity, partition_tile(&entity->tiles, first_us, state->newest_us));
    }
    if (state->tile_list && state->tile_list->sketches_due_us <= state->newest_us)
        compact_sketches(state, entity);
    find_next_due(state, entity);
}

/* Can one tile ever hold both? */
static inline bool may_meet(const struct entity_plan *entity, int64_t a_us, int64_t b_us) {
    return ((uint64_t)a_us ^ (uint64_t)b_us) >> entity->tiles.most == 0;
}

/* The row and the tiles right before and behind it, where no other row is between. */
static void meet_tiles(struct state *state, const struct entity_plan *entity, uint32_t row) {
    const struct tile_list *list = state->tile_list;
    const struct row_layout *layout = row_layout(state, entity);
    int64_t time_us = row_time(state, layout, row);
    bool is_first = row == state->begin, is_last = row + 1 == state->end;
    uint32_t behind = list->end;
    if (time_us <= tile_newest(tile_at(state, entity, behind - 1))) /* most is newer than all */
        behind = tiles_find(state, entity, time_us);
    if (behind > list->begin) {
        int64_t before_us = tile_newest(tile_at(state, entity, behind - 1));
        if (is_first || row_time(state, layout, row - 1) < before_us)
            meet(state, entity, before_us, time_us);
    }
    if (behind < list->end) {
        int64_t behind_us = tile_oldest(tile_at(state, entity, behind));
        if (is_last || row_time(state, layout, row + 1) > behind_us)
            meet(state, entity, time_us, behind_us);
    }
}

void compact_note_row(struct state *state, const struct entity_plan *entity, uint32_t row) {
    const struct row_layout *layout = row_layout(state, entity);
    /* Too few to collapse, nothing that has, and not the first to be dropped: that is most. */
    if (row > state->begin && state->end - state->begin <= TILE_RAW_MAX && !state->tile_list &&
        layout->tally_at == 0)
        return;
    int64_t time_us = row_time(state, layout, row);
    uint64_t behind = 0; /* transactions behind the row */
    for (uint32_t last = row; last < state->end && behind <= TILE_RAW_MAX; last++) {
        uint32_t first;
        behind += last > row ? transactions_of(state, entity, last) : 0;
        if (!find_run(state, entity, last, &first))
            continue;
        if (first > row)
            break;
        if (may_meet(entity, row_time(state, layout, first), time_us))
            meet_rows(state, entity, first, last);
    }
    if (tile_count(state) > 0)
        meet_tiles(state, entity, row);
    if (row > state->begin)
        return; /* the oldest is dropped first */
    int64_t drop_us =
        time_plus(tile_extent_of(time_us, entity->block_level).last_us, entity->kept_us);
    state->next_due_us = drop_us < state->next_due_us ? drop_us : state->next_due_us;
}

void compact_schedule(struct state *state, const struct entity_plan *entity) {
    if (state->tile_list) {
        state->tile_list->meeting_count = 0;
        state->tile_list->meeting_due_us = INT64_MAX;
    }
    state->next_due_us = INT64_MAX;
    uint64_t transactions = 0; /* from `first` to `last` */
    uint32_t first = state->begin;
    for (uint32_t last = first; last < state->end; last++) {
        transactions += transactions_of(state, entity, last);
        while (transactions - transactions_of(state, entity, first) > TILE_RAW_MAX)
            transactions -= transactions_of(state, entity, first++);
        if (transactions > TILE_RAW_MAX)
            meet_rows(state, entity, first, last);
    }
    for (uint32_t i = 0; i < tile_count(state); i++)
        meet_changed(state, entity, state->tile_list->begin + i, INT64_MAX, INT64_MIN);
    if (state->tile_list)
        schedule_sketches(state, entity);
    find_next_due(state, entity);
    state->is_scheduled = true;
}

/* Tiles that are there. */

bool compact_find_tile(const struct state *state, const struct entity_plan *entity, int64_t time_us,
                       uint32_t *ret_tile) {
    if (tile_count(state) == 0)
        return false;
    const struct tile_list *list = state->tile_list;
    /* Of the newest time the tile is one of the narrowest, and it can only be the last. */
    if (time_us == state->newest_us) {
        int64_t first_us = tile_extent_of(time_us, entity->tiles.least).first_us;
        *ret_tile = list->end - 1;
        return tile_newest(tile_at(state, entity, *ret_tile)) >= first_us;
    }
    struct tile_extent extent = partition_tile(&entity->tiles, time_us, state->newest_us);
    *ret_tile = tiles_find(state, entity, extent.first_us);
    return *ret_tile < list->end &&
           tile_oldest(tile_at(state, entity, *ret_tile)) <= extent.last_us;
}

void compact_grow_tile(struct state *state, const struct entity_plan *entity, uint32_t tile,
                       const struct entry *entry) {
    uint64_t *words = tile_at(state, entity, tile);
    int64_t oldest_us = tile_oldest(words), newest_us = tile_newest(words);
    struct sketch_tile *sketch = sketch_tile_find(state, entity, entry->time_us, state->newest_us);
    struct state as_row = *state; /* it may be an outcome, which the rows have no tally for */
    struct row added;
    uint8_t row[ROW_SIZE_MAX];
    row_of_entry(entity, entry, &added);
    if (!entry_is_single(entity, &added.entry, &added.tally))
        as_row.layout = (uint8_t)(row_width(state) + (entry->is_taken_out ? ROW_TAKEN : ROW_TALLY));
    as_row.origin_us = entry->time_us; /* nor is there a time for it */
    memset(row, 0, row_layout(&as_row, entity)->size + ROW_SPARE);
    row_fill(&as_row, entity, &added, row);
    tile_add_row(&as_row, entity, words, row, entry->time_us);
    if (sketch) {
        sketch_tile_extend(sketch, entry->time_us, entry->time_us);
        sketch_tile_add(sketch, entity, &added);
    }
    meet_changed(state, entity, tile, oldest_us, newest_us);
    if (sketch && entry->time_us < oldest_us)
        schedule_sketches(state, entity);
    windows_note_grown(state, entity, tile, newest_us, entry, &as_row, row);
}

/* All at once. */

/* Tiles in the making, beside those that are there. */
struct remade {
    uint64_t *words;
    uint32_t count, capacity;
};

static uint64_t *next_tile(struct state *state, struct remade *remade, size_t words) {
    if (remade->count == remade->capacity) {
        size_t size = words * sizeof *remade->words, before = remade->capacity * size;
        remade->capacity += remade->capacity / 2 + 4;
        remade->words = state_resize(state, remade->words, before, remade->capacity * size);
    }
    return remade->words + remade->count++ * words;
}

/* Rows [from, to) take the place behind `kept`, where those in between are gone. */
static uint32_t keep_rows(struct state *state, uint32_t kept, uint32_t from, uint32_t to) {
    if (kept != from)
        memmove(row_at(state, kept), row_at(state, from), (size_t)(to - from) * state->row_size);
    return kept + (to - from);
}

void compact_all(struct state *state, const struct entity_plan *entity) {
    const struct row_layout *layout = row_layout(state, entity);
    struct remade remade = {0};
    size_t words = tile_words(state, entity);
    uint32_t kept = state->begin, row = state->begin;
    uint32_t tile = state->tile_list ? state->tile_list->begin : 0;
    uint32_t tiles = state->tile_list ? state->tile_list->end : 0;
    windows_forget(state);
    if (state->tile_list) {
        drop_sketches(state, entity);
        unite_sketches(state, entity);
    }
    while (row < state->end || tile < tiles) {
        int64_t time_us = INT64_MAX;
        if (row < state->end)
            time_us = row_time(state, layout, row);
        if (tile < tiles && tile_oldest(tile_at(state, entity, tile)) < time_us)
            time_us = tile_oldest(tile_at(state, entity, tile));
        struct tile_extent block = tile_extent_of(time_us, entity->block_level);
        bool dropped = is_dropped(entity, time_us, state->newest_us);
        struct tile_extent extent =
            dropped ? block : partition_tile(&entity->tiles, time_us, state->newest_us);
        struct site site = find_site(state, entity, extent, row, tile);
        if (!dropped && has_to_collapse(&site)) {
            uint64_t *made = next_tile(state, &remade, words);
            tile_clear(state, entity, made);
            fill_tile(state, entity, &site, 0, made);
        } else if (!dropped && site.tile_from < site.tile_to) {
            memcpy(next_tile(state, &remade, words), tile_at(state, entity, tile),
                   words * sizeof *remade.words);
        } else if (!dropped) {
            kept = keep_rows(state, kept, site.row_from, site.row_to);
        }
        row = site.row_to;
        tile = site.tile_to;
    }
    state->end = kept;
    if (remade.count > 0 || state->tile_list) {
        struct tile_list *list = state_tile_list(state);
        state_free(state, list->words, (size_t)list->capacity * list->tile_size);
        list->words = remade.words;
        list->tile_size = (uint32_t)(words * sizeof *remade.words);
        list->begin = 0;
        list->end = remade.count;
        list->capacity = remade.capacity;
    }
    state->is_scheduled = false;
}
