/* Protobuf written straight from our own structs, from its end to its beginning. Internal to
 * core/wire.
 *
 * A message inside of another one has its length before it, and that is known once the message is
 * written: so nothing is measured first. `at` is where what was written so far begins; what is put
 * ends there, and its own beginning is returned. Fields are put in falling order of their numbers,
 * which makes the bytes those of protobuf's own writers; defaults are left out.
 *
 * Whoever writes has made room: FIELD_ROOM for each field and message, and the lengths of the texts
 * (writing_begin()). */
#pragma once

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "reading.h" /* TAG and enum wire_type */

#define FIELD_ROOM 12u /* a tag and the longest number */

struct writing {
    struct buffer *buffer;
    uint8_t *start, *end; /* the room */
};

/* Behind what the buffer holds. */
struct writing writing_begin(struct buffer *buffer, size_t room);
/* All is written and begins at `at`: the buffer has it. */
void writing_finish(struct writing *writing, const uint8_t *at);

/* Short ones without a call: most texts are. */
static inline void writing_copy(uint8_t *to, const char *from, size_t length) {
    if (length > 16) {
        memcpy(to, from, length);
    } else if (length >= 8) {
        memcpy(to, from, 8);
        memcpy(to + length - 8, from + length - 8, 8);
    } else if (length >= 4) {
        memcpy(to, from, 4);
        memcpy(to + length - 4, from + length - 4, 4);
    } else if (length > 0) {
        to[0] = (uint8_t)from[0];
        to[length / 2] = (uint8_t)from[length / 2];
        to[length - 1] = (uint8_t)from[length - 1];
    }
}

/* Of two bytes and more. */
uint8_t *writing_long_varint(uint8_t *at, uint64_t value);

static inline uint8_t *put_varint(uint8_t *at, uint64_t value) {
    if (__builtin_expect(value >= 0x80, 0))
        return writing_long_varint(at, value);
    *--at = (uint8_t)value;
    return at;
}

static inline uint8_t *put_tag(uint8_t *at, uint32_t tag) {
    if (tag >= 0x80) {
        *--at = (uint8_t)(tag >> 7);
        tag = (tag & 0x7f) | 0x80;
    }
    *--at = (uint8_t)tag;
    return at;
}

/* Even when it is the default: in a oneof, and one of several. */
static inline uint8_t *put_any_number(uint8_t *at, uint32_t number, uint64_t value) {
    return put_tag(put_varint(at, value), TAG(number, WIRE_VARINT));
}
static inline uint8_t *put_any_fixed64(uint8_t *at, uint32_t number, uint64_t value) {
    at -= 8;
    store_u64(at, value);
    return put_tag(at, TAG(number, WIRE_FIXED64));
}
static inline uint8_t *put_any_double(uint8_t *at, uint32_t number, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_any_fixed64(at, number, bits);
}
/* What comes before bytes of that length. */
static inline uint8_t *put_length(uint8_t *at, uint32_t number, uint64_t length) {
    uint32_t tag = TAG(number, WIRE_BYTES);
    if (__builtin_expect(length >= 0x80 || tag >= 0x80, 0))
        return put_tag(put_varint(at, length), tag);
    at -= 2;
    store_u16(at, (uint16_t)(tag | length << 8));
    return at;
}
static inline uint8_t *put_any_text(uint8_t *at, uint32_t number, struct text text) {
    at -= text.length;
    writing_copy(at, text.data, text.length);
    return put_length(at, number, text.length);
}

static inline uint8_t *put_number(uint8_t *at, uint32_t number, uint64_t value) {
    return value ? put_any_number(at, number, value) : at;
}
static inline uint8_t *put_integer(uint8_t *at, uint32_t number, int64_t value) {
    return put_number(at, number, (uint64_t)value);
}
/* sint32 and sint64 */
static inline uint8_t *put_zigzag(uint8_t *at, uint32_t number, int64_t value) {
    return put_number(at, number, zigzag(value));
}
static inline uint8_t *put_fixed64(uint8_t *at, uint32_t number, uint64_t value) {
    return value ? put_any_fixed64(at, number, value) : at;
}
static inline uint8_t *put_text(uint8_t *at, uint32_t number, struct text text) {
    return text.length ? put_any_text(at, number, text) : at;
}

/* The message between `at` and `end` is written: what comes before it. */
static inline uint8_t *put_message(uint8_t *at, uint32_t number, const uint8_t *end) {
    return put_length(at, number, (uint64_t)(end - at));
}
