/* States of entities in memory only: a state_source for the histories of cases. The server's source
 * is core/store/overlay/overlay.h. */
#pragma once

#include "core/base/buffer.h"
#include "engine.h"

struct case_states_slot;

struct case_states {
    struct state_source source; /* first */
    const struct plan *plan;
    struct buffer bytes;            /* of the state read last */
    struct case_states_slot *slots; /* open addressing */
    size_t count, capacity;         /* capacity: a power of two, or 0 */
};

/* The plan, which the states are folded with, must outlive the table. */
void case_states_init(struct case_states *table, const struct plan *plan);
void case_states_deinit(struct case_states *table);
/* Frees all states. */
void case_states_clear(struct case_states *table);
