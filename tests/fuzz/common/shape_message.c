/* Changes one field of a protobuf message; see shape.h. */
#include "shape.h"

#include <string.h>

#define FIELDS_MAX 4096
#define DEPTH_MAX  12
#define NUMBER_MAX 40 /* of fields that are added */

enum wire_type { VARINT, FIXED64, BYTES, FIXED32 = 5 };

struct wire_field {
    uint64_t number;
    enum wire_type type;
    size_t start, head_end, value, end; /* places: `value` is behind the length of bytes */
};

static bool take_varint(const uint8_t *bytes, size_t size, size_t *at, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && *at < size; shift += 7) {
        uint8_t byte = bytes[(*at)++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool take_field(const uint8_t *bytes, size_t size, size_t *at, struct wire_field *ret) {
    uint64_t head, length = 0;
    ret->start = *at;
    if (!take_varint(bytes, size, at, &head) || head >> 3 == 0 || head >> 3 > 1u << 29)
        return false;
    ret->number = head >> 3;
    ret->type = (enum wire_type)(head & 7);
    ret->value = ret->head_end = *at;
    if (ret->type == VARINT) {
        if (!take_varint(bytes, size, at, &length))
            return false;
        ret->end = *at;
        return true;
    }
    if (ret->type == BYTES) {
        if (!take_varint(bytes, size, at, &length))
            return false;
        ret->value = *at;
    } else if (ret->type == FIXED64 || ret->type == FIXED32)
        length = ret->type == FIXED64 ? 8 : 4;
    else
        return false;
    if (length > size - *at)
        return false;
    *at += length;
    ret->end = *at;
    return true;
}

/* 0 if it is no message. */
static size_t count_fields(const uint8_t *bytes, size_t size) {
    struct wire_field field;
    size_t at = 0, count = 0;
    while (at < size && count < FIELDS_MAX)
        if (!take_field(bytes, size, &at, &field))
            return 0;
        else
            count++;
    return at == size ? count : 0;
}

bool shape_is_message(const uint8_t *bytes, size_t size) {
    return count_fields(bytes, size) > 0;
}

static uint64_t odd_number(struct chance *chance) {
    static const uint64_t odd[] = {
        0,          1,          2,          7,         100,        1000,        0x7fffffff,
        0x80000000, 0xffffffff, 1u << 16,   INT64_MAX, UINT64_MAX, 1ull << 63,  0x7ff0000000000000,
        0x7f800000, 0x7fc00000, 0x3f800000, 20000,     0x3ff00000, 0xbf800000u, 1767225600000000};
    uint64_t at = chance_below(chance, sizeof odd / sizeof *odd + 4);
    return at < sizeof odd / sizeof *odd ? odd[at] : chance_below(chance, 24);
}

static void put_value(struct chance *chance, enum wire_type type, struct buffer *out) {
    static const char *const texts[] = {"", "x", "card", "EUR", "\xff", "\n", "4111111111111111"};
    uint64_t number = odd_number(chance);
    switch (type) {
    case VARINT:
        buffer_append_varint(out, number);
        break;
    case FIXED64:
    case FIXED32:
        buffer_append(out, &number, type == FIXED64 ? 8 : 4);
        break;
    default: {
        const char *text = texts[chance_below(chance, sizeof texts / sizeof *texts)];
        size_t length = strlen(text), times = chance_below(chance, 8) == 0 ? 300 : 1;
        buffer_append_varint(out, length * times);
        for (size_t i = 0; i < times; i++)
            buffer_append(out, text, length);
    }
    }
}

static void put_field(struct chance *chance, uint64_t number, struct buffer *out) {
    static const enum wire_type types[] = {VARINT, BYTES, FIXED64, FIXED32};
    enum wire_type type = types[chance_below(chance, 4)];
    buffer_append_varint(out, number << 3 | type);
    put_value(chance, type, out);
}

static void change(struct chance *chance, const uint8_t *bytes, size_t size, unsigned depth,
                   struct buffer *out);

/* Of a field of bytes: a changed message in it, or other bytes. */
static void change_bytes(struct chance *chance, const uint8_t *bytes, size_t size, unsigned depth,
                         struct buffer *out) {
    struct buffer inner;
    buffer_init(&inner);
    if (depth < DEPTH_MAX && shape_is_message(bytes, size) && chance_below(chance, 8) != 0)
        change(chance, bytes, size, depth + 1, &inner);
    else if (size > 0 && chance_below(chance, 2) == 0)
        shape_change_text(chance, bytes, size, &inner);
    else {
        size_t kept = size > 0 ? (size_t)chance_below(chance, size) : 0;
        buffer_append(&inner, bytes, kept);
        if (chance_below(chance, 2) == 0)
            buffer_append(&inner, bytes, size);
    }
    buffer_append_varint(out, inner.length);
    buffer_append(out, inner.bytes, inner.length);
    buffer_deinit(&inner);
}

static void change_field(struct chance *chance, const uint8_t *bytes,
                         const struct wire_field *field, unsigned depth, struct buffer *out) {
    const uint8_t *whole = bytes + field->start;
    size_t length = field->end - field->start;
    uint64_t what = chance_below(chance, field->type == BYTES ? 16 : 8);
    switch (what) {
    case 0: /* without it */
        break;
    case 1: /* twice */
        buffer_append(out, whole, length);
        buffer_append(out, whole, length);
        break;
    case 2: /* another number */
        buffer_append_varint(out, (chance_below(chance, NUMBER_MAX) + 1) << 3 | field->type);
        buffer_append(out, bytes + field->head_end, field->end - field->head_end);
        break;
    case 3: /* another type */
        put_field(chance, field->number, out);
        break;
    case 4: /* one more before it */
        put_field(chance, chance_below(chance, NUMBER_MAX) + 1, out);
        buffer_append(out, whole, length);
        break;
    default:
        buffer_append_varint(out, field->number << 3 | field->type);
        if (field->type == BYTES && what > 6)
            change_bytes(chance, bytes + field->value, field->end - field->value, depth, out);
        else
            put_value(chance, field->type, out);
    }
}

static void change(struct chance *chance, const uint8_t *bytes, size_t size, unsigned depth,
                   struct buffer *out) {
    uint64_t chosen = chance_below(chance, count_fields(bytes, size));
    size_t at = 0;
    for (uint64_t i = 0; at < size; i++) {
        struct wire_field field;
        take_field(bytes, size, &at, &field);
        if (i == chosen)
            change_field(chance, bytes, &field, depth, out);
        else
            buffer_append(out, bytes + field.start, field.end - field.start);
    }
}

void shape_change_message(struct chance *chance, const uint8_t *bytes, size_t size,
                          struct buffer *out) {
    change(chance, bytes, size, 0, out);
}
