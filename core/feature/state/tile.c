#include "tile.h"

#include "core/base/check.h"

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
