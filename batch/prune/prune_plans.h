/* The features that decisions behind a pruned archive's new beginning were made with, and those of
 * the policy in force. Each set of them needs tables for the beginning, so that these decisions can
 * be derived again, and the next tables built; one that came into use so late that nothing from
 * before counted in it by then does not. */
#pragma once

#include "core/policy/load/snapshot.h"
#include "core/store/archive/archive_parts.h"
#include "prune_kept.h"

struct prune_plans {
    struct snapshot *snapshots[ARCHIVE_BASES_MAX]; /* each with another plan */
    size_t count;
    uint64_t lacking_until; /* position up to which a plan was in use that found no room, or whose
                               policy cannot be loaded; 0: there is none */
};

/* first: of the tables in use, the first of the plans. parts from `end` on stay; begin_us: when the
 * last record in front of them was received. *ret_plans is to be deinit in any case. ERROR_DAMAGED.
 */
int prune_plans_find(const struct archive_parts *parts, size_t end, const struct prune_kept *kept,
                     struct snapshot *first, int64_t begin_us, struct prune_plans *ret_plans,
                     struct error *ret_error);
void prune_plans_deinit(struct prune_plans *plans);
