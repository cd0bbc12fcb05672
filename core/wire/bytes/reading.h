/* A fast protobuf reader, straight from the bytes into our own structs. Internal to core/wire.
 *
 * It is for the messages that come with every transaction, and reads what our own writers and
 * protobuf's libraries write: fields in the order of their numbers, each at most once, numbers and
 * lengths in any form that is not too long. Nothing is copied. For everything else that protobuf
 * allows (another order, a field twice, fields of later versions), and for everything invalid,
 * is_other() is true, and the caller hands the whole message to the generated code. So there is one
 * judge of what a message is and what it says. */
#pragma once

#include "core/base/buffer.h"

/* A message being read. At reading_nowhere, with nothing left: it is not in the form that is read
 * here, and what was read of it means nothing. Two words, so that calls pass it in registers. */
struct reading {
    const uint8_t *at, *end;
};
extern const uint8_t reading_nowhere[1];

static inline struct reading reading_other(void) {
    return (struct reading){.at = reading_nowhere, .end = reading_nowhere};
}
static inline bool is_other(struct reading reading) {
    return reading.at == reading_nowhere;
}

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define TAG(number, type) ((number) << 3 | (type))

#define LENGTH_BYTES_MAX 4 /* bytes of a length: 2^28, far more than a message has */

static inline struct reading reading_of(const void *bytes, size_t length) {
    return (struct reading){.at = bytes, .end = (const uint8_t *)bytes + length};
}

/* Returned by value, so that the caller's reading stays in registers. at NULL: not a valid number.
 */
struct long_varint {
    uint64_t value;
    const uint8_t *at; /* the byte after it */
};
struct long_varint reading_long_varint(const uint8_t *at, const uint8_t *end, unsigned bytes_max);

static inline uint64_t take_varint(struct reading *reading, unsigned bytes_max) {
    if (__builtin_expect(reading->at < reading->end && *reading->at < 0x80, 1))
        return *reading->at++;
    struct long_varint number = reading_long_varint(reading->at, reading->end, bytes_max);
    if (number.at)
        reading->at = number.at;
    else
        *reading = reading_other();
    return number.value;
}

/* Takes the tag of the next field, one or two bytes; 0: the end of the message, or another form.
 * *last: the tag before it, 0 at first; tags must rise. */
static inline uint32_t take_tag(struct reading *reading, uint32_t *last) {
    if (reading->at == reading->end)
        return 0;
    uint32_t tag = *reading->at++;
    if (__builtin_expect(tag >= 0x80, 0)) {
        uint32_t second = reading->at < reading->end ? *reading->at++ : 0;
        tag = second > 0 && second < 0x80 ? (tag & 0x7f) | second << 7 : 0;
    }
    if (__builtin_expect(tag <= *last, 0)) {
        *reading = reading_other();
        return 0;
    }
    *last = tag;
    return tag;
}

static inline uint64_t take_u64(struct reading *reading) {
    return take_varint(reading, BUFFER_VARINT_MAX);
}

static inline int64_t take_integer(struct reading *reading) {
    return (int64_t)take_u64(reading);
}

/* Only the low bits of a longer number count, as in every protobuf reader. */
static inline uint32_t take_u32(struct reading *reading) {
    return (uint32_t)take_u64(reading);
}

static inline bool take_flag(struct reading *reading) {
    return take_varint(reading, 1) != 0;
}

static inline int64_t take_zigzag64(struct reading *reading) {
    return unzigzag(take_u64(reading));
}

static inline int32_t take_zigzag32(struct reading *reading) {
    uint32_t value = take_u32(reading);
    return (int32_t)(value >> 1 ^ -(value & 1));
}

static inline uint64_t take_fixed64(struct reading *reading) {
    if (reading->end - reading->at < 8) {
        *reading = reading_other();
        return 0;
    }
    uint64_t value = load_u64(reading->at);
    reading->at += 8;
    return value;
}

static inline double take_double(struct reading *reading) {
    uint64_t bits = take_fixed64(reading);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline struct reading take_message(struct reading *reading) {
    uint64_t length = take_varint(reading, LENGTH_BYTES_MAX);
    if (__builtin_expect(length > (uint64_t)(reading->end - reading->at), 0))
        return *reading = reading_other();
    const uint8_t *at = reading->at;
    reading->at += length;
    return (struct reading){.at = at, .end = reading->at};
}

/* An empty text has data NULL, like an absent one. */
static inline struct text take_text(struct reading *reading) {
    struct reading bytes = take_message(reading);
    size_t length = (size_t)(bytes.end - bytes.at);
    return (struct text){.data = length ? (const char *)bytes.at : NULL, .length = length};
}

/* The number of consecutive fields with this tag, the first of which was already taken. By value:
 * the caller's reading does not move. */
size_t reading_count(struct reading reading, uint32_t tag);

static inline void take_tag_again(struct reading *reading, uint32_t tag) {
    uint32_t last = 0;
    if (take_tag(reading, &last) != tag)
        *reading = reading_other();
}

/* Was the message read to its end, in the form that is read here? */
static inline bool is_whole(struct reading reading) {
    return reading.at == reading.end && !is_other(reading);
}
