/* The slow halves of reading.h: numbers of more than one byte, and counting repeated fields. A
 * varint has 7 bits of the number in each byte, the lowest first; the top bit of each but the last
 * is 1. */
#include "reading.h"

const uint8_t reading_nowhere[1];

/* Joins eight groups of 7 bits, one in each byte, to 56 bits: pairs, then quads, then halves. */
static uint64_t join_sevens(uint64_t x) {
    x = (x & UINT64_C(0x007f007f007f007f)) | (x & UINT64_C(0x7f007f007f007f00)) >> 1;
    x = (x & UINT64_C(0x00003fff00003fff)) | (x & UINT64_C(0x3fff00003fff0000)) >> 2;
    return (x & UINT64_C(0x000000000fffffff)) | (x & UINT64_C(0x0fffffff00000000)) >> 4;
}

struct long_varint reading_long_varint(const uint8_t *at, const uint8_t *end, unsigned bytes_max) {
    uint64_t value = 0;
    if (end - at >= 2 && at[1] < 0x80 && bytes_max >= 2) /* the first byte had its top bit set */
        return (struct long_varint){.value = (at[0] & 0x7f) | (uint64_t)at[1] << 7, .at = at + 2};
    if (end - at >= 8) { /* in one load, if it ends within 8 bytes: a time in µs has eight */
        uint64_t bytes = load_u64(at);
        uint64_t last = ~bytes & UINT64_C(0x8080808080808080);
        unsigned length = last ? (unsigned)__builtin_ctzll(last) / 8 + 1 : 9;
        if (length <= bytes_max && length <= 8) {
            bytes &= last ^ (last - 1);
            value = join_sevens(bytes & UINT64_C(0x7f7f7f7f7f7f7f7f));
            return (struct long_varint){.value = value, .at = at + length};
        }
    }
    for (unsigned shift = 0; shift < 7 * bytes_max && at < end; shift += 7) {
        uint8_t byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return (struct long_varint){.value = value, .at = at};
    }
    return (struct long_varint){0};
}

size_t reading_count(struct reading reading, uint32_t tag) {
    size_t count = 0;
    uint32_t last;
    do {
        take_message(&reading);
        count++;
        last = 0;
    } while (take_tag(&reading, &last) == tag);
    return count;
}
