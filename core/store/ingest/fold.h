/* States from what is stored: the tables of a generation, then the newer records of the archive. A
 * server's start, its recovery after a crash or a failed write, the swap of generations, and the
 * beginning of an import are all this one operation.
 *
 * A fold belongs to one thread. It changes nothing on disk. */
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
    /* A challenger decides in place of the engine's rules for its share of a key. It has the same
     * plan, and so reads and changes the same states. NULL: there is none. */
    struct engine *challenger;
    struct experiment experiment; /* with a challenger */
    struct hashed_arm {
        const struct transaction *transaction;
        enum arm arm;
    } hashed[2]; /* of the transaction to be decided, and the one after it: ingest_expect() */
};

void states_init(struct states *states);
void states_deinit(struct states *states);
/* An engine for these rules with the plan and the lists of the states and the thresholds of their
 * generation. The caller frees it. */
struct engine *states_engine(const struct states *states, struct snapshot *rules);
/* The second half of states_engine(), for an engine that was made earlier with this plan. */
void states_fit(const struct states *states, struct engine *engine);

/* From here on a challenger decides for its share; engine NULL: none does. Takes over the engine,
 * which was made with this plan and fitted; returns the one before. */
struct engine *states_challenge(struct states *states, const struct experiment *experiment,
                                struct engine *engine);
/* The engine that has made a decision of this arm, or is to make it. */
static inline struct engine *states_engine_of(const struct states *states, enum arm arm) {
    return arm == ARM_CHALLENGER && states->challenger ? states->challenger : states->engine;
}

/* The last records of their kinds that the fold has read; 0 or false: none since the generation. */
struct adopted_shadows {
    uint64_t ids[2 * ENGINE_SHADOWS_MAX]; /* the newest last; older ones are dropped */
    size_t count;
};

struct adopted {
    uint64_t snapshot_id;
    uint64_t generation_id;
    bool this_version;
    struct adopted_shadows shadows; /* policies that the archive has a shadow record of */
};

void adopted_shadow(struct adopted_shadows *shadows, uint64_t id);
/* The record is the last of its kind now. */
void adopted_note(struct adopted *adopted, const struct record *record);

struct fold;

struct fold_source {
    const char *archive, *generations; /* folders */
    /* Of the generation, within generations; NULL: the current one; if there is none, that of the
     * place where the archive begins (generation_base.h), if it begins later. */
    const char *folder;
    struct snapshot *rules; /* that decide */
    bool verified;          /* read all of the generation against its hashes before */
    /* Not NULL: a current generation that is damaged is gone around, to the newest other that is
     * whole, and without one to the archive. Then here is what is wrong; else code 0. */
    struct error *damage;
};

/* Opens the generation, if there is one, chooses the plan, and finds the place in the archive where
 * the fold starts. The plan is the generation's own; without a generation the first that the
 * archive has; in an empty archive that of the rules. ERROR_DAMAGED, ERROR_UNSUPPORTED,
 * ERROR_NOT_FOUND (the generation is not of this archive), ERROR_SYSTEM. */
int fold_begin(const struct fold_source *source, struct fold **ret_fold, struct error *ret_error);

/* Called every few thousand records with the position reached and the one to reach. May be NULL. */
struct fold_progress {
    void (*report)(struct fold_progress *self, uint64_t position, uint64_t end);
};

/* Folds up to this place, which the archive must have reached. Records after it are not read: a
 * write that fails may roll them back. ERROR_INTERRUPTED when *stop becomes true. After an error
 * the fold can only be freed. */
int fold_advance(struct fold *fold, struct archive_place end, const atomic_bool *stop,
                 struct fold_progress *progress, struct error *ret_error);

/* overlay_use_prefault() of its overlay. */
void fold_use_prefault(struct fold *fold, struct pages_prefault *prefault);

struct archive_place fold_place(const struct fold *fold);          /* reached so far */
const struct generation *fold_generation(const struct fold *fold); /* NULL: none */
const struct snapshot *fold_plan(const struct fold *fold);
const struct snapshot *fold_rules(const struct fold *fold); /* that decide on the states */
/* Other rules decide by now: makes their engine, which fold_take() would have to make otherwise. */
void fold_use_rules(struct fold *fold, struct snapshot *rules);

/* Hands over the states, with an engine for these rules. Then the fold can only be freed. */
void fold_take(struct fold *fold, struct snapshot *rules, struct states *ret_states,
               struct adopted *ret_adopted);
void fold_free(struct fold *fold); /* NULL is allowed */
