/* The states of all entities under one plan, as a server holds them: folded from the archive's
 * first record, or gone on with from a generation's tables. In memory; no file is read or written.
 *
 * They lie in shards, by the hash of their keys: a shard is one thread's at a time. What a state
 * holds does not depend on how many shards there are.
 *
 * A generation leaves idle entities out (core/store/overlay/overlay.h), and what is left out is not
 * there for a transaction that arrives late enough to see it. So a replay must forget the same
 * histories at the same place. It cannot throw them away: the next full rebuild folds the whole
 * archive and may find that a late record has woken one of them. Idle histories are therefore set
 * aside, as `dormant`, and a state of the whole archive is the merger of an entity's two parts,
 * which are disjoint. Private to batch/. */
#pragma once

#include "core/engine/engine.h"
#include "core/store/overlay/state_table.h"
#include "replay_memory.h"

#include <stddef.h>
#include <stdint.h>

struct replay_shard {
    struct state_table live;    /* what decisions see */
    struct state_table dormant; /* what the generations before have left out */
    struct heap heap;           /* of both */
};

/* What a reading leaves of one entity, in the plan's order. */
struct replay_columns {
    size_t first_value; /* in a row's values */
    size_t *texts;      /* features whose values are texts */
    size_t text_count;
};

struct replay_states {
    struct state_source source; /* first: the engine's view of all shards, for one thread */
    struct snapshot *plan;      /* the engines keep it */
    struct engine **engines;    /* for entity entries and reading, one for each thread */
    bool omits_ids;             /* engine_omit_ids() */
    const struct entity_plan **entities; /* engine_entity_plan() */
    size_t workers;
    struct replay_memory *memory; /* of all heaps */
    struct replay_shard *shards;
    size_t shard_count;             /* a power of two */
    struct replay_columns *columns; /* of each entity of the plan */
    size_t value_count;             /* of all of them */
};

/* No history yet. omits_ids: states are nobody else's, neither from tables nor applied to by
 * engine_apply(). */
struct replay_states *replay_states_new(struct snapshot *plan, size_t workers, size_t shards,
                                        bool omits_ids);
void replay_states_free(struct replay_states *states); /* NULL is allowed */

/* Where an entity's state lies. */
static inline size_t replay_states_shard(const struct replay_states *states, size_t entity,
                                         uint64_t key_hash) {
    /* Not the bits that states in the table go by. */
    uint64_t mixed = key_hash ^ (uint64_t)(entity + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 48) & (states->shard_count - 1);
}

/* What a server has that opens a generation of this place: states of all records so far but for the
 * entities that are idle. newest_event_time_us: of all transactions so far. */
struct replay_states *replay_states_rebuilt(const struct replay_states *states,
                                            int64_t newest_event_time_us);
