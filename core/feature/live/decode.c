/* Decoding looks at what it needs to be safe, and at what makes an encoding the only one: numbers
 * in their shortest form, the order of entries and of tiles, weights that can be. */
#include "core/base/check.h"
#include "encoding.h"

#include <inttypes.h>
#include <stdlib.h>

static int damaged(struct error *ret_error, const struct entity_plan *entity, const char *what) {
    return error_set(ret_error, ERROR_DAMAGED, "state of entity %" TEXT_FORMAT ": %s",
                     TEXT_ARGS(entity->name), what);
}

/* Parts. */

static struct head head_get(const uint8_t *bytes) {
    return (struct head){
        .last_size = load_u16(bytes + 1),
        .entries = load_u32(bytes + 3),
        .dense_size = load_u32(bytes + 7),
        .first_us = (int64_t)load_u64(bytes + 11),
        .last_us = (int64_t)load_u64(bytes + 19),
    };
}

static struct dense dense_get(const uint8_t *bytes) {
    return (struct dense){
        .tiles = load_u32(bytes),
        .sketches = load_u32(bytes + 4),
        .tile_bytes = load_u32(bytes + 8),
        .newest_us = (int64_t)load_u64(bytes + 12),
    };
}

bool parts_find(const void *bytes, size_t length, struct parts *ret_parts) {
    if (length < HEAD_SIZE)
        return false;
    const uint8_t *at = bytes;
    struct head head = head_get(at);
    struct dense dense = {0};
    size_t dense_size = head.dense_size, tiles = HEAD_SIZE, sketches = HEAD_SIZE;
    int64_t newest_us = head.last_us;
    if (dense_size > length - HEAD_SIZE)
        return false;
    if (dense_size > 0) {
        if (dense_size < DENSE_SIZE)
            return false;
        dense = dense_get(at + HEAD_SIZE);
        if (dense.tile_bytes > dense_size - DENSE_SIZE)
            return false;
        tiles = HEAD_SIZE + DENSE_SIZE;
        sketches = tiles + dense.tile_bytes;
        if (head.entries == 0 || dense.newest_us > newest_us)
            newest_us = dense.newest_us;
    }
    *ret_parts = (struct parts){.head = head,
                                .dense = dense,
                                .newest_us = newest_us,
                                .tiles = at + tiles,
                                .sketches = at + sketches,
                                .run = at + HEAD_SIZE + dense_size,
                                .end = at + length};
    return true;
}

/* A collapsed tile, or a sketch tile, where it lies. */
struct encoded_tile {
    int64_t oldest_us, newest_us;
    struct cursor body;
};

/* False at the end, or where the bytes end in the middle of one. */
static bool next_tile(const uint8_t **at, const uint8_t *end, struct encoded_tile *ret_tile) {
    size_t left = (size_t)(end - *at);
    if (left < TILE_HEAD_SIZE)
        return false;
    uint64_t size = load_u32(*at + 16);
    if (size > left - TILE_HEAD_SIZE)
        return false;
    ret_tile->oldest_us = (int64_t)load_u64(*at);
    ret_tile->newest_us = (int64_t)load_u64(*at + 8);
    ret_tile->body = cursor_of(*at + TILE_HEAD_SIZE, size);
    *at += TILE_HEAD_SIZE + size;
    return true;
}

static uint64_t take_transactions(struct cursor *body, bool *ret_has_taken) {
    uint64_t transactions = cursor_varint(body);
    *ret_has_taken = transactions == TILE_TAKEN_MARK;
    return *ret_has_taken ? cursor_varint(body) : transactions;
}

uint64_t parts_tile_transactions(const struct parts *parts) {
    const uint8_t *at = parts->tiles;
    struct encoded_tile tile;
    uint64_t transactions = 0;
    while (next_tile(&at, parts->sketches, &tile)) {
        bool has_taken;
        transactions += take_transactions(&tile.body, &has_taken);
    }
    return transactions;
}

/* Of a plain filter, and of none, a weight is how many of these transactions pass. Only what
 * outcomes change may be anything. */
static bool is_weight(const struct entity_plan *entity, int filter, int64_t weight,
                      uint64_t transactions) {
    if (filter >= 0 && entity->filters[filter].outcome)
        return true;
    return weight >= 0 && (uint64_t)weight <= transactions;
}

/* Raw entries. */

static bool weights_are_sound(const struct entity_plan *entity, const struct row *row) {
    bool sound = true;
    for (size_t i = 0; i < entity->filter_count; i++)
        sound &= is_weight(entity, (int)i, row->entry.weights[i], row->tally.transactions);
    return sound;
}

static void append_row(struct state *state, const struct entity_plan *entity, const struct row *row,
                       uint32_t expected) {
    state_fit(state, entity, row);
    if (state->capacity == 0)
        rows_reserve(state, expected + 1); /* one more is mostly why */
    uint32_t i = rows_insert(state, entity, state->end);
    row_fill(state, entity, row, row_at(state, i));
}

/* Not more than can be in so many bytes. */
static uint32_t plausible_count(const struct parts *parts, const struct entity_plan *entity) {
    size_t most = (size_t)(parts->end - parts->run) / (entity->id_size + 3);
    return parts->head.entries < most ? parts->head.entries : (uint32_t)most;
}

static int decode_rows(const struct parts *parts, const struct entity_plan *entity,
                       struct state *state, struct error *ret_error) {
    const struct head *head = &parts->head;
    const uint8_t *at = parts->run, *end = parts->end, *start = at;
    struct row rows[2]; /* this one and the one before, in turn */
    int64_t time_us = head->first_us;
    uint32_t count = 0;
    for (; at != end; count++) {
        struct row *row = &rows[count % 2];
        start = at;
        struct cursor cursor = cursor_of(at, (size_t)(end - at));
        uint64_t step_us = cursor_varint(&cursor);
        at = !cursor.failed && step_us <= (uint64_t)INT64_MAX - (uint64_t)time_us
                 ? body_take(cursor.at, end, entity, row)
                 : NULL;
        if (!at)
            return error_set(ret_error, ERROR_DAMAGED,
                             "state of entity %" TEXT_FORMAT ": entry %" PRIu32 " of %" PRIu32
                             " is cut off or not canonical",
                             TEXT_ARGS(entity->name), count, head->entries);
        time_us = row->entry.time_us = (int64_t)((uint64_t)time_us + step_us);
        if (count == 0 && step_us != 0)
            return damaged(ret_error, entity, "the first entry's time is not the head's");
        if (count > 0 && step_us == 0 &&
            entry_compare(entity, &rows[1 - count % 2].entry, &row->entry) >= 0)
            return damaged(ret_error, entity, "entries are not in order");
        if (!weights_are_sound(entity, row))
            return damaged(ret_error, entity, "an entry counts for more than it is");
        append_row(state, entity, row, plausible_count(parts, entity));
    }
    if (count != head->entries)
        return damaged(ret_error, entity, "the number of entries is not the head's");
    if ((count > 0 ? time_us : 0) != head->last_us || (count == 0 && head->first_us != 0))
        return damaged(ret_error, entity, "the last entry's time is not the head's");
    if ((count > 0 ? end - start : 0) != head->last_size)
        return damaged(ret_error, entity, "the last entry's size is not the head's");
    return 0;
}

/* Collapsed tiles. */

static int128 take_wide(struct cursor *cursor) {
    uint128 number = 0;
    for (unsigned shift = 0; shift < 128; shift += 7) {
        uint8_t byte = cursor_u8(cursor);
        uint8_t bits = byte & 0x7f;
        bool last = byte < 0x80;
        if ((last && bits == 0 && shift > 0) || (shift == 126 && (bits > 3 || !last)))
            break;
        number |= (uint128)bits << shift;
        if (last)
            return (int128)(number >> 1 ^ (~(number & 1) + 1));
    }
    cursor->failed = true;
    return 0;
}

static void put_words(uint64_t *at, int128 number) {
    at[0] = (uint64_t)number;
    at[1] = (uint64_t)((uint128)number >> 64);
}

/* Makes the state's tiles wide enough for a text. */
static void widen(struct state *state, const struct entity_plan *entity, int column,
                  struct text text) {
    struct entry entry = {.present = UINT32_C(1) << column};
    entry.texts[column] = text;
    state_fit_columns(state, entity, &entry);
}

/* False: the text has no room, and tiles are wider now. The tile is to be decoded again. */
static bool take_edge(struct cursor *cursor, struct state *state, const struct entity_plan *entity,
                      const struct total *total, uint64_t *edge, size_t words) {
    if (total->column < 0) {
        edge[1] = edge[2] = 0;
        return true;
    }
    edge[1] = cursor_u64(cursor);
    if (entity->columns[total->column].type != COLUMN_TEXT) {
        edge[2] = (uint64_t)cursor_zigzag(cursor);
        return true;
    }
    uint64_t length = cursor_varint(cursor);
    if (length > COLUMN_TEXT_MAX)
        cursor->failed = true;
    struct text text = cursor->failed ? (struct text){0} : cursor_text(cursor, length);
    if (!cursor->failed && text.length >= 8 * words) {
        widen(state, entity, total->column, text);
        return false;
    }
    if (!cursor->failed)
        cell_put_text(edge + 2, words, text);
    return true;
}

/* False: as take_edge(). */
static bool take_total(struct cursor *cursor, struct state *state, const struct entity_plan *entity,
                       size_t i, uint64_t *tile, bool has_taken) {
    const struct total *total = &entity->totals[i];
    size_t words = cell_words(state, entity, total);
    uint64_t *at = total_of(state, entity, tile, i);
    struct total_parts parts = total_parts(total, at, words);
    uint64_t span_us = tile[TILE_NEWEST] - tile[TILE_OLDEST];
    *at = (uint64_t)cursor_zigzag(cursor);
    if (has_taken && total_has_taken(total))
        *parts.taken = cursor_varint(cursor);
    if (total->needs & NEED_SUM)
        put_words(parts.sum, take_wide(cursor));
    if (total->needs & NEED_SQUARES) {
        parts.squares[0] = cursor_varint(cursor);
        put_words(parts.squares + 1, take_wide(cursor));
    }
    if (total_put_in(total, at) == 0)
        return true;
    if (total->needs & NEED_EXTREMES) {
        parts.extremes[0] = (uint64_t)cursor_zigzag(cursor);
        parts.extremes[1] = (uint64_t)cursor_zigzag(cursor);
        if ((int64_t)parts.extremes[0] > (int64_t)parts.extremes[1])
            cursor->failed = true;
    }
    if (!(total->needs & NEED_EDGES) || cursor->failed)
        return true;
    uint64_t first_us = cursor_varint(cursor);
    if (!take_edge(cursor, state, entity, total, parts.first, words))
        return false;
    uint64_t last_us = cursor_varint(cursor);
    if (!take_edge(cursor, state, entity, total, parts.last, words))
        return false;
    if (first_us > span_us || last_us > span_us)
        cursor->failed = true;
    parts.first[0] = tile[TILE_OLDEST] + first_us;
    parts.last[0] = tile[TILE_NEWEST] - last_us;
    if (!cursor->failed && !edges_are_in_order(state, entity, total, &parts))
        cursor->failed = true;
    return true;
}

/* Where it is not known how many were taken out, they may be any number. */
static bool is_total(const struct state *state, const struct entity_plan *entity, size_t i,
                     uint64_t *tile) {
    const struct total *total = &entity->totals[i];
    const uint64_t *at = total_of(state, entity, tile, i);
    int64_t count = (int64_t)total_put_in(total, at);
    return (!total_has_taken(total) && count < 0) ||
           is_weight(entity, total->filter, count, tile[TILE_TRANSACTIONS]);
}

static bool decode_tile(struct encoded_tile *from, struct state *state,
                        const struct entity_plan *entity, int64_t newest_us) {
    const struct cursor body = from->body;
    uint32_t i = tiles_insert(state, entity, state->tile_list->end);
    uint64_t *tile;
    bool sound, again, has_taken;
    do {
        from->body = body;
        tile = tile_at(state, entity, i);
        tile_clear(state, entity, tile);
        tile[TILE_OLDEST] = (uint64_t)from->oldest_us;
        tile[TILE_NEWEST] = (uint64_t)from->newest_us;
        tile[TILE_TRANSACTIONS] = take_transactions(&from->body, &has_taken);
        sound = tile[TILE_TRANSACTIONS] > TILE_RAW_MAX && from->newest_us <= newest_us;
        again = false;
        for (size_t j = 0; j < entity->total_count && sound && !again && !from->body.failed; j++) {
            again = !take_total(&from->body, state, entity, j, tile, has_taken);
            sound = again || is_total(state, entity, j, tile);
        }
    } while (again);
    return sound && has_taken == tile_has_taken(state, entity, tile) && !from->body.failed &&
           cursor_left(&from->body) == 0 &&
           from->newest_us <= partition_tile(&entity->tiles, from->oldest_us, newest_us).last_us;
}

static bool decode_sketch_tile(struct encoded_tile *from, struct state *state,
                               const struct entity_plan *entity, int64_t newest_us) {
    (void)newest_us;
    struct sketch_tile *tile = sketch_tile_append(state, entity);
    sketch_tile_extend(tile, from->oldest_us, from->newest_us);
    for (size_t i = 0; i < entity->pool_count && !from->body.failed; i++)
        sketch_decode(&from->body, &tile->sketches[i]);
    for (size_t i = 0; i < entity->distribution_count && !from->body.failed; i++)
        distribution_decode(&from->body, &tile->distributions[i]);
    return !from->body.failed && cursor_left(&from->body) == 0;
}

static int decode_tiles(const uint8_t *at, const uint8_t *end, uint32_t count, const char *what,
                        bool (*decode)(struct encoded_tile *from, struct state *state,
                                       const struct entity_plan *entity, int64_t newest_us),
                        struct state *state, const struct entity_plan *entity, int64_t newest_us,
                        struct error *ret_error) {
    struct encoded_tile tile;
    int64_t before_us = 0;
    uint32_t seen = 0;
    for (; next_tile(&at, end, &tile); seen++) {
        bool in_order =
            tile.oldest_us <= tile.newest_us && (seen == 0 || before_us < tile.oldest_us);
        before_us = tile.newest_us;
        if (!in_order || !decode(&tile, state, entity, newest_us))
            return error_set(ret_error, ERROR_DAMAGED,
                             "state of entity %" TEXT_FORMAT ": %s %" PRIu32 " of %" PRIu32
                             " is out of order or not canonical",
                             TEXT_ARGS(entity->name), what, seen, count);
    }
    if (at != end || seen != count)
        return error_set(ret_error, ERROR_DAMAGED,
                         "state of entity %" TEXT_FORMAT ": the number of %ss is not the head's",
                         TEXT_ARGS(entity->name), what);
    return 0;
}

int decode_state(const void *bytes, size_t length, const struct entity_plan *entity,
                 struct state *ret_state, struct error *ret_error) {
    struct parts parts;
    int r;
    if (length == 0)
        return 0;
    if (!parts_find(bytes, length, &parts))
        return damaged(ret_error, entity, "it is cut off");
    if (parts.head.entries == 0 && parts.dense.tiles == 0)
        return damaged(ret_error, entity, "there is nothing in it");
    ret_state->newest_us = parts.newest_us;
    if ((r = decode_rows(&parts, entity, ret_state, ret_error)) < 0)
        return r;
    if (parts.head.dense_size > 0) {
        state_tile_list(ret_state);
        if ((r = decode_tiles(parts.tiles, parts.sketches, parts.dense.tiles, "collapsed tile",
                              decode_tile, ret_state, entity, parts.newest_us, ret_error)) < 0 ||
            (r = decode_tiles(parts.sketches, parts.run, parts.dense.sketches, "sketch tile",
                              decode_sketch_tile, ret_state, entity, parts.newest_us, ret_error)) <
                0)
            return r;
    }
    return 0;
}
