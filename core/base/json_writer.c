/* No tree is built: bytes are appended, and whether a comma is needed is seen from the last one.
 * That is enough because only the writer appends to an unfinished object; a caller that appends raw
 * elements must do it right behind a bracket. */
#include "json_writer.h"

#include "hash.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* A byte that is not part of a clean text: a control character, or not UTF-8. */
static void append_odd(struct buffer *buffer, unsigned char byte) {
    static const char short_forms[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (byte == 0x7f)
        buffer_append_u8(buffer, byte);
    else if (byte >= 0x20)
        buffer_append_string(buffer, "\\ufffd");
    else if (short_forms[byte])
        buffer_printf(buffer, "\\%c", short_forms[byte]);
    else
        buffer_printf(buffer, "\\u%04X", byte);
}

/* Only quotation marks and backslashes are left to escape. */
static void append_clean(struct buffer *buffer, const char *at, size_t length) {
    for (size_t plain = 0; length > 0; at += plain, length -= plain) {
        for (plain = 0; plain < length && at[plain] != '"' && at[plain] != '\\';)
            plain++;
        buffer_append(buffer, at, plain);
        if (plain < length) {
            buffer_append_u8(buffer, '\\');
            buffer_append_u8(buffer, (uint8_t)at[plain++]);
        }
    }
}

static void append_escaped(struct buffer *buffer, struct text text) {
    buffer_append_u8(buffer, '"');
    for (size_t clean; text.length > 0;) {
        bool is_clean = text_is_clean(text, &clean);
        if (is_clean)
            clean = text.length;
        append_clean(buffer, text.data, clean);
        if (!is_clean)
            append_odd(buffer, (unsigned char)text.data[clean++]);
        text.data += clean;
        text.length -= clean;
    }
    buffer_append_u8(buffer, '"');
}

/* A comma goes before everything that does not come first in its object or array. */
static void separate(struct buffer *buffer) {
    if (buffer->length == 0)
        return;
    uint8_t last = buffer->bytes[buffer->length - 1];
    if (last != '{' && last != '[' && last != ':' && last != '\n')
        buffer_append_u8(buffer, ',');
}

/* Comma and key; what follows is the value. */
static void begin(struct buffer *buffer, const char *key) {
    separate(buffer);
    if (key) {
        buffer_append_u8(buffer, '"');
        buffer_append_string(buffer, key);
        buffer_append_string(buffer, "\":");
    }
}

void json_begin_object(struct buffer *buffer, const char *key) {
    begin(buffer, key);
    buffer_append_u8(buffer, '{');
}

void json_end_object(struct buffer *buffer) {
    buffer_append_u8(buffer, '}');
}

void json_begin_array(struct buffer *buffer, const char *key) {
    begin(buffer, key);
    buffer_append_u8(buffer, '[');
}

void json_end_array(struct buffer *buffer) {
    buffer_append_u8(buffer, ']');
}

void json_add_text(struct buffer *buffer, const char *key, struct text text) {
    begin(buffer, key);
    append_escaped(buffer, text);
}

void json_add_unsigned(struct buffer *buffer, const char *key, uint64_t number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    begin(buffer, key);
    buffer_append_string(buffer, digits);
}

void json_add_signed(struct buffer *buffer, const char *key, int64_t number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    begin(buffer, key);
    buffer_append_string(buffer, digits);
}

void json_add_key(struct buffer *buffer, struct text key) {
    separate(buffer);
    append_escaped(buffer, key);
    buffer_append_u8(buffer, ':');
}

void json_add_number(struct buffer *buffer, const char *key, const char *digits) {
    begin(buffer, key);
    buffer_append_string(buffer, digits);
}

void json_add_bool(struct buffer *buffer, const char *key, bool flag) {
    begin(buffer, key);
    buffer_append_string(buffer, flag ? "true" : "false");
}

void json_add_hex(struct buffer *buffer, const char *key, uint64_t id) {
    char hex[HASH_HEX_SIZE];
    hash_hex(id, hex);
    json_add_text(buffer, key, text_of(hex));
}

void json_add_time(struct buffer *buffer, const char *key, int64_t us) {
    char time[64];
    value_format(value_timestamp(us), time, sizeof time);
    json_add_text(buffer, key, text_of(time));
}

void json_add_strings(struct buffer *buffer, const char *key, const char *const *strings,
                      size_t count) {
    json_begin_array(buffer, key);
    for (size_t i = 0; i < count; i++)
        json_add_text(buffer, NULL, text_of(strings[i]));
    json_end_array(buffer);
}

/* A value without a number in JSON (absent, nan, infinite) is null, never a missing member:
 * columns stay the same in all rows. */
void json_add_value(struct buffer *buffer, struct text name, struct value value) {
    char text[64];
    json_add_key(buffer, name);
    switch (value.type) {
    case VALUE_TEXT:
        append_escaped(buffer, value.text);
        return;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DOUBLE:
        if (value.type == VALUE_DOUBLE && !isfinite(value.number))
            break;
        value_format(value, text, sizeof text);
        buffer_append_string(buffer, text);
        return;
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        value_format(value, text, sizeof text);
        append_escaped(buffer, text_of(text));
        return;
    case VALUE_ABSENT:
    case VALUE_ERROR:
    case VALUE_LIST: /* no feature is one */
    case VALUE_MAP:
        break;
    }
    buffer_append_string(buffer, "null");
}
