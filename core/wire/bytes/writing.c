/* The slow halves of writing.h: reserving, moving into place, and numbers of more than one byte. */
#include "writing.h"

struct writing writing_begin(struct buffer *buffer, size_t room) {
    uint8_t *start = buffer_reserve(buffer, room);
    return (struct writing){.buffer = buffer, .start = start, .end = start + room};
}

void writing_finish(struct writing *writing, const uint8_t *at) {
    check(at >= writing->start);
    size_t length = (size_t)(writing->end - at);
    memmove(writing->start, at, length);
    writing->buffer->length += length;
}

/* Spreads up to 56 bits over eight bytes, 7 in each: the reverse of join_sevens() in reading.c. */
static uint64_t split_sevens(uint64_t x) {
    x = (x & UINT64_C(0x000000000fffffff)) | (x & UINT64_C(0x00fffffff0000000)) << 4;
    x = (x & UINT64_C(0x00003fff00003fff)) | (x & UINT64_C(0x0fffc0000fffc000)) << 2;
    return (x & UINT64_C(0x007f007f007f007f)) | (x & UINT64_C(0x3f803f803f803f80)) << 1;
}

uint8_t *writing_long_varint(uint8_t *at, uint64_t value) {
    if (value < 0x4000) {
        store_u16(at - 2, (uint16_t)((value & 0x7f) | 0x80 | value >> 7 << 8));
        return at - 2;
    }
    unsigned bits = 64u - (unsigned)__builtin_clzll(value);
    unsigned length = (9 * bits + 64) / 64; /* bits / 7, rounded up */
    if (length > 8) {
        at -= length;
        varint_put(at, value);
        return at;
    }
    /* In one store of 8 bytes, whose first ones are zeros that the next field overwrites: a time
     * has eight. */
    uint64_t more = UINT64_C(0x8080808080808080) >> 8 * (9 - length);
    store_u64(at - 8, (split_sevens(value) | more) << 8 * (8 - length));
    return at - length;
}
