/* The policies of an archive, as far as an erasure needs them: which entities and lists have a
 * field, and engines of all different plans, which say what other entities' states are made from.
 */
#pragma once

#include "core/base/progress.h"
#include "core/engine/engine.h"
#include "core/policy/load/snapshot.h"

struct erase_policies {
    /* Of each plan that differs from those before it; the last policy in force is the first. */
    struct engine **engines;
    size_t engine_count;
    struct erase_list {
        struct text list, field; /* a rule or value looks the field up in the list */
    } *lists;
    size_t list_count;
    struct erase_threshold {
        uint64_t definition;
        size_t key_count;
        struct text fields[THRESHOLD_KEYS_MAX]; /* "": it is derived */
    } *thresholds;
    size_t threshold_count;
    struct snapshot **snapshots; /* whose texts the above are */
    size_t snapshot_count;
};

/* ERROR_NOT_FOUND: no archive, or no policy in it. */
int erase_policies_load(const char *archive, struct progress *progress,
                        struct erase_policies *ret_policies, struct error *ret_error);
void erase_policies_deinit(struct erase_policies *policies);

/* The policy in force at the archive's end. */
const struct snapshot *erase_policies_last(const struct erase_policies *policies);
/* A text field or attribute of any of the policies? */
bool erase_policies_know(const struct erase_policies *policies, struct text field);
/* Is it (a part of) the key of an entity, in any of the policies? */
bool erase_policies_has_entity(const struct erase_policies *policies, struct text field);
bool erase_policies_looks_up(const struct erase_policies *policies, struct text list,
                             struct text field);
/* NULL: no policy declares such a threshold. */
const struct erase_threshold *erase_policies_threshold(const struct erase_policies *policies,
                                                       uint64_t definition);
