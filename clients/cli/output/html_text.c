#include "html_text.h"

void html_text_put(struct text text, struct buffer *out) {
    for (size_t i = 0; i < text.length; i++)
        switch (text.data[i]) {
        case '&':
            buffer_append_string(out, "&amp;");
            break;
        case '<':
            buffer_append_string(out, "&lt;");
            break;
        case '>':
            buffer_append_string(out, "&gt;");
            break;
        case '"':
            buffer_append_string(out, "&quot;");
            break;
        default:
            buffer_append_u8(out, (uint8_t)text.data[i]);
        }
}
