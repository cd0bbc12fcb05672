/* Four characters for three bytes. Decoding is strict: each sequence of bytes has one spelling. */
#include "base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buffer *buffer, struct text bytes) {
    const uint8_t *from = (const uint8_t *)bytes.data;
    for (size_t at = 0; at < bytes.length; at += 3) {
        size_t left = bytes.length - at;
        uint32_t three = (uint32_t)from[at] << 16;
        if (left > 1)
            three |= (uint32_t)from[at + 1] << 8;
        if (left > 2)
            three |= from[at + 2];
        const char four[] = {alphabet[three >> 18], alphabet[three >> 12 & 63],
                             left > 1 ? alphabet[three >> 6 & 63] : '=',
                             left > 2 ? alphabet[three & 63] : '='};
        buffer_append(buffer, four, sizeof four);
    }
}

/* −1: not in the alphabet. */
static int value_of(char c) {
    const char *found = c ? strchr(alphabet, c) : NULL;
    return found ? (int)(found - alphabet) : -1;
}

bool base64_decode(struct buffer *buffer, struct text text) {
    if (text.length % 4 != 0)
        return false;
    for (size_t at = 0; at < text.length; at += 4) {
        const char *four = text.data + at;
        bool is_last = at + 4 == text.length;
        size_t padding = is_last ? (four[3] == '=') + (four[3] == '=' && four[2] == '=') : 0;
        uint32_t three = 0;
        for (size_t i = 0; i < 4; i++) {
            int value = i < 4 - padding ? value_of(four[i]) : 0;
            if (value < 0)
                return false;
            three = three << 6 | (uint32_t)value;
        }
        const uint8_t bytes[] = {(uint8_t)(three >> 16), (uint8_t)(three >> 8), (uint8_t)three};
        for (size_t i = 3 - padding; i < 3; i++)
            if (bytes[i] != 0)
                return false;
        buffer_append(buffer, bytes, 3 - padding);
    }
    return true;
}
