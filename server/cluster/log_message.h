/* What is on the log: the messages of its topic.
 *
 *   record    a record of the archive: value is its payload, as in the frame of a segment file.
 *             One that is larger than LOG_PART_BYTES is divided into several messages in a row.
 *   sign      of a primary: who it is. Sent when it takes over, and about every second.
 *
 * Everything else is in the header LOG_HEADER: little-endian integers, docs/CLUSTER.md has them. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/store/archive/archive_place.h"

#include <stdint.h>

#define LOG_HEADER       "harrier"
#define LOG_HEADER_BYTES 32
/* Below the 1 MB that brokers take by default. */
#define LOG_PART_BYTES ((size_t)512 << 10)

enum log_kind { LOG_KIND_RECORD = 1, LOG_KIND_SIGN = 2 };

struct log_head {
    enum log_kind kind;
    uint16_t type;             /* of a record: enum record_type */
    uint32_t part, part_count; /* of a record: part counts from 0 */
    struct archive_place
        place; /* of a record: behind it; of a sign: the last known to be committed */
};

void log_head_encode(const struct log_head *head, uint8_t ret_bytes[LOG_HEADER_BYTES]);
/* ERROR_DAMAGED: it is not such a header. ERROR_UNSUPPORTED: a later version's. */
int log_head_decode(struct text header, struct log_head *ret_head, struct error *ret_error);

/* Texts point into the value. */
struct log_sign {
    uint64_t nonce; /* by which a node knows its own */
    struct text node, address;
};
void log_sign_encode(const struct log_sign *sign, struct buffer *out);
int log_sign_decode(struct text value, struct log_sign *ret_sign, struct error *ret_error);
