/* A state as bytes: made of a state in memory and the other way round. state.c documents the bytes.
 * Internal to core/feature. */
#pragma once

#include "core/base/error.h"
#include "entry_codec.h"
#include "sketch_tile.h"

#define HEAD_SIZE      27
#define DENSE_SIZE     20 /* what the collapsed part begins with */
#define TILE_HEAD_SIZE 20
/* In front of the transactions of a tile, which are never so few, where its totals say how many
 * were taken out. */
#define TILE_TAKEN_MARK 0

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
void head_put(uint8_t *bytes, const struct head *head);

/* Where everything is. */
struct parts {
    struct head head;
    struct dense dense;
    int64_t newest_us; /* of all entries */
    const uint8_t *tiles, *sketches, *run, *end;
};
/* Any bytes; false if the parts do not fit together. Looks into none of them. */
bool parts_find(const void *bytes, size_t length, struct parts *ret_parts);

/* Appends the encoding; of the empty state nothing. */
void encode_state(const struct state *state, const struct entity_plan *entity,
                  struct buffer *bytes);
/* Into an empty state. What is found to be no encoding: -1, and the state is to be cleared. Not all
 * is found: state_check(). */
int decode_state(const void *bytes, size_t length, const struct entity_plan *entity,
                 struct state *ret_state, struct error *ret_error);
/* The transactions of the tiles; of parts that were decoded before. */
uint64_t parts_tile_transactions(const struct parts *parts);
