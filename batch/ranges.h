/* Ranges: the keys of a table, cut into pieces that follow each other, so that each can be folded
 * by itself and written as soon as those before it are.
 *
 * A range is found by eight bytes of the key: those behind what all sampled keys begin with, as a
 * big-endian number. Where the cuts lie follows from a sample; a bad one makes ranges of uneven
 * size, never wrong ones. */
#pragma once

#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

#define RANGES_PREFIX_MAX 512

struct ranges {
    char prefix[RANGES_PREFIX_MAX];
    size_t prefix_length;
    uint64_t *cuts; /* [i]: where range i + 1 begins; ascending */
    size_t count;   /* of ranges: one more than cuts */
};

/* Cuts the space of all keys into at most `wanted` ranges by a sample of them. */
void ranges_init(struct ranges *ranges, const struct text *sample, size_t sample_count,
                 size_t wanted);
/* Cuts the space of 64-bit hashes, as big-endian keys, into equal ranges. */
void ranges_init_hashes(struct ranges *ranges, size_t wanted);
void ranges_deinit(struct ranges *ranges);

/* What all sampled keys begin with. */
static inline struct text ranges_prefix(const struct ranges *ranges) {
    return (struct text){.data = ranges->prefix, .length = ranges->prefix_length};
}

size_t ranges_find(const struct ranges *ranges, struct text key);
size_t ranges_find_hash(const struct ranges *ranges, uint64_t hash);
/* Eight bytes of the key as a big-endian number; those it does not have are zero. */
uint64_t ranges_number_at(struct text key, size_t from);
/* A key that is not behind the first one of the range: where to begin reading a sorted table. */
struct text ranges_begin(const struct ranges *ranges, size_t range,
                         char ret_key[RANGES_PREFIX_MAX + 8]);
