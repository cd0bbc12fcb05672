/* A cell is written first and quoted afterwards, in place and only if it has to be: most cells
 * need no quotes, and no second buffer is needed for those that do. */
#include "csv_cell.h"

#include <stdbool.h>
#include <string.h>

static bool is_special(uint8_t byte) {
    return byte == ',' || byte == '"' || byte == '\r' || byte == '\n';
}

/* Moves the bytes from the end backwards, doubling quotes on the way. */
void csv_quote_behind(struct buffer *buffer, size_t begin) {
    size_t length = buffer->length - begin, quotes = 0;
    bool quoted = false;
    for (size_t i = begin; i < buffer->length; i++) {
        quoted = quoted || is_special(buffer->bytes[i]);
        quotes += buffer->bytes[i] == '"';
    }
    if (!quoted)
        return;
    buffer_reserve(buffer, quotes + 2);
    uint8_t *from = buffer->bytes + begin + length, *to = from + quotes + 2;
    buffer->length += quotes + 2;
    *--to = '"';
    while (from > buffer->bytes + begin) {
        *--to = *--from;
        if (*to == '"')
            *--to = '"';
    }
    *--to = '"';
}

void csv_add_text(struct buffer *buffer, struct text text) {
    size_t begin = buffer->length;
    buffer_append(buffer, text.data, text.length);
    csv_quote_behind(buffer, begin);
}

void csv_add_value(struct buffer *buffer, struct value value) {
    if (value.type == VALUE_TEXT)
        csv_add_text(buffer, value.text);
    else
        buffer->length += value_put(value, (char *)buffer_reserve(buffer, VALUE_PUT_MAX));
}
