/* The outermost fields of a request, without decoding it: who is asking is known before memory is
 * spent on the rest. It reads as the decoder does; tests/fuzz/message.c compares the two. */
#include "core/wire/bytes/reading.h"
#include "message.h"

#define TOKEN_NUMBER 3 /* of Request in harrier.proto */

/* The bytes of the field, if its type has a length; else an empty text. Lengths may be encoded
 * longer than needed, as protobuf allows. */
static struct text take_field(struct reading *reading, unsigned type) {
    uint64_t length = UINT64_MAX; /* no such wire type */
    if (type == WIRE_VARINT) {
        take_u64(reading);
        return (struct text){0};
    }
    if (type == WIRE_FIXED64)
        length = 8;
    else if (type == WIRE_FIXED32)
        length = 4;
    else if (type == WIRE_BYTES)
        length = take_u64(reading);
    if (length > (uint64_t)(reading->end - reading->at)) {
        *reading = reading_other();
        return (struct text){0};
    }
    const char *data = (const char *)reading->at;
    reading->at += length;
    return type == WIRE_BYTES && length > 0 ? (struct text){.data = data, .length = (size_t)length}
                                            : (struct text){0};
}

/* Skips every other field by its wire type alone; groups (types 3 and 4) are not in proto3 and end
 * it. */
bool message_peek_token(const void *bytes, size_t length, struct text *ret_token) {
    struct reading reading = reading_of(bytes, length);
    struct text token = {0};
    while (reading.at != reading.end) {
        uint64_t tag = take_u64(&reading);
        struct text field = take_field(&reading, tag & 7);
        if (tag >> 3 == TOKEN_NUMBER)
            token = field; /* with several, protobuf takes the last one */
    }
    if (is_other(reading))
        return false;
    *ret_token = token;
    return true;
}
