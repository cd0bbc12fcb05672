/* States from what is stored: the generation's tables, and behind them the archive's newer records.
 * Start-up, crash recovery and coming back after a failed write are this one operation. */
#pragma once

#include "core/engine/engine.h"
#include "core/store/archive.h"
#include "core/store/overlay.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Everything that decisions read and records change. */
struct states {
    struct snapshot *plan; /* whose features are folded */
    struct overlay *overlay;
    struct engine *engine;
    uint64_t generation_id; /* 0: none */
};

void states_init(struct states *states);
void states_deinit(struct states *states);

/* The last records of their kinds that the fold has seen; 0 or false: none since the generation. */
struct adopted {
    uint64_t snapshot_id;
    uint64_t generation_id;
    bool this_version;
};

struct fold;

/* Opens the generation, if there is one, chooses the plan, and finds the place in the archive where
 * the fold begins. The plan is the generation's own; without one the first that the archive knows;
 * in an empty archive that of the rules. ERROR_DAMAGED, ERROR_UNSUPPORTED, ERROR_NOT_FOUND (the
 * generation is not of this archive), ERROR_SYSTEM. */
int fold_begin(const char *archive, const char *generations, struct snapshot *rules,
               struct fold **ret_fold, struct error *ret_error);

/* Folds to the archive's end, which must be `end`. Now and then calls progress, which may be NULL.
 * ERROR_INTERRUPTED when *stop becomes true. */
int fold_finish(struct fold *fold, struct archive_place end, const atomic_bool *stop,
                void (*progress)(void *user, uint64_t done, uint64_t total), void *user,
                struct states *ret_states, struct adopted *ret_adopted, struct error *ret_error);
void fold_free(struct fold *fold); /* NULL is allowed */
