/* The plainest state_source there is: a list of (entity, key, state), searched from its start. */
#pragma once

#include "core/base/buffer.h"
#include "core/engine/engine.h"

struct state_map_slot {
    size_t entity;
    char *key;
    size_t key_length;
    struct state state;
};

struct state_map {
    struct state_source source;
    const struct plan *plan;
    struct buffer bytes; /* of the state read last */
    struct state_map_slot *slots;
    size_t count;
};

/* The plan, which the states are folded with, must outlive the map. */
void state_map_init(struct state_map *map, const struct plan *plan);
void state_map_deinit(struct state_map *map);

/* Same entities with the same state bytes, in whatever order they came in. */
bool state_map_equal(const struct state_map *a, const struct state_map *b);
