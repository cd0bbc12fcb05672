/* A hash table with open addressing, at most half full. States are allocated one by one, so that
 * pointers to them stay valid while the table grows; slots are never removed, only cleared
 * together. */
#include "case_states.h"

#include "core/base/check.h"

#include <stdlib.h>

struct case_states_slot {
    struct text key; /* on the heap; .data NULL: the slot is free */
    uint64_t key_hash;
    size_t entity;
    struct state *state; /* stays where it is when the table grows */
};

/* The slot of an entity, or the free one where it belongs. */
static struct case_states_slot *slot_of(const struct case_states *table, size_t entity,
                                        struct text key, uint64_t key_hash) {
    size_t mask = table->capacity - 1;
    for (size_t at = (size_t)key_hash + entity;; at++) {
        struct case_states_slot *slot = &table->slots[at & mask];
        if (!slot->key.data ||
            (slot->key_hash == key_hash && slot->entity == entity && text_equal(slot->key, key)))
            return slot;
    }
}

static struct state *state_of(const struct case_states *table, size_t entity, struct text key,
                              uint64_t key_hash) {
    if (table->capacity == 0)
        return NULL;
    return slot_of(table, entity, key, key_hash)->state;
}

static struct text table_read(struct state_source *self, size_t entity, struct text key,
                              uint64_t key_hash) {
    struct case_states *table = (struct case_states *)self;
    const struct state *state = state_of(table, entity, key, key_hash);
    buffer_clear(&table->bytes);
    if (state)
        state_encode(state, &table->plan->entities[entity], &table->bytes);
    return buffer_text(&table->bytes);
}

static void table_find(struct state_source *self, struct state_place *places, size_t count) {
    for (size_t i = 0; i < count; i++)
        places[i].state = state_of((struct case_states *)self, places[i].entity, places[i].key,
                                   places[i].key_hash);
}

static void grow(struct case_states *table) {
    struct case_states old = *table;
    table->capacity = old.capacity ? old.capacity * 2 : 64;
    table->slots = check_calloc(table->capacity, sizeof *table->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        const struct case_states_slot *slot = &old.slots[i];
        if (slot->key.data)
            *slot_of(table, slot->entity, slot->key, slot->key_hash) = *slot;
    }
    free(old.slots);
}

/* The key is copied; a state keeps its address for as long as the table is not cleared. */
static struct state *table_write(struct state_source *self, size_t entity, struct text key,
                                 uint64_t key_hash) {
    struct case_states *table = (struct case_states *)self;
    if (table->count >= table->capacity / 2)
        grow(table);
    struct case_states_slot *slot = slot_of(table, entity, key, key_hash);
    if (!slot->key.data) {
        *slot = (struct case_states_slot){
            .key = {.data = text_copy(key), .length = key.length},
            .key_hash = key_hash,
            .entity = entity,
            .state = check_calloc(1, sizeof *slot->state),
        };
        state_init(slot->state);
        table->count++;
    }
    return slot->state;
}

void case_states_init(struct case_states *table, const struct plan *plan) {
    *table = (struct case_states){
        .source = {.read = table_read, .write = table_write, .find = table_find}, .plan = plan};
    buffer_init(&table->bytes);
}

void case_states_clear(struct case_states *table) {
    for (size_t i = 0; i < table->capacity; i++) {
        struct case_states_slot *slot = &table->slots[i];
        if (!slot->key.data)
            continue;
        free((void *)(uintptr_t)slot->key.data);
        state_deinit(slot->state);
        free(slot->state);
        *slot = (struct case_states_slot){.key = {0}};
    }
    table->count = 0;
}

void case_states_deinit(struct case_states *table) {
    case_states_clear(table);
    buffer_deinit(&table->bytes);
    free(table->slots);
}
