#include "partition.h"

#include "core/base/check.h"

/* The greatest level that is not wider than this; 0 if none is. */
static unsigned level_within(uint64_t width_us) {
    return width_us <= 1 ? 0 : 63u - (unsigned)__builtin_clzll(width_us);
}

struct partition partition_of(const struct span *spans, size_t count, uint64_t fraction,
                              uint64_t lateness_us) {
    struct partition partition = {.least = 63};
    for (size_t i = 0; i < count; i++) {
        unsigned level = level_within((spans[i].end_us - spans[i].delay_us) / fraction);
        partition.least = level < partition.least ? level : partition.least;
        partition.most = level > partition.most ? level : partition.most;
    }
    for (unsigned level = 0; level < 64; level++) {
        uint64_t begin_us = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t window_us = spans[i].end_us - spans[i].delay_us;
            if ((UINT64_C(1) << level) > window_us / fraction && spans[i].end_us > begin_us)
                begin_us = spans[i].end_us;
        }
        partition.begin_us[level] = begin_us == 0 ? 0 : begin_us + lateness_us;
    }
    return partition;
}

struct tile_extent partition_tile(const struct partition *partition, int64_t time_us,
                                  int64_t newest_us) {
    for (unsigned level = partition->most; level > partition->least; level--) {
        struct tile_extent tile = tile_extent_of(time_us, level);
        if (is_behind(tile.last_us, newest_us, partition->begin_us[level]))
            return tile;
    }
    return tile_extent_of(time_us, partition->least);
}

/* Of the narrowest tile that holds both; 64: none does. */
static unsigned common_level(int64_t a_us, int64_t b_us) {
    uint64_t differs = (uint64_t)a_us ^ (uint64_t)b_us;
    return differs == 0 ? 0 : 64u - (unsigned)__builtin_clzll(differs);
}

struct tile_extent tile_extent_common(int64_t a_us, int64_t b_us) {
    unsigned level = common_level(a_us, b_us);
    check(level < 64);
    return tile_extent_of(a_us, level);
}

int64_t partition_meeting(const struct partition *partition, int64_t a_us, int64_t b_us) {
    unsigned level = common_level(a_us, b_us);
    if (level > partition->most)
        return INT64_MAX;
    if (level <= partition->least)
        return INT64_MIN;
    return time_plus(tile_extent_of(a_us, level).last_us, partition->begin_us[level]);
}

int64_t time_before(int64_t time_us, uint64_t distance_us) {
    uint64_t left = (uint64_t)time_us - (uint64_t)INT64_MIN;
    return distance_us > left ? INT64_MIN : (int64_t)((uint64_t)time_us - distance_us);
}
