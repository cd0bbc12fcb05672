#include "id_index.h"

#include "../base/check.h"
#include "../base/hash.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 1024

void id_index_deinit(struct id_index *index) {
    heap_table(index->heap, index->slots, index->capacity * sizeof *index->slots, 0);
    *index = (struct id_index){0};
}

struct known_id id_slot_known(const struct id_slot *slot) {
    return (struct known_id){.position = slot->packed >> 8,
                             .label = (enum label)(slot->packed & 0xff)};
}

/* Nobody can choose ids that all lie in one place (residents.c). */
static size_t first_slot(const struct id_index *index, uint64_t id_hash) {
    return id_hash * index->factor >> 20 & (index->capacity - 1);
}

static struct id_slot *find_slot(const struct id_index *index, uint64_t id_hash) {
    size_t at = first_slot(index, id_hash);
    while (index->slots[at].packed && index->slots[at].id_hash != id_hash)
        at = (at + 1) & (index->capacity - 1);
    return &index->slots[at];
}

void id_index_fetch(const struct id_index *index, uint64_t id_hash) {
    if (index->count > 0)
        __builtin_prefetch(&index->slots[first_slot(index, id_hash)], 1);
}

bool id_index_find(const struct id_index *index, uint64_t id_hash, struct known_id *ret_known) {
    if (index->count == 0)
        return false;
    const struct id_slot *slot = find_slot(index, id_hash);
    if (!slot->packed)
        return false;
    *ret_known = id_slot_known(slot);
    return true;
}

static void grow(struct id_index *index) {
    struct id_index grown = {.capacity = index->capacity ? 2 * index->capacity : CAPACITY_FIRST,
                             .count = index->count,
                             .heap = index->heap};
    size_t size = grown.capacity * sizeof *grown.slots;
    grown.slots = heap_table(grown.heap, NULL, 0, size);
    memset(grown.slots, 0, size);
    /* The first table's for good: large ones lie at addresses of which less is left to chance. */
    grown.factor = index->factor ? index->factor : hash_secret(grown.slots);
    for (size_t i = 0; i < index->capacity; i++)
        if (index->slots[i].packed)
            *find_slot(&grown, index->slots[i].id_hash) = index->slots[i];
    heap_table(index->heap, index->slots, index->capacity * sizeof *index->slots, 0);
    *index = grown;
}

void id_index_set(struct id_index *index, uint64_t id_hash, struct known_id known) {
    check(known.position > 0 && known.position < UINT64_C(1) << 56);
    if (4 * (index->count + 1) > 3 * index->capacity)
        grow(index);
    struct id_slot *slot = find_slot(index, id_hash);
    index->count += slot->packed == 0;
    *slot =
        (struct id_slot){.id_hash = id_hash, .packed = known.position << 8 | (uint64_t)known.label};
}

static int compare_slots(const void *left, const void *right) {
    const struct id_slot *a = left, *b = right;
    return (a->id_hash > b->id_hash) - (a->id_hash < b->id_hash);
}

struct id_slot *id_index_sorted(const struct id_index *index) {
    struct id_slot *sorted = check_calloc(index->count, sizeof *sorted);
    size_t count = 0;
    for (size_t i = 0; i < index->capacity; i++)
        if (index->slots[i].packed)
            sorted[count++] = index->slots[i];
    if (count)
        qsort(sorted, count, sizeof *sorted, compare_slots);
    return sorted;
}
