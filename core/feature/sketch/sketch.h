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
bool registers_would_change(const struct registers *registers, uint64_t value);
/* bytes: SKETCH_REGISTERS_BYTES, packed */
void registers_add_packed(struct registers *registers, const uint8_t *bytes);
/* How many different values were added, rounded. The same on every machine: additions,
 * multiplications, a division and square roots, all of which IEEE 754 defines to the last bit. */
int64_t registers_estimate(const struct registers *registers);

struct sketch {
    bool is_exact;
    uint32_t count; /* is_exact: of values, which ascend */
    uint64_t values[SKETCH_VALUES_MAX + 1];
    struct registers registers; /* !is_exact */
};

void sketch_clear(struct sketch *sketch);
void sketch_add(struct sketch *sketch, uint64_t value);
void sketch_encode(const struct sketch *sketch, struct buffer *bytes);

/* An encoded sketch, where it lies. */
struct sketch_view {
    const uint8_t *bytes; /* of values, 8 bytes each, or of registers */
    uint32_t count;       /* of values; is_exact */
    bool is_exact;
};

/* Fails (cursor->failed) on bytes that are too short. What is inside, sketch_view_is_sound() sees:
 * whether sketch_encode() could have written it. */
struct sketch_view sketch_take(struct cursor *cursor);
bool sketch_view_is_sound(const struct sketch_view *view);
uint64_t sketch_view_value(const struct sketch_view *view, size_t i);
bool sketch_view_holds(const struct sketch_view *view, uint64_t value); /* is_exact */
void sketch_add_view(struct sketch *sketch, const struct sketch_view *view);

/* Adds a value to a view's registers where they lie. Returns whether it changed them. */
bool sketch_add_in_place(uint8_t *packed, uint64_t value);
