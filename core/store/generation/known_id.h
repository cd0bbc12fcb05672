/* What is known of a transaction's id, in tables and in the overlay. */
#pragma once

#include "core/base/hash.h"
#include "core/wire/types/decision.h"

#include <stdint.h>

/* Where the record of a transaction is, found by the hash of its id (hash_text(id)), and its label
 * now. Hashes may collide, so the caller compares the id in the record. Ids are never dropped: a
 * rebuild carries those of the whole archive into the next generation. */
struct known_id {
    uint64_t position;
    enum label label;
};

/* Ids of transactions that were amended are known twice: under this hash it is where the newest
 * amendment's record is, without a label. */
static inline uint64_t amendment_hash(struct text id) {
    /* No id has these bytes: ids have no control characters. A seed would not do: hashes of short
     * texts under two seeds meet each other. */
    const uint64_t bytes[2] = {hash_text(id), 0};
    return hash64(bytes, sizeof bytes, 0);
}
