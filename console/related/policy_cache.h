/* Policies of the archive, loaded: those that were asked for last. */
#pragma once

#include "core/policy/load/snapshot.h"

#define POLICY_CACHE_MOST 4 /* each takes some megabytes */

struct policy_cache;

struct policy_cache *policy_cache_new(void);
void policy_cache_free(struct policy_cache *cache); /* NULL is allowed */

/* The policy with this id, from the record that has its files. The reference is the caller's. Any
 * thread. ERROR_NOT_FOUND: the archive has none; ERROR_UNSUPPORTED: this version cannot load it;
 * and those of reading the archive. */
int policy_cache_get(struct policy_cache *cache, const char *archive, uint64_t id,
                     struct snapshot **ret_snapshot, struct error *ret_error);
