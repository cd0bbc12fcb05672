#include "reading.h"

struct long_varint reading_long_varint(const uint8_t *at, const uint8_t *end, unsigned bytes_max) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 7 * bytes_max && at < end; shift += 7) {
        uint8_t byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return (struct long_varint){.value = value, .at = at};
    }
    return (struct long_varint){0};
}

size_t reading_count(struct reading reading, uint32_t tag) {
    size_t count = 0;
    do {
        uint32_t last = 0;
        take_text(&reading);
        count++;
        if (take_tag(&reading, &last) != tag)
            break;
    } while (!reading.is_other);
    return count;
}
