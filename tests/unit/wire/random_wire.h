/* Random wire values from a seed: everything that the formats can hold, the limits included, and
 * nothing that a sender of ours would never send. */
#pragma once

#include "core/base/arena.h"
#include "core/wire/message/message.h"
#include "core/wire/record/record.h"

struct random {
    uint64_t state;
};

uint64_t random_below(struct random *random, uint64_t limit); /* 0 … limit−1 */

/* Passes transaction_check(). */
struct transaction random_transaction(struct random *random, struct arena *arena);
struct request random_request(struct random *random, struct arena *arena);
struct response random_response(struct random *random, struct arena *arena);
struct record random_record(struct random *random, struct arena *arena);
