#include "generation_entries.h"

#include "content_hash.h"
#include "core/base/check.h"

#include <stdlib.h>

void generation_names_init(struct generation_names *names, const struct plan *plan) {
    check(plan->entity_count <= PLAN_ENTITIES_MAX);
    *names = (struct generation_names){.count = plan->entity_count};
    for (size_t i = 0; i < names->count; i++)
        names->states[i] = text_of(content_hash_state_table(plan->entities[i].name));
}

void generation_names_deinit(struct generation_names *names) {
    for (size_t i = 0; i < names->count; i++)
        free((void *)(uintptr_t)names->states[i].data);
    *names = (struct generation_names){0};
}

size_t generation_state_size(const struct generation_names *names, size_t entity, struct text key,
                             struct text state) {
    return content_hash_size(names->states[entity], key, state);
}

void generation_state_put(const struct generation_names *names, size_t entity, struct text key,
                          struct text state, uint8_t *at) {
    content_hash_put(at, names->states[entity], key, state);
}

_Static_assert(GENERATION_ID_SIZE ==
                   12 + sizeof CONTENT_IDS_TABLE - 1 + ID_KEY_SIZE + ID_VALUE_SIZE,
               "the content of an id");

void generation_id_put(uint64_t id_hash, struct known_id known, uint8_t at[GENERATION_ID_SIZE]) {
    uint8_t key_bytes[ID_KEY_SIZE], value_bytes[ID_VALUE_SIZE];
    id_key_put(id_hash, key_bytes);
    id_value_put(known, value_bytes);
    content_hash_put(
        at, TEXT_LITERAL(CONTENT_IDS_TABLE),
        (struct text){.data = (const char *)key_bytes, .length = sizeof key_bytes},
        (struct text){.data = (const char *)value_bytes, .length = sizeof value_bytes});
}
