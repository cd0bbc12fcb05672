#include "log_message.h"

#include <string.h>

#define FORMAT 1

static void put(uint8_t *bytes, uint64_t value, int size) {
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const void *memory, int size) {
    const uint8_t *bytes = memory;
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

void log_head_encode(const struct log_head *head, uint8_t ret_bytes[LOG_HEADER_BYTES]) {
    memset(ret_bytes, 0, LOG_HEADER_BYTES);
    put(ret_bytes, FORMAT, 1);
    put(ret_bytes + 1, head->kind, 1);
    put(ret_bytes + 2, head->type, 2);
    put(ret_bytes + 4, head->part, 4);
    put(ret_bytes + 8, head->part_count, 4);
    put(ret_bytes + 16, head->place.position, 8);
    put(ret_bytes + 24, head->place.chain, 8);
}

int log_head_decode(struct text header, struct log_head *ret_head, struct error *ret_error) {
    if (header.length < LOG_HEADER_BYTES)
        return error_set(ret_error, ERROR_DAMAGED,
                         "header " LOG_HEADER " has %zu bytes; expected %d: something else than "
                         "this cluster writes to the topic",
                         header.length, LOG_HEADER_BYTES);
    const char *bytes = header.data;
    if (get(bytes, 1) != FORMAT)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         "header " LOG_HEADER " has format %u; this version knows %d",
                         (unsigned)get(bytes, 1), FORMAT);
    const struct log_head head = {
        .kind = (enum log_kind)get(bytes + 1, 1),
        .type = (uint16_t)get(bytes + 2, 2),
        .part = (uint32_t)get(bytes + 4, 4),
        .part_count = (uint32_t)get(bytes + 8, 4),
        .place = {.position = get(bytes + 16, 8), .chain = get(bytes + 24, 8)},
    };
    if (head.kind == LOG_KIND_SIGN ||
        (head.kind == LOG_KIND_RECORD && head.part < head.part_count)) {
        *ret_head = head;
        return 0;
    }
    return error_set(ret_error, ERROR_DAMAGED,
                     "header " LOG_HEADER ": kind %d, part %u of %u; expected a record's part or a "
                     "sign of the primary",
                     (int)head.kind, head.part, head.part_count);
}

/* The nonce, then two texts, each with a zero byte behind it. */
void log_sign_encode(const struct log_sign *sign, struct buffer *out) {
    uint8_t nonce[8];
    put(nonce, sign->nonce, 8);
    buffer_append(out, nonce, sizeof nonce);
    buffer_append(out, sign->node.data, sign->node.length);
    buffer_append_u8(out, 0);
    buffer_append(out, sign->address.data, sign->address.length);
    buffer_append_u8(out, 0);
}

int log_sign_decode(struct text value, struct log_sign *ret_sign, struct error *ret_error) {
    const char *end = NULL, *node = NULL, *node_end = NULL, *address = NULL, *address_end = NULL;
    if (value.length > 8) {
        end = value.data + value.length;
        node = value.data + 8;
        node_end = memchr(node, 0, value.length - 8);
    }
    if (node_end) {
        address = node_end + 1;
        address_end = memchr(address, 0, (size_t)(end - address));
    }
    if (!address_end)
        return error_set(ret_error, ERROR_DAMAGED, "the sign of a primary is cut short: %zu bytes",
                         value.length);
    *ret_sign = (struct log_sign){
        .nonce = get(value.data, 8),
        .node = {.data = node, .length = (size_t)(node_end - node)},
        .address = {.data = address, .length = (size_t)(address_end - address)},
    };
    return 0;
}
