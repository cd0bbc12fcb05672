/* Entries of a generation's tables as bytes, for those who prepare them without its writer. */
#pragma once

#include "core/feature/plan/plan.h"
#include "known_id.h"

#include <stddef.h>
#include <stdint.h>

/* Names of the tables of states, each ended by NUL too. */
struct generation_names {
    struct text states[PLAN_ENTITIES_MAX];
    size_t count;
};
void generation_names_init(struct generation_names *names, const struct plan *plan);
void generation_names_deinit(struct generation_names *names);

/* A state. put: to memory of that size. */
size_t generation_state_size(const struct generation_names *names, size_t entity, struct text key,
                             struct text state);
void generation_state_put(const struct generation_names *names, size_t entity, struct text key,
                          struct text state, uint8_t *at);

#define GENERATION_ID_SIZE 32
void generation_id_put(uint64_t id_hash, struct known_id known, uint8_t at[GENERATION_ID_SIZE]);
