/* harrier verify: is a generation what the archive gives?
 *
 * Folds the archive from its first record to the generation's place as a server would, record by
 * record and in memory, and compares with the tables state by state, id by id. Nothing of what
 * built the generation takes part, and nothing is changed; it may run beside a server and a
 * rebuild. It needs memory for all states and ids of the archive up to there. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/generation/generation.h"
#include "core/store/overlay/comparison.h"

#include <stdint.h>

struct verify_options {
    const char *archive, *generations; /* folders */
    const char *generation;            /* name of its folder there; NULL: the current one */
};

struct verify_listener {
    /* Each entity with different states: left is the archive's, right the generation's. */
    void (*differs)(struct verify_listener *self, const struct plan *plan,
                    const struct state_difference *difference);
    /* All is read; the plan is the last call's. */
    void (*entity)(struct verify_listener *self, struct text name, uint64_t states,
                   uint64_t differences);
};

struct verify_report {
    struct generation_manifest manifest;
    uint64_t records;
    struct comparison states;
    uint64_t ids, different_ids; /* transactions known by their ids */
    double fold_seconds, compare_seconds;
};

bool verify_found_difference(const struct verify_report *report);

/* 0: all was compared, *ret_report says with what result. ERROR_NOT_FOUND: there is no archive or
 * generation, or they do not belong together. ERROR_DAMAGED: the generation's bytes are not those
 * that were published, or the archive. ERROR_UNSUPPORTED: it was built by another version.
 * ERROR_INTERRUPTED. progress may be NULL. */
int verify_run(const struct verify_options *options, struct progress *progress,
               struct verify_listener *listener, struct verify_report *ret_report,
               struct error *ret_error);
