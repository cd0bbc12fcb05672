/* The parts of a state's bytes: head, collapsed tiles, sketches and the run of raw entries. state.c
 * documents the bytes. Internal to core/feature. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/feature/plan/plan.h"
#include "core/feature/sketch/sketch.h"
#include "run.h"

/* A tile that holds more transactions than this is collapsed. Enough that people stay exact: nobody
 * in the Fraud Detection Handbook pays more than 11 times within the widest tile of a 30-day
 * window. */
#define TILE_RAW_MAX 16

#define HEAD_SIZE      27
#define DENSE_SIZE     20 /* what the collapsed part begins with */
#define TILE_HEAD_SIZE 20

struct head {
    uint16_t last_size;        /* bytes of the last raw entry; 0: there is none */
    uint32_t entries;          /* raw ones */
    uint32_t dense_size;       /* bytes of the collapsed part; 0: there is none */
    int64_t first_us, last_us; /* of the raw entries; 0: there are none */
};

struct dense {
    uint32_t tiles, sketches;
    uint32_t tile_bytes;
    int64_t newest_us; /* of the last tile */
};

/* Where everything is. */
struct parts {
    struct head head;
    struct dense dense;
    int64_t newest_us; /* of all entries */
    const uint8_t *tiles, *sketches, *run, *end;
};

static inline struct head head_get(const uint8_t *bytes) {
    return (struct head){
        .last_size = load_u16(bytes + 1),
        .entries = load_u32(bytes + 3),
        .dense_size = load_u32(bytes + 7),
        .first_us = (int64_t)load_u64(bytes + 11),
        .last_us = (int64_t)load_u64(bytes + 19),
    };
}

static inline void head_put(uint8_t *bytes, const struct head *head) {
    bytes[0] = STATE_ENCODING_VERSION;
    store_u16(bytes + 1, head->last_size);
    store_u32(bytes + 3, head->entries);
    store_u32(bytes + 7, head->dense_size);
    store_u64(bytes + 11, (uint64_t)head->first_us);
    store_u64(bytes + 19, (uint64_t)head->last_us);
}

static inline struct dense dense_get(const uint8_t *bytes) {
    return (struct dense){
        .tiles = load_u32(bytes),
        .sketches = load_u32(bytes + 4),
        .tile_bytes = load_u32(bytes + 8),
        .newest_us = (int64_t)load_u64(bytes + 12),
    };
}

static inline void dense_put(uint8_t *bytes, const struct dense *dense) {
    store_u32(bytes, dense->tiles);
    store_u32(bytes + 4, dense->sketches);
    store_u32(bytes + 8, dense->tile_bytes);
    store_u64(bytes + 12, (uint64_t)dense->newest_us);
}

/* Any bytes, not empty; false if the parts do not fit together. Looks into none of them. */
static inline bool parts_find(const void *bytes, size_t length, struct parts *ret_parts) {
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

/* Bytes that were checked before, not empty; what else they are is a defect of ours. */
static inline struct parts parts_of(const void *bytes, size_t length) {
    struct parts parts;
    check(length >= HEAD_SIZE && *(const uint8_t *)bytes == STATE_ENCODING_VERSION);
    check(parts_find(bytes, length, &parts));
    return parts;
}

/* Of all entries; those of a tile are as old as its oldest. */
int64_t parts_oldest(const struct parts *parts);

/* The time the run's first entry is counted from is the head's first_us. */
static inline struct run parts_run(const struct parts *parts, const struct entity_plan *entity) {
    return run_open(parts->run, (size_t)(parts->end - parts->run), entity, parts->head.first_us);
}

/* A collapsed tile, or a sketch tile, where it lies. Bodies are documented in state.c. */
struct tile {
    const uint8_t *start;
    int64_t oldest_us, newest_us;
    struct cursor body;
};

/* A reader of one kind of them. */
struct tiles {
    const uint8_t *at, *end;
};
static inline struct tiles parts_tiles(const struct parts *parts) {
    return (struct tiles){.at = parts->tiles, .end = parts->sketches};
}
static inline struct tiles parts_sketches(const struct parts *parts) {
    return (struct tiles){.at = parts->sketches, .end = parts->run};
}
/* The next; false at the end, or where the bytes end in the middle of one. */
static inline bool tiles_next(struct tiles *tiles, struct tile *ret_tile) {
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
/* To memory that has TILE_HEAD_SIZE bytes. */
void tile_head_put(uint8_t *at, int64_t oldest_us, int64_t newest_us, size_t body_size);
