/* The states of all entities under one plan, as a server would hold them: folded from the archive's
 * first record, or continued from a generation's tables. All that is touched is in memory, or with
 * a limit of that on a shelf (state_shelf.h).
 *
 * States are divided into shards by the hashes of their keys; one thread works on a shard at a
 * time. The bytes of a state do not depend on the number of shards.
 *
 * A generation leaves out idle entities (core/store/overlay/overlay.h), so a transaction that
 * arrives very late does not see their history. A replay must forget the same histories at the same
 * position. It cannot discard them: the next full rebuild folds the whole archive and may find that
 * a late record has made one of them active again. Idle histories are therefore moved to a second
 * table, `dormant`; the state over the whole archive is the merge of an entity's two parts, which
 * have no entry in common. Private to batch/. */
#pragma once

#include "core/base/buffer.h"
#include "core/engine/engine.h"
#include "core/store/generation/generation.h"
#include "core/store/overlay/state_table.h"
#include "replay_memory.h"
#include "state_shelf.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct replay_shard {
    struct state_table live;    /* what decisions read */
    struct state_table dormant; /* left out of the generations so far as idle */
    struct heap heap;           /* of both */
    struct replay_extents extents;
    struct state_shelf *shelf; /* NULL: all states are in memory */
    struct buffer bytes;       /* of a state on its way there */
};

/* Where one entity's feature values lie in a row's values; the plan's order. */
struct replay_columns {
    size_t first_value; /* in a row's values */
    size_t *texts;      /* features whose values are texts */
    size_t text_count;
};

struct replay_states {
    struct state_source source; /* first; the engine's view of all shards, for one thread */
    struct buffer bytes;        /* of the state that it read last */
    struct snapshot *plan;      /* the engines hold references */
    struct engine **engines;    /* one per worker, for entries and for reading features */
    bool omits_ids;             /* engine_omit_ids() */
    const struct entity_plan **entities; /* engine_entity_plan() */
    size_t workers;
    struct replay_memory *memory; /* of all heaps */
    struct replay_shard *shards;
    size_t shard_count; /* a power of two */
    size_t shard_bytes; /* with shelves: a shard with more makes room */
    atomic_int failure; /* the first of a shelf, as an error code; negative: it is being written */
    struct error error;
    /* Of the tables that the states continue from: [workers × entities]. NULL: from the first
     * record. An entity's state is copied into its shard when it is first asked for, as a server
     * does, so memory is for those that the records touch. */
    struct generation_cursor **cursors;
    const struct generation *tables; /* those; NULL: none */
    /* What is in the tables and has been idle since this newest event time was left out of a later
     * generation: its state goes to `dormant`. INT64_MIN: nothing is. */
    int64_t idle_since_us;
    struct replay_columns *columns; /* of each entity of the plan */
    size_t value_count;             /* of all of them */
};

/* Empty states. shards: a power of two. omits_ids leaves transaction ids out of the states, which
 * saves memory; only where the states are not loaded from tables and engine_apply() is not used on
 * them. */
struct replay_states *replay_states_new(struct snapshot *plan, size_t workers, size_t shards,
                                        bool omits_ids);
void replay_states_free(struct replay_states *states); /* NULL is allowed */

/* Continues from these tables, which are bound to the plan and outlive the states. Once, before the
 * first state. */
void replay_states_continue(struct replay_states *states, const struct generation *tables);
/* Copies the state that the shelf or the tables have into the entity's shard, whose `live` has
 * none. NULL: they have none either, or it is dormant. */
struct held_state *replay_states_load(const struct replay_states *states, size_t worker,
                                      struct replay_shard *shard, size_t entity, struct text key,
                                      uint64_t key_hash);

/* From here on states beyond these bytes are in files. Once, before the first state; `dormant` is
 * not for such states. */
void replay_states_limit(struct replay_states *states, uint64_t bytes,
                         const struct state_shelf_files *files);
/* Puts all states of a shard on its shelf if they take too much memory: pointers to them end here.
 */
void replay_states_make_room(struct replay_states *states, struct replay_shard *shard);
/* Has a shelf failed, since the disk is full? Memory is not limited since then. */
int replay_states_check(struct replay_states *states, struct error *ret_error);

/* The shard of an entity's state. */
static inline size_t replay_states_shard(const struct replay_states *states, size_t entity,
                                         uint64_t key_hash) {
    /* The tables hash the same mix once more (state_table_hash()), so that the entities of one
     * shard still spread over all of its slots. */
    uint64_t mixed = key_hash ^ (uint64_t)(entity + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 48) & (states->shard_count - 1);
}

/* A copy as a server sees it that opens a generation built at this position: all records so far,
 * idle entities moved to `dormant`. newest_event_time_us: of all transactions so far. */
struct replay_states *replay_states_rebuilt(const struct replay_states *states,
                                            int64_t newest_event_time_us);
