/* Capacity doubles, so appending is amortised constant time. Nothing is zeroed. */
#include "buffer.h"

#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *buffer) {
    *buffer = (struct buffer){0};
}

void buffer_deinit(struct buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t size) {
    size_t needed;
    check(!__builtin_add_overflow(buffer->length, size, &needed));
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : 64;
        while (capacity < needed)
            check(!__builtin_mul_overflow(capacity, 2, &capacity));
        buffer->bytes = check_realloc(buffer->bytes, capacity);
        buffer->capacity = capacity;
    }
    return buffer->bytes + buffer->length;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t size) {
    if (size == 0)
        return;
    memcpy(buffer_reserve(buffer, size), bytes, size);
    buffer->length += size;
}

void buffer_drop(struct buffer *buffer, size_t size) {
    check(size <= buffer->length);
    buffer->length -= size;
    if (buffer->length > 0)
        memmove(buffer->bytes, buffer->bytes + size, buffer->length);
}

void buffer_append_string(struct buffer *buffer, const char *string) {
    buffer_append(buffer, string, strlen(string));
}

void buffer_append_u8(struct buffer *buffer, uint8_t value) {
    buffer_append(buffer, &value, 1);
}

void buffer_append_u32(struct buffer *buffer, uint32_t value) {
    store_u32(buffer_reserve(buffer, 4), value);
    buffer->length += 4;
}

void buffer_append_u64(struct buffer *buffer, uint64_t value) {
    store_u64(buffer_reserve(buffer, 8), value);
    buffer->length += 8;
}

/* Prints into the free room first, and a second time only if that was too small. */
void buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    char *at = (char *)buffer_reserve(buffer, 1);
    size_t room = buffer->capacity - buffer->length;
    int length = vsnprintf(at, room, format, arguments);
    va_end(arguments);
    check(length >= 0);
    if ((size_t)length >= room) { /* its NUL does not count, but takes a byte */
        at = (char *)buffer_reserve(buffer, (size_t)length + 1);
        vsnprintf(at, (size_t)length + 1, format, again);
    }
    va_end(again);
    buffer->length += (size_t)length;
}

void buffer_append_varint(struct buffer *buffer, uint64_t value) {
    uint8_t *at = buffer_reserve(buffer, BUFFER_VARINT_MAX);
    buffer->length += (size_t)(varint_put(at, value) - at);
}

void buffer_append_zigzag(struct buffer *buffer, int64_t value) {
    buffer_append_varint(buffer, zigzag(value));
}

size_t varint_size(uint64_t value) {
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

uint8_t *varint_put(uint8_t *at, uint64_t value) {
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static const uint8_t *cursor_take(struct cursor *cursor, size_t size) {
    if (cursor->failed || size > cursor_left(cursor)) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *at = cursor->at;
    cursor->at += size;
    return at;
}

uint8_t cursor_u8(struct cursor *cursor) {
    const uint8_t *at = cursor_take(cursor, 1);
    return at ? *at : 0;
}

uint64_t cursor_u64(struct cursor *cursor) {
    const uint8_t *at = cursor_take(cursor, 8);
    return at ? load_u64(at) : 0;
}

/* At most 10 bytes, of which the last has one bit; a last byte of 0 would make a second encoding of
 * the same number. */
uint64_t cursor_varint(struct cursor *cursor) {
    const uint8_t *at = cursor->at;
    size_t left = cursor->failed ? 0 : cursor_left(cursor);
    uint64_t value = 0;
    for (size_t i = 0; i < left && i < BUFFER_VARINT_MAX; i++) {
        uint64_t bits = at[i] & 0x7f;
        bool last = !(at[i] & 0x80);
        /* The tenth byte holds one bit; a zero last byte is one too many. */
        if ((i == BUFFER_VARINT_MAX - 1 && (bits > 1 || !last)) || (last && bits == 0 && i > 0))
            break;
        value |= bits << (7 * i);
        if (last) {
            cursor->at = at + i + 1;
            return value;
        }
    }
    cursor->failed = true;
    return 0;
}

int64_t cursor_zigzag(struct cursor *cursor) {
    return unzigzag(cursor_varint(cursor));
}

struct text cursor_text(struct cursor *cursor, size_t length) {
    const uint8_t *at = cursor_take(cursor, length);
    if (!at)
        return (struct text){0};
    return (struct text){.data = (const char *)at, .length = length};
}
