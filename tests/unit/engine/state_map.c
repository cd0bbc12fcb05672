#include "state_map.h"

#include "core/base/check.h"

#include <stdlib.h>

static struct state_map_slot *find(const struct state_map *map, size_t entity, struct text key) {
    for (size_t i = 0; i < map->count; i++) {
        struct state_map_slot *slot = &map->slots[i];
        if (slot->entity == entity &&
            text_equal((struct text){.data = slot->key, .length = slot->key_length}, key))
            return slot;
    }
    return NULL;
}

/* There is no find(): decisions read encoded bytes, unlike those of the sources that are compared
 * with this one. */
static struct text map_read(struct state_source *self, size_t entity, struct text key,
                            uint64_t key_hash) {
    (void)key_hash;
    struct state_map *map = (struct state_map *)self;
    const struct state_map_slot *slot = find(map, entity, key);
    buffer_clear(&map->bytes);
    if (slot)
        state_encode(&slot->state, &map->plan->entities[entity], &map->bytes);
    return buffer_text(&map->bytes);
}

static struct state *map_write(struct state_source *self, size_t entity, struct text key,
                               uint64_t key_hash) {
    (void)key_hash;
    struct state_map *map = (struct state_map *)self;
    struct state_map_slot *slot = find(map, entity, key);
    if (!slot) {
        map->slots = check_reallocarray(map->slots, map->count + 1, sizeof *map->slots);
        slot = &map->slots[map->count++];
        *slot = (struct state_map_slot){
            .entity = entity, .key = text_copy(key), .key_length = key.length};
        state_init(&slot->state);
    }
    return &slot->state;
}

void state_map_init(struct state_map *map, const struct plan *plan) {
    *map = (struct state_map){.source = {.read = map_read, .write = map_write}, .plan = plan};
    buffer_init(&map->bytes);
}

void state_map_deinit(struct state_map *map) {
    for (size_t i = 0; i < map->count; i++) {
        free(map->slots[i].key);
        state_deinit(&map->slots[i].state);
    }
    free(map->slots);
    buffer_deinit(&map->bytes);
}

static bool same_bytes(const struct state *a, const struct state *b,
                       const struct entity_plan *entity) {
    struct buffer bytes;
    buffer_init(&bytes);
    state_encode(a, entity, &bytes);
    size_t length = bytes.length;
    state_encode(b, entity, &bytes);
    bool are_same = bytes.length == 2 * length &&
                    (length == 0 || memcmp(bytes.bytes, bytes.bytes + length, length) == 0);
    buffer_deinit(&bytes);
    return are_same;
}

bool state_map_equal(const struct state_map *a, const struct state_map *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct state_map_slot *left = &a->slots[i];
        const struct state_map_slot *right =
            find(b, left->entity, (struct text){.data = left->key, .length = left->key_length});
        if (!right || !same_bytes(&left->state, &right->state, &a->plan->entities[left->entity]))
            return false;
    }
    return true;
}
