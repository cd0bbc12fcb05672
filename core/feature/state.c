/* An entity's state as bytes. The bytes in memory are the canonical encoding: equal states are
 * equal bytes, and nothing is converted when a table is loaded or compared.
 *
 * Tiles. Seen from the entity's newest time, the past is cut into tiles (partition.c): level k is
 * 2^k microseconds wide and aligned to multiples of that. A level is too coarse for a window of
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
 * tile is collapsed to its totals (total.c). Only transactions count for that: an outcome never
 * collapses a tile, and is added to the totals where its transaction's tile is collapsed. The
 * different values of columns in collapsed tiles (distinct, is_new) go to sketches (sketch.c), how
 * often which values occur (quantile) to distributions (distribution.c); these belong to the wider
 * tiles of a second partition, made in the same way of the windows that ask for them, with W/8, and
 * hold what is in collapsed tiles alone.
 *
 * Everything is dropped by blocks, as wide as the widest tile of both partitions: a block goes when
 * its last instant is as old as the longest window reaches, and the lateness more; its sketches
 * when the windows that ask for them have passed. Tiles that are united are never of different
 * blocks, so it does not matter whether they are united first or dropped.
 *
 * All of that is a function of the set of entries, whatever the order they come in: the newest time
 * is, the tiles follow from it, how many transactions a tile has does not depend on how it came
 * about, and totals and sketches are sums, extremes and unions. fold.c is this function.
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
 *          u16  bytes of the last raw entry: an entry in order is added without reading the run
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
 *          varint  transactions
 *          for each of the plan's totals:
 *              zigzag  sum of the weights
 *              if sums are needed:     wide    sum of weight × value
 *              if squares are needed:  varint  sum of weight × value², the low 64 bits
 *                                      wide    the rest
 *              if the weights are not 0 in sum:
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
 *                             numbers
 *                     varint  bit i: column i is missing
 *                     for each column that is not, in the plan's order:
 *                       COLUMN_INTEGER  zigzag
 *                       COLUMN_HASH     u64
 *                       COLUMN_PLACE    u64, of place_pack()
 *                       COLUMN_TEXT     varint length (at most COLUMN_TEXT_MAX), bytes
 *          tally      short   varint  bit i + 1: weight of filter i; bit 0 is 0
 *                             exactly when there is one transaction and each weight is 0 or 1
 *                     long    varint  transactions × 2 + 1
 *                             for each filter: zigzag weight, within int32
 *
 * Entries ascend by (time, identity), compared as bytes. Records of equal time and identity are one
 * entry whose tally is the sum of theirs: an outcome has its transaction's columns, so it finds the
 * transaction's entry, or waits for it in an entry without a transaction. Should two transactions
 * share time and id hash but not the columns, they are two entries, in any order of application.
 *
 * Quick ways. Most entries come in order and change nothing but the end of the run, or the totals
 * of one collapsed tile. What decides that (a survey, survey.c) is not part of the bytes: it is
 * found out when it is needed first and kept beside them.
 *
 * What this deliberately does not do: look at a clock, know what an id means, or notice that the
 * same record comes twice (the archive's writer sees to that). */
#include "state.h"

#include "../base/check.h"
#include "fold.h"
#include "summary.h"
#include "survey.h"

#include <stdlib.h>

/* Memory. */

void state_init(struct state *state) {
    *state = (struct state){0};
}

void state_deinit(struct state *state) {
    free(state->bytes);
    *state = (struct state){0};
}

static void state_reserve(struct state *state, size_t length) {
    check(length <= UINT32_MAX);
    if (length <= state->capacity)
        return;
    size_t capacity = (size_t)state->capacity + state->capacity / 2;
    capacity = capacity < length ? length : capacity;
    capacity = capacity > UINT32_MAX ? UINT32_MAX : capacity;
    state->bytes = check_realloc(state->bytes, capacity);
    state->capacity = (uint32_t)capacity;
}

void state_assign(struct state *state, const void *bytes, size_t length) {
    state_reserve(state, length);
    if (length > 0)
        memcpy(state->bytes, bytes, length);
    state->length = (uint32_t)length;
    state->is_surveyed = false;
}

/* Puts size bytes in the place of [from, to). The head is the caller's to correct. */
static void state_splice(struct state *state, size_t from, size_t to, const uint8_t *bytes,
                         size_t size) {
    state_reserve(state, state->length - (to - from) + size);
    memmove(state->bytes + from + size, state->bytes + to, state->length - to);
    if (size > 0)
        memcpy(state->bytes + from, bytes, size);
    state->length = (uint32_t)(state->length - (to - from) + size);
}

static uint64_t age_of(int64_t time_us, int64_t newest_us) {
    return (uint64_t)newest_us - (uint64_t)time_us;
}

/* Raw entries. */

/* Behind all that are there. body: identity and tally. */
static void append_entry(struct state *state, int64_t time_us, const uint8_t *body, size_t size) {
    struct head head = {.entries = 0};
    state_reserve(state, (state->length ? state->length : HEAD_SIZE) + BUFFER_VARINT_MAX + size);
    if (state->length > 0)
        head = head_get(state->bytes);
    else
        state->length = HEAD_SIZE;
    if (head.entries == 0)
        head.first_us = head.last_us = time_us;
    uint8_t *start = state->bytes + state->length;
    uint8_t *at = varint_put(start, age_of(head.last_us, time_us));
    memcpy(at, body, size);
    head.last_size = (uint16_t)(at + size - start);
    head.entries++;
    head.last_us = time_us;
    state->length += head.last_size;
    head_put(state->bytes, &head);
}

/* Adds the tally of `added` to the stored entry that is the same one. */
static void add_tally(struct state *state, const struct entity_plan *entity,
                      const struct run_entry *stored, const struct run_entry *added) {
    struct head head = head_get(state->bytes);
    uint8_t tally[RUN_TALLY_SIZE_MAX];
    size_t size = (size_t)(run_put_tally_sum(entity, stored, added, tally) - tally);
    size_t from = (size_t)(stored->tally - state->bytes), to = (size_t)(stored->end - state->bytes);
    if (to == state->length)
        head.last_size = (uint16_t)(head.last_size - (to - from) + size);
    state_splice(state, from, to, tally, size);
    head_put(state->bytes, &head);
}

/* Puts an entry in front of the stored entry `next`; before_us is the time of the one before. */
static void insert_entry(struct state *state, const struct run_entry *added, int64_t before_us,
                         const struct run_entry *next) {
    struct head head = head_get(state->bytes);
    uint8_t bytes[RUN_ENTRY_SIZE_MAX + BUFFER_VARINT_MAX];
    size_t from = (size_t)(next->start - state->bytes);
    size_t to = (size_t)(next->identity - state->bytes);
    bool is_first = from == HEAD_SIZE + head.dense_size;
    bool next_is_last = next->end == state->bytes + state->length;
    uint8_t *at = varint_put(bytes, is_first ? 0 : age_of(before_us, added->time_us));
    size_t body = (size_t)(added->end - added->identity);
    memcpy(at, added->identity, body);
    uint8_t *next_time = at + body;
    at = varint_put(next_time, age_of(added->time_us, next->time_us));
    if (next_is_last)
        head.last_size = (uint16_t)(head.last_size - (to - from) + (size_t)(at - next_time));
    if (is_first)
        head.first_us = added->time_us;
    head.entries++;
    state_splice(state, from, to, bytes, (size_t)(at - bytes));
    head_put(state->bytes, &head);
}

/* Does it belong behind the last raw entry? */
static bool is_last(const struct parts *parts, const struct entity_plan *entity,
                    const struct run_entry *added) {
    if (parts->head.entries == 0 || added->time_us != parts->head.last_us)
        return parts->head.entries == 0 || added->time_us > parts->head.last_us;
    check(parts->head.last_size <= parts->end - parts->run);
    struct cursor cursor = cursor_of(parts->end - parts->head.last_size, parts->head.last_size);
    struct run_entry last;
    check(run_take_entry(&cursor, entity, parts->head.last_us, &last));
    return run_compare(added, &last) > 0;
}

static void add_entry(struct state *state, const struct entity_plan *entity,
                      const struct parts *parts, const struct run_entry *added) {
    if (is_last(parts, entity, added)) {
        append_entry(state, added->time_us, added->identity,
                     (size_t)(added->end - added->identity));
        return;
    }
    struct run run = parts_run(parts, entity);
    struct run_entry stored;
    int order;
    int64_t before_us;
    do {
        before_us = run.time_us;
        check(run_next(&run, &stored));
        order = run_compare(added, &stored);
    } while (order > 0);
    if (order == 0)
        add_tally(state, entity, &stored, added);
    else
        insert_entry(state, added, before_us, &stored);
}

/* Collapsed tiles. */

/* The tile or sketch tile that lies in the extent; false if there is none. */
static bool find_tile(struct tiles tiles, struct tile_extent extent, struct tile *ret_tile) {
    while (tiles_next(&tiles, ret_tile))
        if (ret_tile->oldest_us >= extent.first_us)
            return ret_tile->oldest_us <= extent.last_us;
    return false;
}

/* Puts new bytes in the place of a tile or sketch tile. */
static void replace_tile(struct state *state, const struct parts *parts, const struct tile *tile,
                         const struct buffer *bytes) {
    struct head head = parts->head;
    struct dense dense = parts->dense;
    size_t from = (size_t)(tile->start - state->bytes);
    size_t to = (size_t)(tile->body.end - state->bytes);
    uint32_t grows = (uint32_t)(bytes->length - (to - from)); /* or shrinks, modulo 2^32 */
    if (tile->start < parts->sketches)
        dense.tile_bytes += grows;
    head.dense_size += grows;
    state_splice(state, from, to, bytes->bytes, bytes->length);
    head_put(state->bytes, &head);
    dense_put(state->bytes + HEAD_SIZE, &dense);
}

static void add_to_sketches(struct state *state, const struct entity_plan *entity,
                            const struct run_entry *added, int64_t newest_us) {
    struct parts parts = parts_of(state->bytes, state->length);
    struct tile tile;
    if (!find_tile(parts_sketches(&parts),
                   partition_tile(&entity->sketch_tiles, added->time_us, newest_us), &tile))
        return; /* dropped */
    struct sketches *sketches = sketches_new(entity);
    struct buffer bytes;
    buffer_init(&bytes);
    sketches_clear(sketches, entity);
    sketches_extend(sketches, tile.oldest_us, tile.newest_us);
    sketches_extend(sketches, added->time_us, added->time_us);
    sketches_add_tile(sketches, entity, &tile);
    sketches_add_entry(sketches, entity, added);
    sketches_encode(sketches, entity, &bytes);
    replace_tile(state, &parts, &tile, &bytes);
    buffer_deinit(&bytes);
    free(sketches);
}

static void add_to_tile(struct state *state, const struct entity_plan *entity,
                        const struct parts *parts, struct tile *tile,
                        const struct run_entry *added) {
    struct summary *summary = summary_new(entity);
    struct buffer bytes;
    buffer_init(&bytes);
    summary_clear(summary, entity);
    struct tile stored = *tile;
    summary_add_tile(summary, entity, &stored);
    check(!stored.body.failed);
    summary_add_entry(summary, entity, added);
    summary_encode(summary, entity, &bytes);
    struct parts changed = *parts;
    if (added->time_us > changed.dense.newest_us)
        changed.dense.newest_us = added->time_us;
    replace_tile(state, &changed, tile, &bytes);
    int64_t newest_us = added->time_us > parts->newest_us ? added->time_us : parts->newest_us;
    if (entity->has_sketches)
        add_to_sketches(state, entity, added, newest_us);
    buffer_deinit(&bytes);
    free(summary);
}

/* Adding. */

static void take_bytes(struct state *state, struct buffer *bytes) {
    check(bytes->length <= UINT32_MAX && bytes->capacity <= UINT32_MAX);
    free(state->bytes);
    *state = (struct state){.bytes = bytes->bytes,
                            .length = (uint32_t)bytes->length,
                            .capacity = (uint32_t)bytes->capacity};
}

/* The way that is always right. */
static void fold_in(struct state *state, const struct entity_plan *entity,
                    const struct run_entry *added) {
    uint8_t bytes[HEAD_SIZE + RUN_ENTRY_SIZE_MAX];
    size_t size = (size_t)(added->end - added->identity);
    uint8_t *entry = bytes + HEAD_SIZE;
    *entry = 0;
    memcpy(entry + 1, added->identity, size);
    head_put(bytes, &(struct head){.last_size = (uint16_t)(size + 1),
                                   .entries = 1,
                                   .first_us = added->time_us,
                                   .last_us = added->time_us});
    struct buffer folded;
    buffer_init(&folded);
    fold_states(entity, state->bytes, state->length, bytes, HEAD_SIZE + 1 + size, &folded);
    take_bytes(state, &folded);
}

static void take_survey(struct state *state, const struct entity_plan *entity,
                        const struct parts *parts) {
    struct survey survey = survey_state(parts, entity);
    state->quiet_us = survey.quiet_us;
    state->newest_transactions = (uint8_t)survey.newest_transactions;
    state->transactions = (uint8_t)survey.transactions;
    state->is_surveyed = true;
}

/* Is there nothing to be collapsed, united or dropped when this becomes the newest time? */
static bool stays_quiet(struct state *state, const struct entity_plan *entity,
                        const struct parts *parts, int64_t time_us) {
    if (state->is_surveyed && time_us < state->quiet_us)
        return true;
    take_survey(state, entity, parts);
    return time_us < state->quiet_us;
}

/* One more raw transaction in the newest tile, which may be a new one. */
static void survey_one_more(struct state *state, const struct entity_plan *entity, bool same_tile,
                            bool transaction, int64_t time_us) {
    const struct partition *tiles = &entity->tiles;
    state->newest_transactions =
        (uint8_t)((same_tile ? state->newest_transactions : 0) + transaction);
    if (state->transactions <= TILE_RAW_MAX)
        state->transactions = (uint8_t)(state->transactions + transaction);
    /* Whatever this one will meet in a wider tile, it will not be sooner than such a tile begins.
     */
    bool can_meet = state->transactions > TILE_RAW_MAX || head_get(state->bytes).dense_size > 0;
    if (!can_meet || tiles->least == tiles->most)
        return;
    int64_t meeting_us = time_ahead(time_us, tiles->begin_us[tiles->least + 1]);
    state->quiet_us = meeting_us < state->quiet_us ? meeting_us : state->quiet_us;
}

/* What is as new as the newest or newer, if only the newest tile changes. */
static bool add_newest(struct state *state, const struct entity_plan *entity,
                       const struct parts *parts, const struct run_entry *added) {
    if (!stays_quiet(state, entity, parts, added->time_us))
        return false;
    struct tile_extent newest = tile_extent_of(parts->newest_us, entity->tiles.least);
    bool same_tile = added->time_us <= newest.last_us;
    uint32_t transactions = same_tile ? state->newest_transactions : 0;
    struct tile tile;
    if (transactions > TILE_RAW_MAX) {
        check(find_tile(parts_tiles(parts), newest, &tile));
        add_to_tile(state, entity, parts, &tile, added);
        return true;
    }
    if (transactions + added->transactions > TILE_RAW_MAX || !is_last(parts, entity, added))
        return false;
    append_entry(state, added->time_us, added->identity, (size_t)(added->end - added->identity));
    survey_one_more(state, entity, same_tile, added->transactions > 0, added->time_us);
    return true;
}

/* What is not newer than the newest, if only its own tile changes and does not collapse. */
static bool add_older(struct state *state, const struct entity_plan *entity,
                      const struct parts *parts, const struct run_entry *added) {
    struct tile_extent block = tile_extent_of(added->time_us, entity->block_level);
    if (is_behind(block.last_us, parts->newest_us, entity->kept_us))
        return true;
    struct tile tile;
    struct tile_extent extent = partition_tile(&entity->tiles, added->time_us, parts->newest_us);
    if (find_tile(parts_tiles(parts), extent, &tile)) {
        add_to_tile(state, entity, parts, &tile, added);
        return true;
    }
    if (!state->is_surveyed)
        take_survey(state, entity, parts);
    if (added->transactions > 0 && state->transactions >= TILE_RAW_MAX)
        return false;
    add_entry(state, entity, parts, added);
    state->is_surveyed = false;
    return true;
}

static void check_plan_of(const struct entity_plan *entity, int64_t lateness_us) {
    check(lateness_us == entity->lateness_us);
}

void state_apply(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const struct entry *entry) {
    check_plan_of(entity, lateness_us);
    if (entity->reach_us == 0)
        return;
    /* Decoded again, because totals and sketches take what was stored, not what was given. */
    uint8_t bytes[1 + RUN_IDENTITY_SIZE_MAX + RUN_TALLY_SIZE_MAX];
    bytes[0] = 0;
    uint8_t *at = run_put_identity(entity, entry, bytes + 1);
    at = run_put_tally(entity, entry->transaction, entry->weights, at);
    struct cursor cursor = cursor_of(bytes, (size_t)(at - bytes));
    struct run_entry added;
    check(run_take_entry(&cursor, entity, entry->time_us, &added));
    if (state->length == 0) {
        append_entry(state, added.time_us, added.identity, (size_t)(added.end - added.identity));
        state->is_surveyed = false;
        return;
    }
    struct parts parts = parts_of(state->bytes, state->length);
    bool done = added.time_us >= parts.newest_us && add_newest(state, entity, &parts, &added);
    if (!done && added.time_us <= parts.newest_us)
        done = add_older(state, entity, &parts, &added);
    if (!done)
        fold_in(state, entity, &added);
}

void state_merge(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const void *bytes, size_t length) {
    check_plan_of(entity, lateness_us);
    if (entity->reach_us == 0 || length == 0)
        return;
    if (state->length == 0) {
        state_assign(state, bytes, length);
        return;
    }
    struct buffer folded;
    buffer_init(&folded);
    fold_states(entity, state->bytes, state->length, bytes, length, &folded);
    take_bytes(state, &folded);
}

/* Questions about the whole. */

bool state_extent(const void *bytes, size_t length, int64_t *ret_newest_us, uint64_t *ret_entries) {
    if (length == 0)
        return false;
    struct parts parts = parts_of(bytes, length);
    struct tiles tiles = parts_tiles(&parts);
    struct tile tile;
    *ret_newest_us = parts.newest_us;
    *ret_entries = parts.head.entries;
    while (tiles_next(&tiles, &tile))
        *ret_entries += tile_transactions(&tile);
    return true;
}

bool state_is_idle(const void *bytes, size_t length, const struct entity_plan *entity,
                   int64_t lateness_us, int64_t newest_us) {
    check_plan_of(entity, lateness_us);
    if (length == 0)
        return true;
    int64_t own_us = parts_of(bytes, length).newest_us;
    /* One lateness more than what is kept: a transaction that arrives within the lateness of the
     * archive's newest must find either side without these entries, the one that left the state out
     * and the one that still holds it and drops them on arrival. */
    return is_behind(tile_extent_of(own_us, entity->block_level).last_us, newest_us,
                     entity->kept_us + (uint64_t)lateness_us);
}
