#include "tile.h"

#include "../base/check.h"

static uint64_t get_little_endian(const uint8_t *at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static uint8_t *put_little_endian(uint8_t *at, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

struct head head_get(const uint8_t *bytes) {
    return (struct head){
        .last_size = (uint16_t)get_little_endian(bytes + 1, 2),
        .entries = (uint32_t)get_little_endian(bytes + 3, 4),
        .dense_size = (uint32_t)get_little_endian(bytes + 7, 4),
        .first_us = (int64_t)get_little_endian(bytes + 11, 8),
        .last_us = (int64_t)get_little_endian(bytes + 19, 8),
    };
}

void head_put(uint8_t *bytes, const struct head *head) {
    *bytes++ = STATE_ENCODING_VERSION;
    bytes = put_little_endian(bytes, head->last_size, 2);
    bytes = put_little_endian(bytes, head->entries, 4);
    bytes = put_little_endian(bytes, head->dense_size, 4);
    bytes = put_little_endian(bytes, (uint64_t)head->first_us, 8);
    put_little_endian(bytes, (uint64_t)head->last_us, 8);
}

static struct dense dense_get(const uint8_t *bytes) {
    return (struct dense){
        .tiles = (uint32_t)get_little_endian(bytes, 4),
        .sketches = (uint32_t)get_little_endian(bytes + 4, 4),
        .tile_bytes = (uint32_t)get_little_endian(bytes + 8, 4),
        .newest_us = (int64_t)get_little_endian(bytes + 12, 8),
    };
}

void dense_put(uint8_t *bytes, const struct dense *dense) {
    bytes = put_little_endian(bytes, dense->tiles, 4);
    bytes = put_little_endian(bytes, dense->sketches, 4);
    bytes = put_little_endian(bytes, dense->tile_bytes, 4);
    put_little_endian(bytes, (uint64_t)dense->newest_us, 8);
}

bool parts_find(const void *bytes, size_t length, struct parts *ret_parts) {
    if (length < HEAD_SIZE)
        return false;
    const uint8_t *at = bytes;
    struct parts parts = {.head = head_get(at), .dense = {0}, .end = at + length};
    at += HEAD_SIZE;
    if (parts.head.dense_size > length - HEAD_SIZE)
        return false;
    parts.run = at + parts.head.dense_size;
    parts.tiles = parts.sketches = parts.run;
    parts.newest_us = parts.head.last_us;
    if (parts.head.dense_size > 0) {
        if (parts.head.dense_size < DENSE_SIZE)
            return false;
        parts.dense = dense_get(at);
        if (parts.dense.tile_bytes > parts.head.dense_size - DENSE_SIZE)
            return false;
        parts.tiles = at + DENSE_SIZE;
        parts.sketches = parts.tiles + parts.dense.tile_bytes;
        if (parts.head.entries == 0 || parts.dense.newest_us > parts.newest_us)
            parts.newest_us = parts.dense.newest_us;
    }
    *ret_parts = parts;
    return true;
}

struct parts parts_of(const void *bytes, size_t length) {
    struct parts parts;
    check(length >= HEAD_SIZE && *(const uint8_t *)bytes == STATE_ENCODING_VERSION);
    check(parts_find(bytes, length, &parts));
    return parts;
}

struct run parts_run(const struct parts *parts, const struct entity_plan *entity) {
    return run_open(parts->run, (size_t)(parts->end - parts->run), entity, parts->head.first_us);
}

struct tiles parts_tiles(const struct parts *parts) {
    return (struct tiles){.at = parts->tiles, .end = parts->sketches};
}

struct tiles parts_sketches(const struct parts *parts) {
    return (struct tiles){.at = parts->sketches, .end = parts->run};
}

bool tiles_next(struct tiles *tiles, struct tile *ret_tile) {
    size_t left = (size_t)(tiles->end - tiles->at);
    if (left < TILE_HEAD_SIZE)
        return false;
    uint64_t size = get_little_endian(tiles->at + 16, 4);
    if (size > left - TILE_HEAD_SIZE)
        return false;
    ret_tile->start = tiles->at;
    ret_tile->oldest_us = (int64_t)get_little_endian(tiles->at, 8);
    ret_tile->newest_us = (int64_t)get_little_endian(tiles->at + 8, 8);
    ret_tile->body = cursor_of(tiles->at + TILE_HEAD_SIZE, size);
    tiles->at += TILE_HEAD_SIZE + size;
    return true;
}

int64_t parts_oldest(const struct parts *parts) {
    struct tiles tiles = parts_tiles(parts);
    struct tile tile;
    bool has_tile = tiles_next(&tiles, &tile);
    return has_tile && (parts->head.entries == 0 || tile.oldest_us < parts->head.first_us)
               ? tile.oldest_us
               : parts->head.first_us;
}

void tile_head_put(uint8_t *at, int64_t oldest_us, int64_t newest_us, size_t body_size) {
    check(body_size <= UINT32_MAX);
    at = put_little_endian(at, (uint64_t)oldest_us, 8);
    at = put_little_endian(at, (uint64_t)newest_us, 8);
    put_little_endian(at, body_size, 4);
}
