/* Open addressing with linear probing inside leaves, as state_table.c; here a slot is the whole
 * entry, so there is nothing else to follow. */
#include "id_index.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/prefetch.h"

#include <stdlib.h>
#include <string.h>

void id_index_deinit(struct id_index *index) {
    hash_leaves_deinit(&index->hash_leaves);
    *index = (struct id_index){0};
}

struct known_id id_slot_known(const struct id_slot *slot) {
    return (struct known_id){.position = slot->packed >> 8,
                             .label = (enum label)(slot->packed & 0xff)};
}

/* Multiplied by a secret factor, so that clients, who choose the ids, cannot make them collide. */
static uint32_t hash_of(const struct id_index *index, uint64_t id_hash) {
    return hash_place(id_hash, index->factor);
}

/* The slot of the hash, or the free one where probing ends. Ids with the same hash share a slot:
 * callers keep the first. */
static struct id_slot *find_slot(const struct id_index *index, uint64_t id_hash) {
    uint32_t hash = hash_of(index, id_hash);
    const struct leaf *leaf = leaf_of(&index->hash_leaves, hash);
    struct id_slot *slots = leaf->slots;
    uint32_t mask = leaf_mask(leaf), at = hash & mask;
    while (slots[at].packed && slots[at].id_hash != id_hash)
        at = (at + 1) & mask;
    return &slots[at];
}

void id_index_fetch(const struct id_index *index, uint64_t id_hash) {
    if (index->count == 0)
        return;
    uint32_t hash = hash_of(index, id_hash);
    const struct leaf *leaf = leaf_of(&index->hash_leaves, hash);
    const struct id_slot *slots = leaf->slots;
    prefetch(&slots[hash & leaf_mask(leaf)]);
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

static void put(struct id_index *index, uint32_t hash, struct id_slot slot) {
    struct leaf *leaf = leaf_to_fill(&index->hash_leaves, hash);
    struct id_slot *slots = leaf->slots;
    uint32_t mask = leaf_mask(leaf), at = hash & mask;
    while (slots[at].packed)
        at = (at + 1) & mask;
    slots[at] = slot;
    leaf->count++;
}

static void grow(struct id_index *index, uint32_t hash) {
    size_t count;
    const struct id_slot *slots = hash_leaves_grow(&index->hash_leaves, hash, &count);
    for (size_t i = 0; i < count; i++)
        if (slots[i].packed)
            put(index, hash_of(index, slots[i].id_hash), slots[i]);
    hash_leaves_grown(&index->hash_leaves);
}

static void begin(struct id_index *index) {
    size_t count;
    index->hash_leaves.slot_size = sizeof(struct id_slot);
    hash_leaves_grow(&index->hash_leaves, 0, &count);
    index->factor = hash_secret(index->hash_leaves.list[0].slots);
}

void id_index_set(struct id_index *index, uint64_t id_hash, struct known_id known) {
    check(known.position > 0 && known.position < UINT64_C(1) << 56);
    if (!index->hash_leaves.list)
        begin(index);
    struct id_slot *slot = find_slot(index, id_hash);
    if (!slot->packed) {
        uint32_t hash = hash_of(index, id_hash);
        struct leaf *leaf = leaf_to_fill(&index->hash_leaves, hash);
        for (; !leaf_has_room(leaf); slot = find_slot(index, id_hash)) {
            grow(index, hash);
            leaf = leaf_to_fill(&index->hash_leaves, hash);
        }
        leaf->count++;
        index->count++;
    }
    *slot =
        (struct id_slot){.id_hash = id_hash, .packed = known.position << 8 | (uint64_t)known.label};
}

static int compare_slots(const void *left, const void *right) {
    const struct id_slot *a = left, *b = right;
    return (a->id_hash > b->id_hash) - (a->id_hash < b->id_hash);
}

/* In the order of the hash itself, which is that of the table "ids" of a generation; the order of
 * the slots depends on the secret factor. */
struct id_slot *id_index_sorted(const struct id_index *index) {
    struct id_slot *sorted = check_calloc(index->count, sizeof *sorted);
    size_t count = 0;
    const struct leaf *leaf = NULL;
    while ((leaf = hash_leaves_next(&index->hash_leaves, leaf))) {
        const struct id_slot *slots = leaf->slots;
        for (size_t i = 0; i < (size_t)1 << leaf->slot_bits; i++)
            if (slots[i].packed)
                sorted[count++] = slots[i];
    }
    check(count == index->count);
    if (count)
        qsort(sorted, count, sizeof *sorted, compare_slots);
    return sorted;
}
