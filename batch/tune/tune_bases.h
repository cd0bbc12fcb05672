/* Bases (struct tune_base) of one problem, each different one once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tune_bases {
    size_t size; /* of one, set by the caller; all else 0 */
    uint8_t *bases;
    uint32_t count, capacity;
    uint32_t *index; /* open addressing: 0 is empty, i + 1 is bases[i] */
    size_t index_size;
};

/* The index of the base with these bytes, which is added if it is new. */
uint32_t tune_bases_put(struct tune_bases *bases, const void *base);
void tune_bases_deinit(struct tune_bases *bases);
