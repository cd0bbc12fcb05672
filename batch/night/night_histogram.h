/* Where a feature's values of one day lie. Bins are fixed, so that days can be added up and those
 * of other nights compared: eight for each power of two on both sides of zero, from 2^-32 to 2^64,
 * one for zero, and one for absent. Texts fall into one of 64 bins by their hash, bools into two.
 * Counts are whole numbers: the same for any order of rows. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NIGHT_OCTAVES   96 /* of each sign: exponents -32 … 63 */
#define NIGHT_SIDE_BINS (NIGHT_OCTAVES * 8)
#define NIGHT_BINS      (2 * NIGHT_SIDE_BINS + 2) /* the last one: absent */

struct night_histogram {
    uint32_t counts[NIGHT_BINS];
};

/* In the order of values. */
size_t night_histogram_bin(struct value value);
void night_histogram_add(struct night_histogram *to, const struct night_histogram *from);
uint64_t night_histogram_total(const struct night_histogram *histogram);

/* Population stability of `now` against `before`, over the tenths of `before`. *ret_noise: what
 * chance alone gives on average. false: one of them has no rows. */
bool night_histogram_compare(const struct night_histogram *before,
                             const struct night_histogram *now, double *ret_index,
                             double *ret_noise);

/* Only bins that are not empty. */
void night_histogram_encode(const struct night_histogram *histogram, struct buffer *out);
/* Into zeros. A cursor that has failed: it is not from night_histogram_encode(). */
void night_histogram_decode(struct cursor *cursor, struct night_histogram *histogram);
