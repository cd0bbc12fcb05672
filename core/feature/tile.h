/* The parts of a state's bytes: head, collapsed tiles, sketches and the run of raw entries. state.c
 * documents the bytes. Internal to core/feature. */
#pragma once

#include "../base/buffer.h"
#include "plan.h"
#include "run.h"
#include "sketch.h"

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

/* Bytes that were checked before, not empty; what else they are is a defect of ours. */
struct parts parts_of(const void *bytes, size_t length);
/* Any bytes, not empty; false if the parts do not fit together. Looks into none of them. */
bool parts_find(const void *bytes, size_t length, struct parts *ret_parts);

struct head head_get(const uint8_t *bytes);
void head_put(uint8_t *bytes, const struct head *head);
void dense_put(uint8_t *bytes, const struct dense *dense);

/* Of all entries; those of a tile are as old as its oldest. */
int64_t parts_oldest(const struct parts *parts);

/* The time the run's first entry is counted from is the head's first_us. */
struct run parts_run(const struct parts *parts, const struct entity_plan *entity);

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
struct tiles parts_tiles(const struct parts *parts);
struct tiles parts_sketches(const struct parts *parts);
/* The next; false at the end, or where the bytes end in the middle of one. */
bool tiles_next(struct tiles *tiles, struct tile *ret_tile);
/* To memory that has TILE_HEAD_SIZE bytes. */
void tile_head_put(uint8_t *at, int64_t oldest_us, int64_t newest_us, size_t body_size);
