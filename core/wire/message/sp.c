/* All numbers of SP are big-endian. Lengths are not limited here: the front that reads a message
 * knows its limit. */
#include "sp.h"

#include <string.h>

#define IPC_MESSAGE 0x01

void sp_greeting_write(uint8_t greeting[SP_GREETING_SIZE], enum sp_protocol own) {
    const uint8_t bytes[SP_GREETING_SIZE] = {0, 'S', 'P', 0, 0, (uint8_t)own, 0, 0};
    memcpy(greeting, bytes, sizeof bytes);
}

/* All eight bytes must match: the reserved ones are zero in this version of SP. */
bool sp_greeting_is(const uint8_t greeting[SP_GREETING_SIZE], enum sp_protocol expected) {
    uint8_t wanted[SP_GREETING_SIZE];
    sp_greeting_write(wanted, expected);
    return memcmp(greeting, wanted, sizeof wanted) == 0;
}

size_t sp_header_size(enum sp_stream stream) {
    return stream == SP_IPC ? 9 : 8;
}

size_t sp_header_write(uint8_t header[SP_HEADER_MAX], enum sp_stream stream, uint64_t length) {
    uint8_t *at = header;
    if (stream == SP_IPC)
        *at++ = IPC_MESSAGE;
    for (int shift = 56; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(length >> shift);
    return (size_t)(at - header);
}

bool sp_header_read(const uint8_t *header, enum sp_stream stream, uint64_t *ret_length) {
    if (stream == SP_IPC && *header++ != IPC_MESSAGE)
        return false;
    uint64_t length = 0;
    for (int i = 0; i < 8; i++)
        length = length << 8 | header[i];
    *ret_length = length;
    return true;
}

uint32_t sp_id_read(const uint8_t id[SP_ID_SIZE]) {
    return (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
}

void sp_id_write(uint8_t out[SP_ID_SIZE], uint32_t id) {
    for (int i = 0; i < SP_ID_SIZE; i++)
        out[i] = (uint8_t)(id >> (24 - 8 * i));
}

/* The request id is the first with its top bit set; SP_STACK_MAX bounds the search, so a body
 * without one is found out quickly. */
size_t sp_stack_size(const uint8_t *body, size_t length) {
    for (size_t at = 0; at + SP_ID_SIZE <= length && at < SP_STACK_MAX; at += SP_ID_SIZE)
        if (sp_id_read(body + at) & SP_ID_TOP_BIT)
            return at + SP_ID_SIZE;
    return 0;
}
