#include "damage.h"

#define FIELDS_MAX 256
#define DEPTH_MAX  6

void damage_bytes(struct random *random, struct buffer *buffer) {
    uint8_t *bytes = buffer->bytes;
    if (buffer->length == 0)
        return;
    size_t at = (size_t)random_below(random, buffer->length);
    switch (random_below(random, 6)) {
    case 0:
        bytes[at] = (uint8_t)random_below(random, 256);
        break;
    case 1:
        bytes[at] ^= (uint8_t)(1u << random_below(random, 8));
        break;
    case 2:
        memmove(bytes + at, bytes + at + 1, --buffer->length - at);
        break;
    case 3:
        bytes = buffer_reserve(buffer, 1) - buffer->length;
        memmove(bytes + at + 1, bytes + at, buffer->length++ - at);
        bytes[at] = (uint8_t)random_below(random, 256);
        break;
    case 4:
        buffer->length = at;
        break;
    default: {
        uint8_t piece[64];
        size_t length = buffer->length - at < sizeof piece ? buffer->length - at : sizeof piece;
        memcpy(piece, bytes + at, length);
        buffer_append(buffer, piece, length);
    }
    }
}

/* ---- taken apart ---- */

struct field {
    uint64_t tag, value;
    struct text bytes; /* of those with a length, or of a fixed size */
};

/* How many there are, or 0: it is no message, or has too many. */
static size_t take_apart(struct text message, struct field fields[FIELDS_MAX]) {
    struct cursor cursor = cursor_of(message.data, message.length);
    size_t count = 0;
    while (cursor_left(&cursor) > 0 && count < FIELDS_MAX) {
        struct field field = {.tag = cursor_varint(&cursor)};
        unsigned type = field.tag & 7;
        if (type == 0)
            field.value = cursor_varint(&cursor);
        else if (type == 1 || type == 5)
            field.bytes = cursor_text(&cursor, type == 1 ? 8 : 4);
        else if (type == 2)
            field.bytes = cursor_text(&cursor, (size_t)cursor_varint(&cursor));
        else
            return 0;
        if (cursor.failed || field.tag < 8)
            return 0;
        fields[count++] = field;
    }
    return cursor_left(&cursor) > 0 ? 0 : count;
}

/* ---- and written anew ---- */

static bool seldom(struct random *random) {
    return random_below(random, 40) == 0;
}

/* Sometimes with bytes that add nothing to it. */
static void put_number(struct random *random, uint64_t value, struct buffer *out) {
    buffer_append_varint(out, value);
    if (!seldom(random))
        return;
    for (uint64_t more = 1 + random_below(random, 4); more > 0; more--) {
        out->bytes[out->length - 1] |= 0x80;
        buffer_append_u8(out, 0);
    }
}

static void write_anew(struct random *random, struct text message, unsigned depth,
                       struct buffer *out);

static void write_field(struct random *random, const struct field *field, unsigned depth,
                        struct buffer *out) {
    uint64_t tag = field->tag;
    if (seldom(random)) /* another number */
        tag = (1 + random_below(random, 34)) << 3 | (tag & 7);
    put_number(random, tag, out);
    if ((tag & 7) == 0) {
        uint64_t other = random_below(random, 3) ? random_below(random, 300)
                                                 : UINT64_MAX >> random_below(random, 64);
        put_number(random, seldom(random) ? other : field->value, out);
    } else if ((tag & 7) == 2) {
        struct buffer inside;
        buffer_init(&inside);
        struct text content = seldom(random) ? (struct text){0} : field->bytes;
        if (depth < DEPTH_MAX)
            write_anew(random, content, depth + 1, &inside);
        else
            buffer_append(&inside, content.data, content.length);
        put_number(random, inside.length, out);
        buffer_append(out, inside.bytes, inside.length);
        buffer_deinit(&inside);
    } else {
        buffer_append(out, field->bytes.data, field->bytes.length);
    }
}

static void put_unknown(struct random *random, struct buffer *out) {
    static const uint8_t types[] = {0, 1, 2, 5};
    uint8_t type = types[random_below(random, 4)];
    put_number(random, (1 + random_below(random, 40)) << 3 | type, out);
    if (type == 0)
        put_number(random, random_below(random, 1000), out);
    else if (type == 2)
        put_number(random, 0, out);
    else
        buffer_append(out, "\1\2\3\4\5\6\7\0", type == 1 ? 8 : 4);
}

static void write_anew(struct random *random, struct text message, unsigned depth,
                       struct buffer *out) {
    struct field fields[FIELDS_MAX];
    size_t count = take_apart(message, fields);
    if (count == 0) {
        buffer_append(out, message.data, message.length);
        return;
    }
    if (count > 1 && seldom(random)) {
        size_t a = (size_t)random_below(random, count), b = (size_t)random_below(random, count);
        struct field moved = fields[a];
        fields[a] = fields[b];
        fields[b] = moved;
    }
    for (size_t i = 0; i < count; i++) {
        if (seldom(random))
            put_unknown(random, out);
        uint64_t times = !seldom(random) ? 1 : random_below(random, 3);
        for (; times > 0; times--)
            write_field(random, &fields[i], depth, out);
    }
}

void damage_fields(struct random *random, struct buffer *buffer) {
    struct buffer out;
    buffer_init(&out);
    write_anew(random, (struct text){.data = (const char *)buffer->bytes, .length = buffer->length},
               0, &out);
    buffer_deinit(buffer);
    *buffer = out;
}
