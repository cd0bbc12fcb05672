/* harrier verify: does a generation hold exactly what the archive gives?
 *
 * Folds the archive from its first record to the generation's position as a server would, record by
 * record and in memory, and compares the result with the tables state by state and id by id. It
 * shares no code with the rebuild beyond core/, so it is an independent check. After a prune it
 * folds from the tables of the place where the archive begins, which it takes as they are. Changes
 * nothing; may run beside a server and a rebuild. Needs memory for all states and ids up to that
 * position, or for a sample of them: one in so many, chosen by the hashes of their keys. */
#pragma once

#include "core/base/error.h"
#include "core/base/progress.h"
#include "core/store/generation/generation.h"
#include "core/store/overlay/comparison.h"

#include <stdint.h>

struct verify_options {
    const char *archive, *generations; /* folders */
    const char *generation;            /* name of its folder there; NULL: the current one */
    /* Only keys and ids whose hash leaves this remainder when divided by sample_of. 0: all. */
    uint64_t sample_of, sample_at;
};

struct verify_listener {
    /* Each entity with different states: left is the archive's, right the generation's. */
    void (*differs)(struct verify_listener *self, const struct plan *plan,
                    const struct state_difference *difference);
    /* After the comparison, once for each entity of the plan, with its numbers of states. */
    void (*entity)(struct verify_listener *self, struct text name, uint64_t states,
                   uint64_t differences);
};

struct verify_report {
    struct generation_manifest manifest;
    struct archive_place begin; /* where a pruned archive begins: it was folded from there */
    uint64_t records;
    struct comparison states;
    uint64_t ids, different_ids; /* transactions known by their ids */
    double fold_seconds, compare_seconds;
};

bool verify_found_difference(const struct verify_report *report);

/* 0: everything was compared; verify_found_difference() of *ret_report gives the result.
 * ERROR_NOT_FOUND: no archive or no generation, or they do not belong together. ERROR_DAMAGED: the
 * generation's bytes are not those that were published, or the archive is damaged.
 * ERROR_UNSUPPORTED: another version built it, whose features this one computes differently.
 * ERROR_INTERRUPTED. progress may be NULL. */
int verify_run(const struct verify_options *options, struct progress *progress,
               struct verify_listener *listener, struct verify_report *ret_report,
               struct error *ret_error);
