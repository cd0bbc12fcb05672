/* States from what is stored: the generation's tables, and behind them the archive's newer records.
 * A server's start-up, its crash recovery, coming back after a failed write and the swap of
 * generations, and an import's beginning are this one operation. */
#pragma once

#include "core/engine/engine.h"
#include "core/store/archive/archive.h"
#include "core/store/overlay/overlay.h"

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
/* For these rules, the plan and the lists of the states, and the thresholds of their generation. */
struct engine *states_engine(const struct states *states, struct snapshot *rules);
/* The second half of it, for an engine that was made beforehand with this plan. */
void states_fit(const struct states *states, struct engine *engine);

/* The last records of their kinds that the fold has seen; 0 or false: none since the generation. */
struct adopted_shadows {
    uint64_t ids[2 * ENGINE_SHADOWS_MAX]; /* the last so many */
    size_t count;
};

struct adopted {
    uint64_t snapshot_id;
    uint64_t generation_id;
    bool this_version;
    struct adopted_shadows shadows; /* whose policies there are records of */
};

void adopted_shadow(struct adopted_shadows *shadows, uint64_t id);

struct fold;

struct fold_source {
    const char *archive, *generations; /* folders */
    const char *folder; /* of the generation, within generations; NULL: the current one, if any */
    struct snapshot *rules; /* that decide */
    bool verified;          /* read all of the generation against its hashes before */
};

/* Opens the generation, if there is one, chooses the plan, and finds the place in the archive where
 * the fold begins. The plan is the generation's own; without one the first that the archive knows;
 * in an empty archive that of the rules. ERROR_DAMAGED, ERROR_UNSUPPORTED, ERROR_NOT_FOUND (the
 * generation is not of this archive), ERROR_SYSTEM. */
int fold_begin(const struct fold_source *source, struct fold **ret_fold, struct error *ret_error);

/* Told now and then how far it is: position reached, and the one it goes to. May be NULL. */
struct fold_progress {
    void (*report)(struct fold_progress *self, uint64_t position, uint64_t end);
};

/* Folds on to this place, which the archive must have reached. Records behind it are not looked at:
 * a write that fails may take them back. ERROR_INTERRUPTED when *stop becomes true. After an error
 * the fold is good for nothing but fold_free(). */
int fold_advance(struct fold *fold, struct archive_place end, const atomic_bool *stop,
                 struct fold_progress *progress, struct error *ret_error);

/* overlay_use_prefault(), of the overlay that is made. */
void fold_use_prefault(struct fold *fold, struct pages_prefault *prefault);

struct archive_place fold_place(const struct fold *fold);          /* reached so far */
const struct generation *fold_generation(const struct fold *fold); /* NULL: none */
const struct snapshot *fold_plan(const struct fold *fold);
const struct snapshot *fold_rules(const struct fold *fold); /* that decide on the states */
/* Others decide by now. Makes their engine, which fold_take() would else have to. */
void fold_use_rules(struct fold *fold, struct snapshot *rules);

/* Hands over the states, for these rules. Then there is only fold_free(). */
void fold_take(struct fold *fold, struct snapshot *rules, struct states *ret_states,
               struct adopted *ret_adopted);
void fold_free(struct fold *fold); /* NULL is allowed */
