#include "state_table.h"

#include "../base/check.h"

#include <stdlib.h>

struct state_table_slot {
    struct text key; /* on the heap; .data NULL: the slot is free */
    uint64_t key_hash;
    size_t entity;
    struct state *state; /* stays where it is when the table grows */
};

/* The slot of an entity, or the free one where it belongs. */
static struct state_table_slot *find(const struct state_table *table, size_t entity,
                                     struct text key, uint64_t key_hash) {
    size_t mask = table->capacity - 1;
    for (size_t at = (size_t)key_hash + entity;; at++) {
        struct state_table_slot *slot = &table->slots[at & mask];
        if (!slot->key.data ||
            (slot->key_hash == key_hash && slot->entity == entity && text_equal(slot->key, key)))
            return slot;
    }
}

static struct text table_read(struct state_source *self, size_t entity, struct text key,
                              uint64_t key_hash) {
    const struct state_table *table = (struct state_table *)self;
    if (table->capacity == 0)
        return (struct text){0};
    const struct state_table_slot *slot = find(table, entity, key, key_hash);
    if (!slot->key.data)
        return (struct text){0};
    return (struct text){.data = (const char *)slot->state->bytes, .length = slot->state->length};
}

static void grow(struct state_table *table) {
    struct state_table old = *table;
    table->capacity = old.capacity ? old.capacity * 2 : 64;
    table->slots = check_calloc(table->capacity, sizeof *table->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        const struct state_table_slot *slot = &old.slots[i];
        if (slot->key.data)
            *find(table, slot->entity, slot->key, slot->key_hash) = *slot;
    }
    free(old.slots);
}

static struct state *table_write(struct state_source *self, size_t entity, struct text key,
                                 uint64_t key_hash) {
    struct state_table *table = (struct state_table *)self;
    if (table->count >= table->capacity / 2)
        grow(table);
    struct state_table_slot *slot = find(table, entity, key, key_hash);
    if (!slot->key.data) {
        *slot = (struct state_table_slot){
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

void state_table_init(struct state_table *table) {
    *table = (struct state_table){.source = {.read = table_read, .write = table_write}};
}

void state_table_clear(struct state_table *table) {
    for (size_t i = 0; i < table->capacity; i++) {
        struct state_table_slot *slot = &table->slots[i];
        if (!slot->key.data)
            continue;
        free((void *)(uintptr_t)slot->key.data);
        state_deinit(slot->state);
        free(slot->state);
        *slot = (struct state_table_slot){.key = {0}};
    }
    table->count = 0;
}

void state_table_deinit(struct state_table *table) {
    state_table_clear(table);
    free(table->slots);
}
