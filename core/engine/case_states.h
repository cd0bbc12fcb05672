/* States of entities in memory only: a state_source for the histories of cases. The server's source
 * is core/store/overlay/overlay.h. */
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
/* Frees all states. */
void case_states_clear(struct case_states *table);
