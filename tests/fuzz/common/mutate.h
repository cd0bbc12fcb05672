/* Changed inputs for a target without libFuzzer: each is a seed or a file with a field, word or
 * line changed (shape.h), or a few bytes, pieces or numbers. */
#pragma once

#include "target.h"

struct mutator; /* not thread-safe */

struct mutator *mutator_new(uint64_t seed);
void mutator_free(struct mutator *mutator);
void mutator_add(struct mutator *mutator, const void *bytes, size_t size); /* copies */

size_t mutator_count(const struct mutator *mutator); /* of what was added */

/* The next changed input; valid until the next call. There is something to change. */
const uint8_t *mutator_next(struct mutator *mutator, size_t *ret_size);
