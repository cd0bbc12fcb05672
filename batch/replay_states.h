/* The states of all entities under one plan, as a server holds them: folded from the archive's
 * first record, or gone on with from a generation's tables. In memory; no file is read or written.
 *
 * A generation leaves idle entities out (store/overlay.h), and what is left out is not there for a
 * transaction that arrives late enough to see it. So a replay must forget the same histories at the
 * same place. It cannot throw them away: the next full rebuild folds the whole archive and may find
 * that a late record has woken one of them. Idle histories are therefore set aside, as `dormant`,
 * and a state of the whole archive is the merger of an entity's two parts, which are disjoint.
 * Private to batch/. */
#pragma once

#include "core/engine/engine.h"
#include "core/store/residents.h"

#include <stdint.h>

struct replay_states {
    struct state_source source; /* first: the engine's view of it */
    struct snapshot *plan;      /* the engine keeps it */
    struct engine *engine;      /* for applying: what decides has one of its own */
    struct residents live;      /* what decisions see */
    struct residents dormant;   /* what the generations before have left out */
};

/* No history yet. */
struct replay_states *replay_states_new(struct snapshot *plan);
void replay_states_free(struct replay_states *states); /* NULL is allowed */

void replay_states_apply(struct replay_states *states, const struct record *record);

/* What a server has that opens a generation of this place: states of all records so far but for the
 * entities that are idle. newest_event_time_us: of all transactions so far. */
struct replay_states *replay_states_rebuilt(const struct replay_states *states,
                                            int64_t newest_event_time_us);
