/* A fast protobuf writer, straight from our own structs, from the end to the beginning. Internal to
 * core/wire.
 *
 * A nested message has its length before it, which is known only once it is written; written
 * backwards, nothing has to be measured first. `at` is the start of what was written so far: each
 * function puts its bytes before it and returns the new start. Fields are written in falling order
 * of their numbers, so that the bytes are those of protobuf's own writers; fields with their
 * default value are left out.
 *
 * The caller reserves the room: FIELD_ROOM for each field and message, and the lengths of the texts
 * (writing_begin()). */
#pragma once

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "reading.h" /* TAG and enum wire_type */

#define FIELD_ROOM 12u /* a tag and the longest number */

struct writing {
    struct buffer *buffer;
    uint8_t *start, *end; /* the room */
};

/* Reserves room after the buffer's content. Start writing at .end. */
struct writing writing_begin(struct buffer *buffer, size_t room);
/* Moves what was written, which starts at `at`, to the start of the room and adds it to the buffer.
 */
void writing_finish(struct writing *writing, const uint8_t *at);

/* A number of two bytes or more. */
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

/* Also if it is the default: for members of a oneof, and for items of a repeated field. */
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
/* The tag and the length that come before bytes of this length. */
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
    text_put(at, text);
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

/* Puts the tag and length of the message that was written between `at` and `end`. */
static inline uint8_t *put_message(uint8_t *at, uint32_t number, const uint8_t *end) {
    return put_length(at, number, (uint64_t)(end - at));
}
