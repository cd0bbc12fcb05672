#include "tile.h"

#include "../base/check.h"

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
    uint64_t size = load_u32(tiles->at + 16);
    if (size > left - TILE_HEAD_SIZE)
        return false;
    ret_tile->start = tiles->at;
    ret_tile->oldest_us = (int64_t)load_u64(tiles->at);
    ret_tile->newest_us = (int64_t)load_u64(tiles->at + 8);
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
    store_u64(at, (uint64_t)oldest_us);
    store_u64(at + 8, (uint64_t)newest_us);
    store_u32(at + 16, (uint32_t)body_size);
}
