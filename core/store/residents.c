#include "residents.h"

#include "../base/check.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 1024
#define BLOCK_BYTES    (256u << 10)

/* Residents are carved from large blocks and freed all at once. */
struct resident_block {
    struct resident_block *next;
    size_t used, size;
    alignas(alignof(struct resident)) char bytes[];
};

void residents_deinit(struct residents *residents) {
    for (size_t i = 0; i < residents->capacity; i++)
        if (residents->slots[i].resident)
            state_deinit(&residents->slots[i].resident->state);
    free(residents->slots);
    while (residents->blocks) {
        struct resident_block *next = residents->blocks->next;
        free(residents->blocks);
        residents->blocks = next;
    }
    *residents = (struct residents){0};
}

/* The same key under two entities must not land in the same place. */
static uint64_t slot_hash(size_t entity, uint64_t key_hash) {
    return key_hash ^ (uint64_t)(entity + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t find_slot(const struct residents *residents, size_t entity, struct text key,
                        uint64_t hash) {
    size_t at = hash & (residents->capacity - 1);
    for (;; at = (at + 1) & (residents->capacity - 1)) {
        const struct resident_slot *slot = &residents->slots[at];
        if (!slot->resident)
            return at;
        if (slot->hash == hash && slot->resident->entity == entity &&
            text_equal(resident_key(slot->resident), key))
            return at;
    }
}

struct resident *residents_find(const struct residents *residents, size_t entity, struct text key,
                                uint64_t key_hash) {
    if (residents->count == 0)
        return NULL;
    size_t at = find_slot(residents, entity, key, slot_hash(entity, key_hash));
    return residents->slots[at].resident;
}

/* The key lies on the second line. */
static void fetch_resident(const struct resident *resident) {
    __builtin_prefetch(resident, 1);
    __builtin_prefetch(resident->key);
}

void residents_fetch(const struct residents *residents, size_t entity, uint64_t key_hash,
                     int step) {
    if (residents->count == 0)
        return;
    size_t at = slot_hash(entity, key_hash) & (residents->capacity - 1);
    if (step == 0)
        __builtin_prefetch(&residents->slots[at]);
    else if (residents->slots[at].resident)
        fetch_resident(residents->slots[at].resident);
}

/* Where probing for the hash ends: at a free slot. */
static size_t free_slot(const struct residents *residents, uint64_t hash) {
    size_t at = hash & (residents->capacity - 1);
    while (residents->slots[at].resident)
        at = (at + 1) & (residents->capacity - 1);
    return at;
}

/* Twice the slots, in place: a large table then grows by new pages and keeps the ones it has. From
 * behind a free slot on, all around the old half: so whoever is placed anew finds nobody in the way
 * who is still to be placed, as those lie behind the slot that it has just left. */
static void grow(struct residents *residents) {
    size_t old = residents->capacity, first = 0;
    residents->capacity = old ? 2 * old : CAPACITY_FIRST;
    residents->slots =
        check_reallocarray(residents->slots, residents->capacity, sizeof *residents->slots);
    memset(residents->slots + old, 0, (residents->capacity - old) * sizeof *residents->slots);
    while (first < old && residents->slots[first].resident)
        first++;
    for (size_t i = 1; i < old; i++) {
        struct resident_slot *slot = &residents->slots[(first + i) & (old - 1)];
        struct resident_slot moved = *slot;
        if (!moved.resident)
            continue;
        slot->resident = NULL;
        residents->slots[free_slot(residents, moved.hash)] = moved;
    }
}

static struct resident *carve(struct residents *residents, size_t key_length) {
    size_t size = sizeof(struct resident) + key_length;
    size = (size + alignof(struct resident) - 1) & ~(alignof(struct resident) - 1);
    struct resident_block *block = residents->blocks;
    if (!block || size > block->size - block->used) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = check_malloc(sizeof *block + room);
        *block = (struct resident_block){.next = residents->blocks, .size = room};
        residents->blocks = block;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memory;
}

struct resident *residents_add(struct residents *residents, size_t entity, struct text key,
                               uint64_t key_hash) {
    if (4 * (residents->count + 1) > 3 * residents->capacity)
        grow(residents);
    check(key.length <= UINT32_MAX);
    struct resident *resident = carve(residents, key.length);
    resident->entity = (uint32_t)entity;
    resident->kept_bytes = 0;
    resident->key_length = (uint32_t)key.length;
    if (key.length)
        memcpy(resident->key, key.data, key.length);
    state_init(&resident->state);
    uint64_t hash = slot_hash(entity, key_hash);
    size_t at = find_slot(residents, entity, key, hash);
    check(!residents->slots[at].resident);
    residents->slots[at] = (struct resident_slot){.hash = hash, .resident = resident};
    residents->count++;
    return resident;
}

static int compare_residents(const void *left, const void *right) {
    const struct resident *a = *(struct resident *const *)left;
    const struct resident *b = *(struct resident *const *)right;
    if (a->entity != b->entity)
        return a->entity < b->entity ? -1 : 1;
    return text_compare(resident_key(a), resident_key(b));
}

void residents_sort(struct resident **list, size_t count) {
    if (count)
        qsort(list, count, sizeof(struct resident *), compare_residents);
}

struct resident **residents_sorted(const struct residents *residents) {
    struct resident **sorted = check_calloc(residents->count, sizeof(struct resident *));
    size_t count = 0;
    for (size_t i = 0; i < residents->capacity; i++)
        if (residents->slots[i].resident)
            sorted[count++] = residents->slots[i].resident;
    residents_sort(sorted, count);
    return sorted;
}
