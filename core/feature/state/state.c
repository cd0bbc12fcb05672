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
 *                             numbers; left out by plan_omit_ids()
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
 * of one collapsed tile; as time goes on, tiles are collapsed, united and dropped one by one. Each
 * of these changes the bytes where it happens (settle.c, collapsed.c). What has to be known for
 * that without a look at all of them (survey.c) is not part of the bytes: it is found out when it
 * is needed first and kept beside them.
 *
 * What this deliberately does not do: look at a clock, know what an id means, or notice that the
 * same record comes twice (the archive's writer sees to that). */
#include "state.h"

#include "collapsed.h"
#include "core/base/check.h"
#include "core/feature/plan/fold.h"
#include "core/feature/sketch/summary.h"
#include "core/feature/window/standing.h"
#include "run_decode.h"
#include "settle.h"
#include "state_memory.h"
#include "survey.h"

#include <stdlib.h>

/* Memory. */

void state_init(struct state *state) {
    *state = (struct state){0};
}

void state_deinit(struct state *state) {
    if (state->front > 0)
        standing_deinit(state_standing(state));
    survey_free(state->survey);
    state_free_block(state);
    *state = (struct state){0};
}

void state_leave(struct state *state) {
    if (state->front > 0)
        standing_deinit(state_standing(state));
    survey_free(state->survey);
    state_leave_block(state);
    *state = (struct state){0};
}

/* The bytes are about to be others: nothing is known of them. */
static void forget(struct state *state) {
    standing_forget(state);
    survey_free(state->survey);
    state->survey = NULL;
    state->is_surveyed = false;
}

void state_assign(struct state *state, const void *bytes, size_t length) {
    forget(state);
    state_replace(state, bytes, length);
}

static uint64_t age_of(int64_t time_us, int64_t newest_us) {
    return (uint64_t)newest_us - (uint64_t)time_us;
}

/* What is added. */

struct addition {
    const struct entity_plan *entity;
    int64_t time_us;
    uint32_t transactions;
    const struct entry *given;
    size_t size;
    uint8_t *body, *tally; /* the body is identity and tally */
    bool is_filled;
    struct run_entry entry; /* is_filled */
    /* In front of the body there is room for a time. */
    uint8_t bytes[BUFFER_VARINT_MAX + RUN_IDENTITY_SIZE_MAX + RUN_TALLY_SIZE_MAX];
};

static void addition_of(struct addition *added, const struct entity_plan *entity,
                        const struct entry *entry) {
    added->entity = entity;
    added->time_us = entry->time_us;
    added->transactions = entry->transaction;
    added->given = entry;
    added->is_filled = false;
    added->body = added->bytes + BUFFER_VARINT_MAX;
    added->tally = run_put_identity(entity, entry, added->body);
    uint8_t *at = run_put_tally(entity, entry->transaction, entry->weights, added->tally);
    added->size = (size_t)(at - added->body);
}

/* As run_take_entry() would find it behind a time of one byte. */
static const struct run_entry *addition_entry(struct addition *added) {
    struct run_entry *entry = &added->entry;
    const struct entry *given = added->given;
    if (added->is_filled)
        return entry;
    added->is_filled = true;
    entry->start = added->body - 1;
    entry->identity = added->body;
    entry->time_us = added->time_us;
    entry->present = run_present(added->entity, given);
    check(run_take_tally(added->tally, added->body + added->size, added->entity, entry));
    for (size_t i = 0; i < added->entity->column_count; i++)
        if (added->entity->columns[i].type == COLUMN_TEXT)
            entry->texts[i] = given->texts[i];
        else
            entry->integers[i] = given->integers[i];
    return entry;
}

/* Raw entries. */

/* Puts the step from the entry before in front of the body. Returns where that begins. */
static const uint8_t *put_step(struct addition *added, uint64_t step_us, size_t *ret_size) {
    uint8_t *at = run_put_varint_before(added->body, step_us);
    *ret_size = added->size + (size_t)(added->body - at);
    return at;
}

#define SHORT 32

/* memcpy(), and quicker where both have room for one of a fixed size. */
static inline void put_bytes(uint8_t *at, const uint8_t *bytes, size_t size, size_t room) {
    if (size <= SHORT && room >= SHORT)
        memcpy(at, bytes, SHORT);
    else
        memcpy(at, bytes, size);
}

/* Behind all that are there. */
static void append_entry(struct state *state, struct addition *added) {
    struct head head = {.entries = 0};
    size_t size;
    if (state->length > 0)
        head = head_get(state->bytes);
    if (head.entries == 0)
        head.first_us = head.last_us = added->time_us;
    const uint8_t *bytes = put_step(added, age_of(head.last_us, added->time_us), &size);
    size_t length = state->length > 0 ? state->length : HEAD_SIZE;
    state_reserve(state, length + size);
    put_bytes(state->bytes + length, bytes, size, state_room(state) - length);
    state->length = (uint32_t)(length + size);
    check(head.entries < UINT32_MAX);
    head.entries++;
    head.last_us = added->time_us;
    head.last_size = (uint16_t)size;
    head_put(state->bytes, &head);
}

/* Puts bytes in the place of [from, to) of the run; places count from the state's first byte. */
static void splice_run(struct state *state, struct head *head, size_t from, size_t to,
                       const uint8_t *bytes, size_t size) {
    size_t start = HEAD_SIZE + head->dense_size;
    state_splice(state, from, to, bytes, size);
    survey_spliced(state, from - start, to - start, size);
    head_put(state->bytes, head);
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
    splice_run(state, &head, from, to, tally, size);
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
    splice_run(state, &head, from, to, bytes, (size_t)(at - bytes));
}

/* Does it belong behind the last raw entry? */
static bool is_last(const struct parts *parts, struct addition *added) {
    if (parts->head.entries == 0 || added->time_us != parts->head.last_us)
        return parts->head.entries == 0 || added->time_us > parts->head.last_us;
    check(parts->head.last_size <= parts->end - parts->run);
    struct cursor cursor = cursor_of(parts->end - parts->head.last_size, parts->head.last_size);
    struct run_entry last;
    check(run_take_entry(&cursor, added->entity, parts->head.last_us, &last));
    return run_compare(addition_entry(added), &last) > 0;
}

/* Between the others, or to the one that is the same. */
static void insert_or_add(struct state *state, const struct entity_plan *entity,
                          const struct parts *parts, const struct run_entry *added) {
    struct run run = survey_run(state, parts, entity, added->time_us, 0);
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

static void add_raw(struct state *state, const struct entity_plan *entity,
                    const struct parts *parts, struct addition *added) {
    bool last = is_last(parts, added);
    if (last && added->time_us >= parts->newest_us) {
        append_entry(state, added);
        survey_append(state, entity, parts, added->time_us, added->transactions);
        if (state->front > 0)
            standing_note_appended(state, entity, addition_entry(added));
        return;
    }
    if (last) { /* of the raw ones; there is a newer tile */
        append_entry(state, added);
        survey_appended(state, (size_t)(parts->end - parts->run), parts->head.last_us);
    } else {
        insert_or_add(state, entity, parts, addition_entry(added));
    }
    survey_insert(state, entity, added->time_us, added->transactions);
    standing_forget(state);
}

/* Collapsed tiles. */

static void add_collapsed(struct state *state, const struct entity_plan *entity,
                          const struct parts *parts, const struct tile *tile,
                          struct addition *added, int64_t newest_us) {
    int64_t tile_newest_us = tile->newest_us;
    bool is_newest = tile_newest_us == parts->newest_us && added->time_us >= tile_newest_us;
    collapsed_add(state, entity, tile, addition_entry(added), newest_us);
    if (is_newest)
        standing_note_grown(state, entity, addition_entry(added), tile_newest_us);
    else
        standing_forget(state);
}

/* Adding. */

/* The way that is always right. added: NULL, or what is not in it yet. */
static void fold_in(struct state *state, const struct entity_plan *entity, struct addition *added) {
    struct buffer entry, folded;
    buffer_init(&entry);
    buffer_init(&folded);
    if (added) {
        size_t size;
        const uint8_t *bytes = put_step(added, 0, &size);
        head_put(buffer_reserve(&entry, HEAD_SIZE), &(struct head){.last_size = (uint16_t)size,
                                                                   .entries = 1,
                                                                   .first_us = added->time_us,
                                                                   .last_us = added->time_us});
        entry.length = HEAD_SIZE;
        buffer_append(&entry, bytes, size);
    }
    fold_states(entity, state->bytes, state->length, entry.bytes, entry.length, &folded);
    state_assign(state, folded.bytes, folded.length);
    buffer_deinit(&entry);
    buffer_deinit(&folded);
}

static void add_first(struct state *state, const struct entity_plan *entity,
                      struct addition *added) {
    forget(state);
    state_clear(state);
    append_entry(state, added);
    state_trim(state);
    survey_first(state, entity, added->time_us, added->transactions);
}

/* Changes the bytes where something happens. Returns false if `added` is not in it then. */
static bool add_locally(struct state *state, const struct entity_plan *entity,
                        struct addition *added) {
    int64_t time_us = added->time_us;
    if (time_us >= state->quiet_us && !settle(state, entity, time_us))
        return false;
    if (state->length == 0) {
        add_first(state, entity, added);
        return true;
    }
    struct parts parts = parts_of(state->bytes, state->length);
    int64_t newest_us = time_us > parts.newest_us ? time_us : parts.newest_us;
    struct tile_extent block = tile_extent_of(time_us, entity->block_level);
    if (time_us < newest_us && is_behind(block.last_us, newest_us, entity->kept_us))
        return true; /* nobody can read it any more */
    struct tile tile;
    if (parts.dense.tiles > 0 &&
        collapsed_find_tile(state, &parts, partition_tile(&entity->tiles, time_us, newest_us),
                            &tile))
        add_collapsed(state, entity, &parts, &tile, added, newest_us);
    else
        add_raw(state, entity, &parts, added);
    if (newest_us >= state->quiet_us && !settle(state, entity, newest_us))
        fold_in(state, entity, NULL);
    return true;
}

static void check_plan_of(const struct entity_plan *entity, int64_t lateness_us) {
    check(lateness_us == entity->lateness_us);
}

void state_apply(struct state *state, const struct entity_plan *entity, int64_t lateness_us,
                 const struct entry *entry) {
    struct addition added;
    check_plan_of(entity, lateness_us);
    if (entity->reach_us == 0)
        return;
    if (state->length == 0) {
        addition_of(&added, entity, entry);
        add_first(state, entity, &added);
        return;
    }
    if (!state->is_surveyed)
        survey_state(state, entity);
    addition_of(&added, entity, entry);
    /* No time is later, so that of what is never quiet_us cannot be told. */
    bool is_told = entry->time_us < INT64_MAX;
    if (!is_told || !add_locally(state, entity, &added))
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
    state_assign(state, folded.bytes, folded.length);
    buffer_deinit(&folded);
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
