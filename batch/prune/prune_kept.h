/* Which records in front of a pruned archive's new beginning are kept, because what follows still
 * depends on them:
 *
 *   the last engine record, the policy in force, the tables adopted last, the policies that were in
 *   force when these were adopted and that they were built with, the experiment in force, shadow
 *   policies, and of list changes and brakes those whose entries are still there
 *
 * A replay that reads them first stands where it would stand after all that is gone, but for the
 * states, which are in tables. */
#pragma once

#include "core/store/archive/archive_parts.h"

/* Shadow policies that are kept, the newest: transactions name theirs. */
#define PRUNE_SHADOWS_MAX 64

struct prune_kept {
    struct buffer frames; /* for archive_begin_write() */
    uint64_t counts[RECORD_TYPE_COUNT];
};

/* Of the first `count` parts. *ret_kept is initialised in any case. ERROR_DAMAGED. */
int prune_keep(const struct archive_parts *parts, size_t count, struct prune_kept *ret_kept,
               struct error *ret_error);
void prune_kept_deinit(struct prune_kept *kept);
