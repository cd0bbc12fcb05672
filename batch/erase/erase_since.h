/* A server that runs beside an erasure goes on with the states that it has in memory until it
 * adopts tables that were built after it. What it decides about the persons until then cannot be
 * derived from the archive any more: their earlier records have no values. */
#pragma once

#include "core/base/error.h"
#include "core/wire/record/record.h"

struct erase_since {
    struct erase_span *spans; /* one for each erasure */
    size_t count;
};

/* Reads the segments with erasures and adopted generations; none of an archive without erasures.
 * ERROR_DAMAGED. */
int erase_since_load(const char *archive, struct erase_since *ret_since, struct error *ret_error);
void erase_since_deinit(struct erase_since *since);

/* Has the transaction a value that was erased before the position, with no tables adopted since? */
bool erase_since_concerns(const struct erase_since *since, uint64_t position,
                          const struct transaction *transaction);
