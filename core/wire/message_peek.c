/* A look at a request's outermost fields, without taking it apart: what follows from it may be
 * decided before memory is spent on the rest. It reads like the real decoder, and
 * message_peek_token answers nothing that the decoder would not: tests/fuzz/message.c holds them
 * against each other. */
#include "message.h"

#define TOKEN_NUMBER 3 /* of Request in harrier.proto */

enum wire_type { TYPE_VARINT = 0, TYPE_64 = 1, TYPE_BYTES = 2, TYPE_32 = 5 };

/* As protobuf has them: longer than needed is allowed, which our own formats (cursor_varint())
 * forbid. */
static bool take_varint(struct cursor *cursor, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = cursor_u8(cursor);
        if (cursor->failed)
            return false;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* The field's bytes, of those that have a length; else an empty text. */
static bool take_field(struct cursor *cursor, unsigned type, struct text *ret_bytes) {
    uint64_t length = 0;
    *ret_bytes = (struct text){0};
    switch (type) {
    case TYPE_VARINT:
        return take_varint(cursor, &length);
    case TYPE_64:
        length = 8;
        break;
    case TYPE_32:
        length = 4;
        break;
    case TYPE_BYTES:
        if (!take_varint(cursor, &length))
            return false;
        break;
    default:
        return false;
    }
    if (length > cursor_left(cursor))
        return false;
    struct text bytes = cursor_text(cursor, (size_t)length);
    if (type == TYPE_BYTES)
        *ret_bytes = bytes;
    return true;
}

bool message_peek_token(const void *bytes, size_t length, struct text *ret_token) {
    struct cursor cursor = cursor_of(bytes, length);
    struct text token = {0}, field;
    uint64_t tag;
    while (cursor_left(&cursor) > 0) {
        if (!take_varint(&cursor, &tag) || !take_field(&cursor, tag & 7, &field))
            return false;
        if (tag >> 3 == TOKEN_NUMBER)
            token = field; /* the last one counts */
    }
    *ret_token = token;
    return true;
}
