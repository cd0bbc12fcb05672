#include "tune_bases.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 32 /* a power of two, as the index's size is then */

static const uint8_t *base_at(const struct tune_bases *bases, uint32_t index) {
    return bases->bases + index * bases->size;
}

/* Where it is in the index, or where it would go. */
static size_t find(const struct tune_bases *bases, const void *base) {
    size_t place = hash64(base, bases->size, 0) & (bases->index_size - 1);
    while (bases->index[place] != 0 &&
           memcmp(base_at(bases, bases->index[place] - 1), base, bases->size) != 0)
        place = (place + 1) & (bases->index_size - 1);
    return place;
}

static void grow(struct tune_bases *bases) {
    bases->capacity = bases->capacity ? 2 * bases->capacity : FIRST_CAPACITY;
    bases->bases = check_reallocarray(bases->bases, bases->capacity, bases->size);
    bases->index_size = 2 * (size_t)bases->capacity;
    free(bases->index);
    bases->index = check_calloc(bases->index_size, sizeof *bases->index);
    for (uint32_t i = 0; i < bases->count; i++)
        bases->index[find(bases, base_at(bases, i))] = i + 1;
}

uint32_t tune_bases_put(struct tune_bases *bases, const void *base) {
    if (bases->count == bases->capacity)
        grow(bases);
    size_t place = find(bases, base);
    if (bases->index[place] == 0) {
        memcpy(bases->bases + bases->count * bases->size, base, bases->size);
        bases->index[place] = ++bases->count;
    }
    return bases->index[place] - 1;
}

void tune_bases_deinit(struct tune_bases *bases) {
    free(bases->bases);
    free(bases->index);
    *bases = (struct tune_bases){0};
}
