/* Growable bytes, and the variable-length integers of our own formats (LEB128, zigzag for signed
 * ones, as in Protocol Buffers). Growing never fails: out of memory ends the process (check.h). */
#pragma once

#include "text.h"

#include <endian.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
};

#define BUFFER_VARINT_MAX 10 /* bytes of the longest varint */

/* Little-endian numbers in memory, one access each. */
static inline uint16_t load_u16(const uint8_t *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return le16toh(value);
}
static inline uint32_t load_u32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return le32toh(value);
}
static inline uint64_t load_u64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return le64toh(value);
}
static inline void store_u16(uint8_t *at, uint16_t value) {
    value = htole16(value);
    memcpy(at, &value, sizeof value);
}
static inline void store_u32(uint8_t *at, uint32_t value) {
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}
static inline void store_u64(uint8_t *at, uint64_t value) {
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

void buffer_init(struct buffer *buffer);
void buffer_deinit(struct buffer *buffer);
static inline void buffer_clear(struct buffer *buffer) {
    buffer->length = 0;
}
/* All of its bytes; valid until the next call that changes the buffer. */
/* Removes so many bytes from the front; the others move there. */
void buffer_drop(struct buffer *buffer, size_t size);
static inline struct text buffer_text(const struct buffer *buffer) {
    return (struct text){.data = (const char *)buffer->bytes, .length = buffer->length};
}

/* Ensures room for size more bytes and returns where they go. buffer->length does not change. The
 * pointer is valid until the next call that grows the buffer. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_append(struct buffer *buffer, const void *bytes, size_t size);
void buffer_append_string(struct buffer *buffer, const char *string); /* without its NUL */
void buffer_append_u8(struct buffer *buffer, uint8_t value);
void buffer_append_u32(struct buffer *buffer, uint32_t value); /* little-endian */
void buffer_append_u64(struct buffer *buffer, uint64_t value); /* little-endian */
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_append_varint(struct buffer *buffer, uint64_t value);
void buffer_append_zigzag(struct buffer *buffer, int64_t value);

/* Reading: a cursor that never passes its end. A failed read sets `failed` and returns 0, so it is
 * checked once after a run of reads. Varints longer than needed fail: each number has one encoding.
 */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct cursor cursor_of(const void *bytes, size_t length) {
    return (struct cursor){.at = bytes, .end = (const uint8_t *)bytes + length, .failed = false};
}
static inline size_t cursor_left(const struct cursor *c) {
    return (size_t)(c->end - c->at);
}
uint8_t cursor_u8(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
uint64_t cursor_varint(struct cursor *cursor);
int64_t cursor_zigzag(struct cursor *cursor);
/* length bytes inside the cursor's memory; .data NULL on failure */
struct text cursor_text(struct cursor *cursor, size_t length);

/* Size of value as a varint, 1…10 bytes, and writing it to memory that has that much room. */
size_t varint_size(uint64_t value);
uint8_t *varint_put(uint8_t *at, uint64_t value); /* returns the byte behind */
static inline uint64_t zigzag(int64_t value) {
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}
static inline int64_t unzigzag(uint64_t value) {
    return (int64_t)((value >> 1) ^ (~(value & 1) + 1));
}
