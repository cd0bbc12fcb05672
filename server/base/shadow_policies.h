/* The shadow policies as plain data: which folders, which policies, what each has counted. No locks
 * and no service; adopt/shadows.h has what is done with them. */
#pragma once

#include "core/engine/engine.h"
#include "core/policy/load/snapshot.h"

#include <stddef.h>
#include <stdint.h>

/* The folders as the options name them; owned copies. */
struct shadow_folders {
    char **paths;
    size_t count;
};

/* A shadow's verdict against that of the policy in force. */
enum shadow_agreement {
    SHADOW_AGREES,
    SHADOW_STRICTER,
    SHADOW_MILDER,
    SHADOW_REFUSES, /* its schema refuses the transaction: no verdict */
    SHADOW_AGREEMENT_COUNT
};

/* uint64_t members only: shadows.c prints them by their offset. */
struct shadow_counts {
    uint64_t verdicts[VERDICT_COUNT], agreements[SHADOW_AGREEMENT_COUNT];
    uint64_t rule_errors, degraded;
};

struct shadow {
    char *path;                  /* of the folder */
    struct snapshot *snapshot;   /* one reference */
    struct shadow_counts counts; /* of transactions archived since it was loaded */
};

struct shadow_policies {
    struct shadow of[ENGINE_SHADOWS_MAX]; /* no policy twice */
    size_t count;
};

void shadow_folders_set(struct shadow_folders *folders, const char *const *paths, size_t count);
void shadow_folders_deinit(struct shadow_folders *folders);

void shadow_policies_deinit(struct shadow_policies *set);
/* NULL: no shadow of the set came from that folder. */
const struct shadow *shadow_policies_find_path(const struct shadow_policies *set, const char *path);
/* Its index; set->count when the set does not have that policy. */
size_t shadow_policies_find_id(const struct shadow_policies *set, uint64_t id);
/* Takes a reference. The set must have room and not have the policy yet. */
void shadow_policies_add(struct shadow_policies *set, const char *path, struct snapshot *snapshot);
/* A policy that is in both sets keeps its counts. */
void shadow_policies_keep_counts(struct shadow_policies *to, const struct shadow_policies *from);
