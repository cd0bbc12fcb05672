/* Range partitioning of a table's keys: consecutive ranges, each of which can be folded on its own
 * and written as soon as the ranges before it are written.
 *
 * Nearly all keys of a table begin alike ("c_" for cards), so a common prefix is taken from a
 * sample of the keys. The first range holds the keys that sort before the prefix, the last range
 * those that sort behind it; keys of the ranges between are stored without the prefix. The range of
 * such a key follows from the eight bytes behind the prefix, as a big-endian number. The cuts come
 * from the sample as well: a bad sample makes ranges of uneven size, but never a wrong result. */
#pragma once

#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

#define RANGES_PREFIX_MAX 512
#define RANGES_MAX        16384

struct ranges {
    char prefix[RANGES_PREFIX_MAX];
    size_t prefix_length;              /* 0: there is no range before nor behind the others */
    uint64_t prefix_bits, prefix_mask; /* its first eight bytes, as memory has them */
    uint64_t *cuts; /* [i]: where the range i + 1 of the prefix begins; ascending, then one more */
    size_t cut_count;
    uint16_t *first; /* [a number's upper 16 bits]: how many cuts lie before all such numbers */
    size_t count;    /* of ranges: all of them */
};

/* Cuts the space of all keys by a sample of them: into at most `wanted` ranges, and the two outer
 * ones. wanted < 2: one range of everything. */
void ranges_init(struct ranges *ranges, const struct text *sample, size_t sample_count,
                 size_t wanted);
/* The ranges of another process: from its prefix and cuts, which are ascending. */
void ranges_restore(struct ranges *ranges, struct text prefix, const uint64_t *cuts,
                    size_t cut_count);
void ranges_deinit(struct ranges *ranges);

/* Eight bytes of the key as a big-endian number; those it does not have are zero. */
static inline uint64_t ranges_number_at(struct text key, size_t from) {
    uint64_t number = 0;
    if (key.length >= from + 8) {
        memcpy(&number, key.data + from, 8);
        return __builtin_bswap64(number);
    }
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | (from + i < key.length ? (uint8_t)key.data[from + i] : 0);
    return number;
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ranges_number_at() swaps bytes");

/* ret_rest: the key without what all keys of its range begin with. */
size_t ranges_find(const struct ranges *ranges, struct text key, struct text *ret_rest);

/* What all keys of the range begin with. */
static inline struct text ranges_prefix(const struct ranges *ranges, size_t range) {
    bool is_outer = ranges->prefix_length > 0 && (range == 0 || range == ranges->count - 1);
    return (struct text){.data = ranges->prefix, .length = is_outer ? 0 : ranges->prefix_length};
}

/* The least key that the range could have: where to begin reading a sorted table. */
struct text ranges_begin(const struct ranges *ranges, size_t range,
                         char ret_key[RANGES_PREFIX_MAX + 8]);

/* The space of 64-bit hashes, as big-endian keys, in `count` equal ranges. */
static inline size_t ranges_find_hash(size_t count, uint64_t hash) {
    return (size_t)(((unsigned __int128)hash * count) >> 64);
}
/* The least hash of the range. */
static inline uint64_t ranges_hash_begin(size_t count, size_t range) {
    return (uint64_t)((((unsigned __int128)range << 64) + count - 1) / count);
}
