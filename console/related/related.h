/* What else the entities of a transaction did, and which transactions are linked with it by a
 * shared entity: a card, a device, an address, whatever the policy that decided it gathers history
 * by.
 *
 * Keys are computed by the engine from the records, so two spellings of one mailbox are one entity.
 * Candidates come from the index of `harrier find`, by the fields that a key is made of. A key made
 * of attributes alone, which the index does not have, is looked for in the records around the
 * transaction, as far as the time allows; the answer says so.
 *
 *   step 1   transactions that share an entity, the nearest in time, before and after
 *   step 2   transactions that share another entity with one of those
 *
 * An entity with many transactions, a merchant say, links nothing: it is busy. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/store/find/find.h"
#include "policy_cache.h"

#include <stdint.h>

#define RELATED_STEP_2    16 /* entities that step 2 looks at */
#define RELATED_EACH_2    6  /* transactions of one of them */
#define RELATED_BUSY      20 /* an entity with so many transactions near it links nothing */
#define RELATED_SEARCH_US INT64_C(2500000)
#define RELATED_SCAN_US   INT64_C(800000) /* of it, for keys that no index has */

struct related_job {
    const char *archive; /* folder */
    struct find *find;   /* of it; one job at a time */
    struct policy_cache *policies;
    struct text id;
    uint64_t position; /* 0: the last one of this id */
};

/* Appends one object: position, policy, partial (the time was over), entities, transactions; as
 * docs/CONSOLE.md has it. ERROR_NOT_FOUND: no such transaction among the synced records. Others as
 * of find_run() and policy_cache_get(). */
int related_write(const struct related_job *job, struct buffer *out, struct error *ret_error);
