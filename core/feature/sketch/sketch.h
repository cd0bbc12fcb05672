/* A sketch: the different values of one pool. The values themselves while they are few, else the
 * registers of a HyperLogLog; which of the two depends on nothing but how many there are. Adding
 * values and sketches in any order gives the same sketch. state.c documents the bytes.
 *
 * HyperLogLog: Flajolet et al. 2007. The estimator is the one of O. Ertl, "New cardinality
 * estimation algorithms for HyperLogLog sketches" (2017), section 4: no table, no bias for any
 * count. With 1,024 registers its standard error is 1.04 / √1024 = 3.25 %. Internal to
 * core/feature. */
#pragma once

#include "core/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

#define SKETCH_VALUES_MAX      64
#define SKETCH_REGISTERS       1024
#define SKETCH_REGISTERS_BYTES (SKETCH_REGISTERS * 6 / 8)

struct registers {
    uint8_t of[SKETCH_REGISTERS];
};

void registers_add(struct registers *registers, uint64_t value);
/* Would registers_add() change them? */
bool registers_would_change(const struct registers *registers, uint64_t value);
/* bytes: SKETCH_REGISTERS_BYTES, packed */
void registers_add_packed(struct registers *registers, const uint8_t *bytes);
/* How many different values were added, rounded. The same on every machine: additions,
 * multiplications, a division and square roots, all of which IEEE 754 defines to the last bit. */
int64_t registers_estimate(const struct registers *registers);

/* A sketch in memory: the values one by one, ascending, or packed registers. Zeroed is empty. */
struct sketch {
    union {
        uint64_t *values;
        uint8_t *packed; /* SKETCH_REGISTERS_BYTES */
    };
    uint8_t count;     /* of values; 0 where there are registers */
    bool is_estimated; /* only registers are left */
};

void sketch_deinit(struct sketch *sketch);
void sketch_add(struct sketch *sketch, uint64_t value);
/* Adds all of another one, which stays as it is. */
void sketch_add_all(struct sketch *sketch, const struct sketch *other);
size_t sketch_bytes(const struct sketch *sketch); /* memory beside the struct */

void sketch_encode(const struct sketch *sketch, struct buffer *bytes);
/* Into an empty sketch. Fails (cursor->failed) on bytes that are too short or that no
 * sketch_encode() writes. */
void sketch_decode(struct cursor *cursor, struct sketch *ret_sketch);
