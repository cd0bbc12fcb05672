#include "core/base/check.h"
#include "encoding.h"

void head_put(uint8_t *bytes, const struct head *head) {
    bytes[0] = STATE_ENCODING_VERSION;
    store_u16(bytes + 1, head->last_size);
    store_u32(bytes + 3, head->entries);
    store_u32(bytes + 7, head->dense_size);
    store_u64(bytes + 11, (uint64_t)head->first_us);
    store_u64(bytes + 19, (uint64_t)head->last_us);
}

static void dense_put(uint8_t *bytes, const struct dense *dense) {
    store_u32(bytes, dense->tiles);
    store_u32(bytes + 4, dense->sketches);
    store_u32(bytes + 8, dense->tile_bytes);
    store_u64(bytes + 12, (uint64_t)dense->newest_us);
}

/* Raw entries. */

static void put_rows(const struct state *state, const struct entity_plan *entity, struct head *head,
                     struct buffer *bytes) {
    int64_t before_us = 0;
    head->entries = state->end - state->begin;
    for (uint32_t i = state->begin; i < state->end; i++) {
        struct row row;
        row_get(state, entity, i, &row);
        uint8_t *start = buffer_reserve(bytes, BUFFER_VARINT_MAX + BODY_SIZE_MAX + 8);
        uint64_t step_us =
            i == state->begin ? 0 : (uint64_t)row.entry.time_us - (uint64_t)before_us;
        uint8_t *at = varint_put(start, step_us);
        at = identity_put(entity, &row.entry, at);
        at = tally_put(entity, &row.entry, &row.tally, at);
        bytes->length += (size_t)(at - start);
        before_us = row.entry.time_us;
        if (i == state->begin)
            head->first_us = before_us;
        head->last_us = before_us;
        head->last_size = (uint16_t)(at - start);
    }
}

/* Tiles. */

static void put_wide(struct buffer *bytes, int128 number) {
    uint128 left = (uint128)number << 1 ^ (number < 0 ? ~(uint128)0 : 0);
    while (left >= 0x80) {
        buffer_append_u8(bytes, (uint8_t)(left | 0x80));
        left >>= 7;
    }
    buffer_append_u8(bytes, (uint8_t)left);
}

static void put_edge(struct buffer *bytes, const struct entity_plan *entity, int column,
                     const uint64_t *edge, size_t words) {
    if (column < 0)
        return;
    buffer_append_u64(bytes, edge[1]);
    if (entity->columns[column].type == COLUMN_TEXT) {
        struct text text = cell_text(edge + 2, words);
        buffer_append_varint(bytes, text.length);
        buffer_append(bytes, text.data, text.length);
    } else {
        buffer_append_zigzag(bytes, (int64_t)edge[2]);
    }
}

static void put_total(const struct state *state, const struct entity_plan *entity, size_t i,
                      uint64_t *tile, bool has_taken, struct buffer *bytes) {
    const struct total *total = &entity->totals[i];
    size_t words = cell_words(state, entity, total);
    uint64_t *at = total_of(state, entity, tile, i);
    struct total_parts parts = total_parts(total, at, words);
    buffer_append_zigzag(bytes, (int64_t)*at);
    if (has_taken && total_has_taken(total))
        buffer_append_varint(bytes, *parts.taken);
    if (total->needs & NEED_SUM)
        put_wide(bytes, wide_get(parts.sum));
    if (total->needs & NEED_SQUARES) {
        buffer_append_varint(bytes, parts.squares[0]);
        put_wide(bytes, wide_get(parts.squares + 1));
    }
    if (total_put_in(total, at) == 0)
        return;
    if (total->needs & NEED_EXTREMES) {
        buffer_append_zigzag(bytes, (int64_t)parts.extremes[0]);
        buffer_append_zigzag(bytes, (int64_t)parts.extremes[1]);
    }
    if (total->needs & NEED_EDGES) {
        buffer_append_varint(bytes, parts.first[0] - tile[TILE_OLDEST]);
        put_edge(bytes, entity, total->column, parts.first, words);
        buffer_append_varint(bytes, tile[TILE_NEWEST] - parts.last[0]);
        put_edge(bytes, entity, total->column, parts.last, words);
    }
}

static size_t begin_tile(struct buffer *bytes) {
    size_t start = bytes->length;
    buffer_reserve(bytes, TILE_HEAD_SIZE);
    bytes->length += TILE_HEAD_SIZE;
    return start;
}

static void end_tile(struct buffer *bytes, size_t start, int64_t oldest_us, int64_t newest_us) {
    uint8_t *at = bytes->bytes + start;
    size_t size = bytes->length - start - TILE_HEAD_SIZE;
    check(size <= UINT32_MAX);
    store_u64(at, (uint64_t)oldest_us);
    store_u64(at + 8, (uint64_t)newest_us);
    store_u32(at + 16, (uint32_t)size);
}

static void put_tile(const struct state *state, const struct entity_plan *entity, uint64_t *tile,
                     struct buffer *bytes) {
    size_t start = begin_tile(bytes);
    bool has_taken = tile_has_taken(state, entity, tile);
    if (has_taken)
        buffer_append_u8(bytes, TILE_TAKEN_MARK);
    buffer_append_varint(bytes, tile[TILE_TRANSACTIONS]);
    for (size_t i = 0; i < entity->total_count; i++)
        put_total(state, entity, i, tile, has_taken, bytes);
    end_tile(bytes, start, tile_oldest(tile), tile_newest(tile));
}

static void put_sketch_tile(const struct sketch_tile *tile, const struct entity_plan *entity,
                            struct buffer *bytes) {
    size_t start = begin_tile(bytes);
    for (size_t i = 0; i < entity->pool_count; i++)
        sketch_encode(&tile->sketches[i], bytes);
    for (size_t i = 0; i < entity->distribution_count; i++)
        distribution_encode(&tile->distributions[i], bytes);
    end_tile(bytes, start, tile->oldest_us, tile->newest_us);
}

/* Returns how many bytes that is. */
static size_t put_tile_list(const struct state *state, const struct entity_plan *entity,
                            struct buffer *bytes) {
    const struct tile_list *list = state->tile_list;
    size_t start = bytes->length;
    buffer_reserve(bytes, DENSE_SIZE);
    bytes->length += DENSE_SIZE;
    for (uint32_t i = list->begin; i < list->end; i++)
        put_tile(state, entity, tile_at(state, entity, i), bytes);
    size_t tile_bytes = bytes->length - start - DENSE_SIZE;
    for (uint32_t i = 0; i < list->sketch_count; i++)
        put_sketch_tile(&list->sketches[i], entity, bytes);
    check(tile_bytes <= UINT32_MAX);
    struct dense dense = {.tiles = tile_count(state),
                          .sketches = list->sketch_count,
                          .tile_bytes = (uint32_t)tile_bytes,
                          .newest_us = tile_newest(tile_at(state, entity, list->end - 1))};
    dense_put(bytes->bytes + start, &dense);
    return bytes->length - start;
}

void encode_state(const struct state *state, const struct entity_plan *entity,
                  struct buffer *bytes) {
    if (state_is_empty(state))
        return;
    struct head head = {0};
    size_t start = bytes->length;
    buffer_reserve(bytes, HEAD_SIZE);
    bytes->length += HEAD_SIZE;
    size_t dense_size = tile_count(state) > 0 ? put_tile_list(state, entity, bytes) : 0;
    put_rows(state, entity, &head, bytes);
    check(bytes->length - start <= UINT32_MAX);
    head.dense_size = (uint32_t)dense_size;
    head_put(bytes->bytes + start, &head);
}
