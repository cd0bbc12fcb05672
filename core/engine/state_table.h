/* The states of entities in memory and nothing else: a state_source for histories that are made up,
 * as those of cases are. What a server works from is store/overlay.h. */
#pragma once

#include "engine.h"

struct state_table_slot;

struct state_table {
    struct state_source source;     /* first */
    struct state_table_slot *slots; /* open addressing */
    size_t count, capacity;         /* capacity: a power of two, or 0 */
};

void state_table_init(struct state_table *table);
void state_table_deinit(struct state_table *table);
/* No entity has a state any more. */
void state_table_clear(struct state_table *table);
