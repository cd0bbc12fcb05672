/* A leaf has as many entries in the directory (`list`) as the directory is deeper than it: all
 * indexes that start with its bits. Each entry has the address of the slots; the count is kept in
 * the first one only.
 *
 * One more of the upper bits splits a leaf about in half, as long as hashes are spread. If many are
 * alike (clients choose the keys), the directory must not grow with each of them: it stays in
 * proportion to the number of leaves, and a leaf that it cannot split gets more slots instead. */
#include "hash_leaves.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOT_BITS 10
#define SLOT_BITS_MAX   31
#define PLACES_A_LEAF   8 /* the list has at most so many for each leaf */

static unsigned depth_of(const struct hash_leaves *hash_leaves) {
    return 32u - hash_leaves->shift;
}

static size_t slots_size(const struct hash_leaves *hash_leaves, unsigned slot_bits) {
    return (size_t)hash_leaves->slot_size << slot_bits;
}

/* The first entry in the directory of the leaf for this hash. */
static size_t first_place(const struct hash_leaves *hash_leaves, uint32_t hash) {
    return (size_t)(leaf_to_fill(hash_leaves, hash) - hash_leaves->list);
}

static size_t last_place(const struct hash_leaves *hash_leaves, size_t first) {
    return first + ((size_t)1 << (depth_of(hash_leaves) - hash_leaves->list[first].depth)) - 1;
}

const struct leaf *hash_leaves_next(const struct hash_leaves *hash_leaves,
                                    const struct leaf *leaf) {
    if (!hash_leaves->list || !leaf)
        return hash_leaves->list;
    size_t next = last_place(hash_leaves, (size_t)(leaf - hash_leaves->list)) + 1;
    return next < (size_t)1 << depth_of(hash_leaves) ? &hash_leaves->list[next] : NULL;
}

void hash_leaves_deinit(struct hash_leaves *hash_leaves) {
    for (const struct leaf *leaf = NULL; (leaf = hash_leaves_next(hash_leaves, leaf));)
        if (!leaf->is_in_heap)
            free(leaf->slots);
    free(hash_leaves->list);
    if (!hash_leaves->heap)
        free(hash_leaves->spare);
    *hash_leaves = (struct hash_leaves){0};
}

static void *take_from_heap(struct hash_leaves *hash_leaves) {
    if (hash_leaves->room_left == 0) {
        hash_leaves->room = heap_bare_extent(hash_leaves->heap);
        hash_leaves->room_left = HEAP_EXTENT_SIZE;
    }
    void *slots = hash_leaves->room;
    hash_leaves->room += LEAF_BYTES;
    hash_leaves->room_left -= LEAF_BYTES;
    return slots;
}

/* Empty slots, for a leaf that is not in the directory yet. */
static struct leaf new_leaf(struct hash_leaves *hash_leaves, unsigned slot_bits, unsigned depth) {
    size_t size = slots_size(hash_leaves, slot_bits);
    struct leaf leaf = {.slot_bits = (uint8_t)slot_bits, .depth = (uint8_t)depth};
    leaf.is_in_heap = hash_leaves->heap && size == LEAF_BYTES;
    if (size == LEAF_BYTES && hash_leaves->spare) {
        leaf.slots = hash_leaves->spare;
        hash_leaves->spare = NULL;
    } else {
        leaf.slots = leaf.is_in_heap ? take_from_heap(hash_leaves) : check_malloc(size);
    }
    memset(leaf.slots, 0, size);
    hash_leaves->capacity += (size_t)1 << slot_bits;
    hash_leaves->leaf_count++;
    return leaf;
}

/* Doubles the directory: each entry becomes two. */
static void double_list(struct hash_leaves *hash_leaves) {
    size_t places = (size_t)1 << depth_of(hash_leaves);
    struct leaf *list = check_calloc(2 * places, sizeof *list);
    for (size_t i = 0; i < places; i++)
        list[2 * i] = list[2 * i + 1] = hash_leaves->list[i];
    free(hash_leaves->list);
    hash_leaves->list = list;
    hash_leaves->shift--;
}

/* The directory may double only while it has at most PLACES_A_LEAF entries per leaf, and only while
 * bits are left for the position within a leaf. */
static bool can_divide(const struct hash_leaves *hash_leaves, const struct leaf *leaf) {
    if (slots_size(hash_leaves, leaf->slot_bits) < LEAF_BYTES)
        return false;
    if (leaf->depth < depth_of(hash_leaves))
        return true;
    size_t places = (size_t)2 << depth_of(hash_leaves);
    return places <= PLACES_A_LEAF * hash_leaves->leaf_count &&
           depth_of(hash_leaves) + leaf->slot_bits < 32;
}

static void put_leaf(struct hash_leaves *hash_leaves, size_t first, size_t places,
                     struct leaf leaf) {
    for (size_t i = 0; i < places; i++)
        hash_leaves->list[first + i] = leaf;
}

static void divide(struct hash_leaves *hash_leaves, uint32_t hash) {
    if (hash_leaves->list[first_place(hash_leaves, hash)].depth == depth_of(hash_leaves))
        double_list(hash_leaves);
    size_t first = first_place(hash_leaves, hash),
           half = (last_place(hash_leaves, first) + 1 - first) / 2;
    unsigned slot_bits = hash_leaves->former.slot_bits, depth = hash_leaves->former.depth + 1u;
    put_leaf(hash_leaves, first, half, new_leaf(hash_leaves, slot_bits, depth));
    put_leaf(hash_leaves, first + half, half, new_leaf(hash_leaves, slot_bits, depth));
}

static void enlarge(struct hash_leaves *hash_leaves, uint32_t hash) {
    const struct leaf *former = &hash_leaves->former;
    size_t first = first_place(hash_leaves, hash),
           places = last_place(hash_leaves, first) + 1 - first;
    check(former->slot_bits < SLOT_BITS_MAX);
    put_leaf(hash_leaves, first, places,
             new_leaf(hash_leaves, former->slot_bits + 1u, former->depth));
}

const void *hash_leaves_grow(struct hash_leaves *hash_leaves, uint32_t hash, size_t *ret_count) {
    *ret_count = 0;
    if (!hash_leaves->list) {
        hash_leaves->shift = 32;
        hash_leaves->list = check_malloc(sizeof *hash_leaves->list);
        hash_leaves->list[0] = new_leaf(hash_leaves, FIRST_SLOT_BITS, 0);
        return NULL;
    }
    hash_leaves->former = hash_leaves->list[first_place(hash_leaves, hash)];
    if (can_divide(hash_leaves, &hash_leaves->former))
        divide(hash_leaves, hash);
    else
        enlarge(hash_leaves, hash);
    *ret_count = (size_t)1 << hash_leaves->former.slot_bits;
    return hash_leaves->former.slots;
}

/* Keeps a whole leaf for the next split. (If there is a spare one already, this one is lost to the
 * heap: that happens only when hashes are too much alike.) */
void hash_leaves_grown(struct hash_leaves *hash_leaves) {
    struct leaf *former = &hash_leaves->former;
    if (!former->slots)
        return;
    hash_leaves->leaf_count--;
    hash_leaves->capacity -= (size_t)1 << former->slot_bits;
    bool is_whole = slots_size(hash_leaves, former->slot_bits) == LEAF_BYTES;
    if (is_whole && !hash_leaves->spare)
        hash_leaves->spare = former->slots;
    else if (!former->is_in_heap)
        free(former->slots);
    *former = (struct leaf){0};
}
