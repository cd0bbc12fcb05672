/* What decide.c and apply.c share: the memory of one engine, and how a transaction is laid out in
 * it. Private to engine/. */
#pragma once

#include "engine.h"

/* Where a feature of the rules snapshot takes its value from. */
struct feature_origin {
    size_t slot;    /* in the rules frame */
    size_t feature; /* index in the plan's entity; SIZE_MAX: warming, absent */
    struct value default_value;
};

/* What is read of one entity of the plan, for the rules. */
struct reading {
    struct entity_plan plan; /* the plan's own, with the features' defaults taken off */
    struct feature_origin *origins;
    size_t origin_count;
};

/* A transaction as one snapshot sees it. */
struct layout {
    const struct snapshot *snapshot;
    struct bound bound; /* its own: slot_count slots in frame, field_count integers */
};

/* Where the state of one of the transaction's entities is. */
struct spot {
    uint64_t key_hash;
    struct state *state; /* NULL: not in memory */
    bool has_key;
};

struct engine {
    struct snapshot *rules, *plan;
    struct layout rules_layout;
    struct layout plan_layout; /* shares the rules' memory when the snapshots are the same */
    struct reading *readings;  /* one per entity of the plan */
    struct spot *spots;        /* likewise, of the transaction in the plan's layout */
    /* Filters of the plan, all entities' one behind the other. Entities often share conditions:
     * each is evaluated once per record. */
    size_t *first_filter; /* of each entity */
    size_t *same_filter;  /* of each filter: the first one with the same condition */
    signed char *passed;  /* of those, by the record being looked at; −1: not known yet */
    size_t filter_count;
    size_t warming;
    uint32_t cutoffs[VERDICT_COUNT]; /* in force, as in struct snapshot */
    uint64_t unknown;
    struct value *values; /* room for the features of the largest entity */
    struct state_scratch *state_scratch;
    struct entry entry;
    char key[PLAN_KEY_PARTS_MAX * (ENGINE_KEY_PART_MAX + BUFFER_VARINT_MAX)];
};

/* Verdict and outcome as filters see them. */
void layout_set_verdict(struct layout *layout, enum verdict verdict);
void layout_set_outcome(struct layout *layout, enum label label);

/* The key of an entity of the plan for the transaction in the layout, in engine->key; .data NULL
 * when the transaction lacks a part of it. */
struct text layout_key(struct engine *engine, size_t entity);

/* Finds the states of all entities of the transaction in the plan's layout, which is to be read or
 * applied, and fetches them: fills engine->spots. Quick where the source has them in memory. */
void layout_find_states(struct engine *engine, int64_t at_us, struct state_source *states);

/* Does the transaction in the plan's layout pass the filter, with verdict and outcome as set? */
bool layout_passes(struct engine *engine, size_t entity, size_t filter, struct arena *arena);

/* Fills time and columns of engine->entry from the plan's layout; the id, which is the same for all
 * entities, and the weights are the caller's. */
void layout_entry(struct engine *engine, size_t entity, const struct transaction *transaction);
