/* An entity's state, and what its bytes are. In memory it is plain structures (live/live.h);
 * tables, hashes and comparisons have its canonical encoding: equal states are equal bytes.
 *
 * Tiles. Seen from the entity's newest time, the past is cut into tiles (plan/partition.h): level k
 * is 2^k microseconds wide and aligned to multiples of that. A level is too coarse for a window of
 * length W when it is wider than W/64. It begins at the age
 *
 *     lateness + the longest delay + W of all windows for which it is too coarse,
 *
 * where none of those can read it any more, even in a read that is late by the lateness. An instant
 * lies in the widest tile whose last instant has that age; the narrowest level that a plan uses has
 * no such condition. As the newest time grows, tiles are united to wider ones and never cut.
 *
 * A tile of at most TILE_RAW_MAX transactions is raw: its entries are kept as they are, and which
 * tile they are in follows from their times, so that tiles cost a sparse entity nothing. A fuller
 * tile is collapsed to its totals (live/tile.h). Only transactions count for that: an outcome never
 * collapses a tile, and is added to the totals where its transaction's tile is collapsed. The
 * different values of columns in collapsed tiles (distinct, is_new) go to sketches
 * (sketch/sketch.h), how often which values occur (quantile) to distributions
 * (sketch/distribution.h); these belong to the wider tiles of a second partition, made in the same
 * way of the windows that ask for them, with W/8, and hold what is in collapsed tiles alone.
 *
 * Everything is dropped by blocks, as wide as the widest tile of both partitions: a block goes when
 * its last instant is as old as the longest window reaches, and the lateness more; its sketches
 * when the windows that ask for them have passed. Tiles that are united are never of different
 * blocks, so it does not matter whether they are united first or dropped.
 *
 * All of that is a function of the set of entries, whatever the order they come in: the newest time
 * is, the tiles follow from it, how many transactions a tile has does not depend on how it came
 * about, and totals and sketches are sums, extremes and unions. live/compact.c is this function.
 *
 * Reading. Raw entries belong to a window or not, each by its time. A collapsed tile belongs to it
 * if its newest entry does. Where sketches are read, the raw entries between a sketch's oldest and
 * newest one stand or fall with it. So a value is exact for an effective window each of whose edges
 * is less than W/64 (with sketches W/8) beside the one that was asked for, and for that one where
 * the tiles at the edges are raw.
 *
 * Bytes. The empty state has none. Any other is a head, the collapsed part if there is one, and the
 * run of all raw entries. Numbers of fixed size are little-endian unless said otherwise; varint and
 * zigzag are those of base/buffer.h, always in the shortest form; wide is a zigzag varint of 128
 * bits.
 *
 *   head   u8   version, STATE_ENCODING_VERSION = 3
 *          u16  bytes of the last raw entry: a reader of the format finds the newest entry by it
 *          u32  raw entries
 *          u32  bytes of the collapsed part
 *          i64  time_us of the first raw entry
 *          i64  time_us of the last raw entry; these are 0 where there is none
 *
 *   collapsed  u32  tiles
 *              u32  sketch tiles
 *              u32  bytes of the tiles
 *              i64  time_us of the newest entry in a tile
 *              the tiles, oldest first; the sketch tiles, oldest first
 *
 *   tile   i64  time_us of the oldest entry that collapsed in it
 *          i64  time_us of the newest
 *          u32  bytes of what follows
 *          u8  0, only if a total below counts what was taken out; then:
 *          varint  transactions, more than TILE_RAW_MAX
 *          for each of the plan's totals:
 *              zigzag  sum of the weights: of what was put in less what was taken out
 *              if extremes or edges are needed, and only behind the 0:
 *                                      varint  how many that counted were taken out
 *              if sums are needed:     wide    sum of weight × value
 *              if squares are needed:  varint  sum of weight × value², the low 64 bits
 *                                      wide    the rest
 *              if the weights are not 0 in sum, or with what was taken out added:
 *              if extremes are needed: zigzag  smallest, zigzag  greatest
 *              if edges are needed:    varint  first time − time_us of the oldest, cell
 *                                      varint  time_us of the newest − last time, cell
 *          cell, where the total has a column:
 *              u64  id_hash, then the value: zigzag, or varint length and bytes
 *
 *   sketch tile  i64, i64, u32 as above, then for each of the plan's pools:
 *                u8  values, at most SKETCH_VALUES_MAX: then each, u64, ascending
 *                    SKETCH_VALUES_MAX + 1: then SKETCH_REGISTERS registers of 6 bits, four in
 *                    three bytes, the first one lowest
 *                then for each of the plan's distributions:
 *                varint  bytes of what follows
 *                u8  0: then varint buckets, and for each, ascending:
 *                        varint  empty buckets before it, zigzag  sum of the weights, not 0
 *                    1, where that is shorter: then varint first bucket, varint buckets, and for
 *                        each from the first to the last with a sum that is not 0:
 *                        zigzag  sum of the weights
 *
 *   entry  time       varint  microseconds since the entry before; the first entry has 0
 *          identity   u64     id_hash, big-endian, so that the order of bytes is the order of
 *                             numbers; left out by plan_omit_ids()
 *                     varint  bit i: column i is missing
 *                     for each column that is not, in the plan's order:
 *                       COLUMN_INTEGER  zigzag
 *                       COLUMN_HASH     u64
 *                       COLUMN_PLACE    u64, of place_pack()
 *                       COLUMN_TEXT     varint length (at most COLUMN_TEXT_MAX), bytes
 *          tally      short   varint  bit i + 1: weight of filter i; bit 0 is 0
 *                             exactly when there is one transaction, each weight is 0 or 1 and
 *                             nothing was taken out
 *                     long    varint  transactions × 2 + 1, and 2^33 more if it was taken out
 *                             for each filter: zigzag weight, within int32, of what was put in
 *                             if it was taken out: varint  how often, within uint32
 *                                 for each filter without outcomes: varint  how often with it
 *
 * Entries ascend by (time, identity), compared as bytes. Records of equal time and identity are one
 * entry whose tally is the sum of theirs: an outcome has its transaction's columns, so it finds the
 * transaction's entry, or waits for it in an entry without a transaction. Should two transactions
 * share time and id hash but not the columns, they are two entries, in any order of application.
 *
 * What this deliberately does not do: look at a clock, know what an id means, or notice that the
 * same record comes twice (the archive's writer sees to that). */
#include "state.h"

#include "core/base/check.h"
#include "core/base/heap.h"
#include "core/feature/live/compact.h"
#include "core/feature/live/encoding.h"

#include <stdlib.h>

/* Memory. */

void state_init(struct state *state) {
    *state = (struct state){0};
}

static size_t row_bytes(const struct state *state) {
    return state->capacity > 0 ? rows_size(state->capacity, state->row_size) : 0;
}

/* is_left: blocks of a heap stay where they are. Those that are too large for it are malloc()'s. */
static void free_block(struct state *state, void *block, size_t size, bool is_left) {
    if (block && !(is_left && state->is_in_heap && size <= HEAP_BLOCK_MAX))
        state_free(state, block, size);
}

static void free_tile_list(struct state *state, bool is_left) {
    struct tile_list *list = state->tile_list;
    if (!list)
        return;
    for (uint32_t i = 0; i < list->sketch_count; i++)
        sketch_tile_deinit(&list->sketches[i]);
    free_block(state, list->words, (size_t)list->capacity * list->tile_size, is_left);
    free_block(state, list->sketches, list->sketch_capacity * sizeof *list->sketches, is_left);
    free_block(state, list->meetings, list->meeting_capacity * sizeof *list->meetings, is_left);
    free_block(state, list, sizeof *list, is_left);
    state->tile_list = NULL;
}

static void free_all(struct state *state, bool is_left) {
    free_tile_list(state, is_left);
    if (state->windows)
        windows_deinit(state->windows);
    free_block(state, state->windows, state->windows ? state->windows->size : 0, is_left);
    free_block(state, state->rows, row_bytes(state), is_left);
}

void state_deinit(struct state *state) {
    free_all(state, false);
    *state = (struct state){.is_in_heap = state->is_in_heap};
}

void state_leave(struct state *state) {
    free_all(state, true);
    *state = (struct state){0};
}

size_t state_memory(const struct state *state) {
    const struct tile_list *list = state->tile_list;
    size_t bytes = row_bytes(state);
    if (state->windows)
        bytes += state->windows->size;
    if (state->windows && state->windows->distinct)
        bytes += distinct_bytes(state->windows->distinct);
    if (!list)
        return bytes;
    return bytes + sizeof *list + (size_t)list->capacity * list->tile_size +
           list->meeting_capacity * sizeof *list->meetings + list->sketch_bytes;
}

/* Bytes. */

void state_assign(struct state *state, const struct entity_plan *entity, const void *bytes,
                  size_t length) {
    struct error error;
    check(length == 0 || *(const uint8_t *)bytes == STATE_ENCODING_VERSION);
    state_deinit(state);
    if (decode_state(bytes, length, entity, state, &error) < 0) /* which entity, and what of it */
        check_failed(__FILE__, __LINE__, __func__, error.text);
}

void state_encode(const struct state *state, const struct entity_plan *entity,
                  struct buffer *bytes) {
    encode_state(state, entity, bytes);
}

/* Adding. */

static uint32_t put_any_row(struct state *state, const struct entity_plan *entity,
                            const struct entry *entry, uint32_t i) {
    struct row row;
    uint32_t before = i - state->begin;
    row_of_entry(entity, entry, &row);
    state_fit(state, entity, &row);
    i = rows_insert(state, entity, state->begin + before);
    row_fill(state, entity, &row, row_at(state, i));
    return i;
}

/* In front of row i. Returns its index. That it has room, nearly every entry does, is found out as
 * it is put there. */
static uint32_t put_row(struct state *state, const struct entity_plan *entity,
                        const struct entry *entry, uint32_t i) {
    if (state->capacity > 0 && !entry->is_taken_out) {
        i = rows_insert(state, entity, i);
        if (__builtin_expect(
                row_try_fill(state, entity, entry, entry->transaction, row_at(state, i)), 1))
            return i;
        i -= state->begin;
        rows_remove(state, entity, state->begin + i, state->begin + i + 1);
        i += state->begin;
    }
    return put_any_row(state, entity, entry, i);
}

static void append(struct state *state, const struct entity_plan *entity,
                   const struct entry *entry) {
    uint32_t row = put_row(state, entity, entry, state->end);
    compact_note_row(state, entity, row);
    if (entry->is_taken_out)
        windows_forget(state);
    else
        windows_note_row(state, entity, row, false);
}

/* Adds the weights to the row that is the same entry. */
static void add_to_row(struct state *state, const struct entity_plan *entity,
                       const struct entry *entry, uint32_t i) {
    struct weights_before before;
    struct row row, added;
    if (entry->is_taken_out) /* other rows may be the first or the greatest now */
        windows_forget(state);
    bool is_known = state->windows && state->windows->is_known;
    if (is_known)
        windows_weigh(state, entity, i, &before);
    row_get(state, entity, i, &row);
    row_of_entry(entity, entry, &added);
    row_add(entity, &row, &added);
    state_fit(state, entity, &row);
    row_set_weights(state, entity, &row, row_at(state, i));
    if (entry->transaction)
        compact_note_row(state, entity, i);
    if (is_known)
        windows_note_weights(state, entity, i, &before);
}

/* Between the others, or to the one that is the same. */
static void insert(struct state *state, const struct entity_plan *entity,
                   const struct entry *entry) {
    const struct row_layout *layout = row_layout(state, entity);
    uint32_t i = rows_find(state, entity, entry->time_us);
    for (; i < state->end && row_time(state, layout, i) == entry->time_us; i++) {
        struct row row;
        row_get(state, entity, i, &row);
        int order = entry_compare(entity, entry, &row.entry);
        if (order == 0) {
            add_to_row(state, entity, entry, i);
            return;
        }
        if (order < 0)
            break;
    }
    bool is_last = i == state->end;
    i = put_row(state, entity, entry, i);
    compact_note_row(state, entity, i);
    if (entry->is_taken_out)
        windows_forget(state);
    else
        windows_note_row(state, entity, i, !is_last);
}

static void add(struct state *state, const struct entity_plan *entity, const struct entry *entry) {
    uint32_t tile;
    if (compact_find_tile(state, entity, entry->time_us, &tile)) {
        state_fit_columns(state, entity, entry);
        compact_grow_tile(state, entity, tile, entry);
    } else if (state->begin == state->end ||
               entry->time_us > row_time(state, row_layout(state, entity), state->end - 1)) {
        append(state, entity, entry);
    } else {
        insert(state, entity, entry);
    }
}

/* Everything has been dropped, or there never was anything. */
static void begin(struct state *state, int64_t newest_us) {
    windows_free(state);
    free_tile_list(state, false);
    state->newest_us = newest_us;
    state->next_due_us = INT64_MAX;
    state->is_scheduled = true;
}

void state_apply(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const struct entry *entry) {
    int64_t time_us = entry->time_us;
    check(lateness_us == entity->lateness_us);
    if (entity->reach_us == 0)
        return;
    if (state_is_empty(state))
        begin(state, time_us);
    if (!state->is_scheduled)
        compact_schedule(state, entity);
    if (time_us > state->newest_us) {
        state->newest_us = time_us;
        if (time_us >= state->next_due_us)
            compact_due(state, entity);
        if (state_is_empty(state))
            begin(state, time_us);
    } else if (time_us < state->newest_us && is_dropped(entity, time_us, state->newest_us)) {
        return; /* nobody can read it any more */
    }
    add(state, entity, entry);
    if (state->newest_us >= state->next_due_us)
        compact_due(state, entity);
}

/* Merging. */

/* Rows of both, in order; the same entries are united. */
static void merge_rows(struct state *state, const struct entity_plan *entity,
                       const struct state *other) {
    struct state merged = {0};
    const struct state *from[] = {state, other};
    uint32_t at[] = {state->begin, other->begin};
    struct row rows[2];
    for (int i = 0; i < 2; i++)
        if (at[i] < from[i]->end)
            row_get(from[i], entity, at[i], &rows[i]);
    while (at[0] < state->end || at[1] < other->end) {
        int order = at[0] == state->end   ? 1
                    : at[1] == other->end ? -1
                                          : entry_compare(entity, &rows[0].entry, &rows[1].entry);
        struct row *row = &rows[order > 0];
        if (order == 0)
            row_add(entity, row, &rows[1]);
        state_fit(&merged, entity, row);
        uint32_t i = rows_insert(&merged, entity, merged.end);
        row_fill(&merged, entity, row, row_at(&merged, i));
        for (int j = 0; j < 2; j++)
            if ((j == 0 ? order <= 0 : order >= 0) && ++at[j] < from[j]->end)
                row_get(from[j], entity, at[j], &rows[j]);
    }
    state_take_rows(state, entity, &merged);
}

static void merge_tiles(struct state *state, const struct entity_plan *entity,
                        struct state *other) {
    if (tile_count(other) > 0)
        state_widen(state, entity, row_width(other));
    for (uint32_t i = 0; i < tile_count(other); i++) {
        const uint64_t *tile = tile_at(other, entity, other->tile_list->begin + i);
        state_tile_list(state);
        uint32_t at = tiles_insert(state, entity, tiles_find(state, entity, tile_oldest(tile)));
        tile_copy(state, entity, tile_at(state, entity, at), other, tile);
    }
    for (uint32_t i = 0; i < sketch_tile_count(other); i++)
        *sketch_tile_insert(state, entity, other->tile_list->sketches[i].oldest_us) =
            other->tile_list->sketches[i];
    if (other->tile_list)
        other->tile_list->sketch_count = 0;
}

void state_merge(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const void *bytes, size_t length) {
    check(lateness_us == entity->lateness_us);
    if (entity->reach_us == 0 || length == 0)
        return;
    if (state_is_empty(state)) {
        state_assign(state, entity, bytes, length);
        compact_all(state, entity);
        return;
    }
    struct state other = {0};
    state_assign(&other, entity, bytes, length);
    if (other.newest_us > state->newest_us)
        state->newest_us = other.newest_us;
    windows_free(state);
    merge_rows(state, entity, &other);
    merge_tiles(state, entity, &other);
    state_deinit(&other);
    compact_all(state, entity);
}

/* Questions about the whole. */

bool state_extent(const struct state *state, const struct entity_plan *entity,
                  int64_t *ret_newest_us, uint64_t *ret_entries) {
    if (state_is_empty(state))
        return false;
    *ret_newest_us = state->newest_us;
    *ret_entries = state->end - state->begin;
    for (uint32_t i = 0; i < tile_count(state); i++)
        *ret_entries += tile_at(state, entity, state->tile_list->begin + i)[TILE_TRANSACTIONS];
    return true;
}

static struct parts parts_of(const void *bytes, size_t length) {
    struct parts parts;
    check(parts_find(bytes, length, &parts));
    return parts;
}

bool encoded_extent(const void *bytes, size_t length, int64_t *ret_newest_us,
                    uint64_t *ret_entries) {
    if (length == 0)
        return false;
    struct parts parts = parts_of(bytes, length);
    *ret_newest_us = parts.newest_us;
    *ret_entries = parts.head.entries + parts_tile_transactions(&parts);
    return true;
}

/* One lateness more than what is kept: a transaction that arrives within the lateness of the
 * archive's newest must find either side without these entries, the one that left the state out and
 * the one that still holds it and drops them on arrival. */
static bool is_idle(const struct entity_plan *entity, int64_t lateness_us, int64_t own_us,
                    int64_t newest_us) {
    check(lateness_us == entity->lateness_us);
    return is_behind(tile_extent_of(own_us, entity->block_level).last_us, newest_us,
                     entity->kept_us + (uint64_t)lateness_us);
}

bool state_is_idle(const struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                   int64_t newest_us) {
    return state_is_empty(state) || is_idle(entity, lateness_us, state->newest_us, newest_us);
}

bool encoded_is_idle(const void *bytes, size_t length, const struct entity_plan *entity,
                     int64_t lateness_us, int64_t newest_us) {
    return length == 0 ||
           is_idle(entity, lateness_us, parts_of(bytes, length).newest_us, newest_us);
}
