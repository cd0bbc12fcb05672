/* The states of entities in memory and nothing else: a state_source for histories that are made up,
 * as those of cases are. What a server works from is core/store/overlay/overlay.h. */
#pragma once

#include "engine.h"

struct case_states_slot;

struct case_states {
    struct state_source source;     /* first */
    struct case_states_slot *slots; /* open addressing */
    size_t count, capacity;         /* capacity: a power of two, or 0 */
};

void case_states_init(struct case_states *table);
void case_states_deinit(struct case_states *table);
/* No entity has a state any more. */
void case_states_clear(struct case_states *table);
