/* A leaf has as many places in the list as the list is deeper than it: those whose numbers begin
 * with its bits. Each has the leaf's address; how much is in use stands in the first alone.
 *
 * One more of the upper bits divides a leaf in two halves, or nearly, as long as hashes are spread.
 * Should many be alike (clients choose the keys), then the list does not grow with every one of
 * them: it stays in proportion to the leaves, and a leaf that it cannot divide gets more slots. */
#include "leaves.h"

#include "../base/check.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOT_BITS 10
#define SLOT_BITS_MAX   31
#define PLACES_A_LEAF   8 /* the list has at most so many for each leaf */

static unsigned depth_of(const struct leaves *leaves) {
    return 32u - leaves->shift;
}

static size_t slots_size(const struct leaves *leaves, unsigned slot_bits) {
    return (size_t)leaves->slot_size << slot_bits;
}

/* The first of the places of the hash's leaf. */
static size_t first_place(const struct leaves *leaves, uint32_t hash) {
    return (size_t)(leaf_to_fill(leaves, hash) - leaves->list);
}

static size_t last_place(const struct leaves *leaves, size_t first) {
    return first + ((size_t)1 << (depth_of(leaves) - leaves->list[first].depth)) - 1;
}

const struct leaf *leaves_next(const struct leaves *leaves, const struct leaf *leaf) {
    if (!leaves->list || !leaf)
        return leaves->list;
    size_t next = last_place(leaves, (size_t)(leaf - leaves->list)) + 1;
    return next < (size_t)1 << depth_of(leaves) ? &leaves->list[next] : NULL;
}

void leaves_deinit(struct leaves *leaves) {
    for (const struct leaf *leaf = NULL; (leaf = leaves_next(leaves, leaf));)
        if (!leaf->is_in_heap)
            free(leaf->slots);
    free(leaves->list);
    if (!leaves->heap)
        free(leaves->spare);
    *leaves = (struct leaves){0};
}

static void *take_from_heap(struct leaves *leaves) {
    if (leaves->room_left == 0) {
        leaves->room = heap_bare_extent(leaves->heap);
        leaves->room_left = HEAP_EXTENT_SIZE;
    }
    void *slots = leaves->room;
    leaves->room += LEAF_BYTES;
    leaves->room_left -= LEAF_BYTES;
    return slots;
}

/* Free slots, for a leaf that is nowhere in the list yet. */
static struct leaf new_leaf(struct leaves *leaves, unsigned slot_bits, unsigned depth) {
    size_t size = slots_size(leaves, slot_bits);
    struct leaf leaf = {.slot_bits = (uint8_t)slot_bits, .depth = (uint8_t)depth};
    leaf.is_in_heap = leaves->heap && size == LEAF_BYTES;
    if (size == LEAF_BYTES && leaves->spare) {
        leaf.slots = leaves->spare;
        leaves->spare = NULL;
    } else {
        leaf.slots = leaf.is_in_heap ? take_from_heap(leaves) : check_malloc(size);
    }
    memset(leaf.slots, 0, size);
    leaves->capacity += (size_t)1 << slot_bits;
    leaves->leaf_count++;
    return leaf;
}

/* Every place becomes two. */
static void double_list(struct leaves *leaves) {
    size_t places = (size_t)1 << depth_of(leaves);
    struct leaf *list = check_calloc(2 * places, sizeof *list);
    for (size_t i = 0; i < places; i++)
        list[2 * i] = list[2 * i + 1] = leaves->list[i];
    free(leaves->list);
    leaves->list = list;
    leaves->shift--;
}

static bool can_divide(const struct leaves *leaves, const struct leaf *leaf) {
    if (slots_size(leaves, leaf->slot_bits) < LEAF_BYTES)
        return false;
    if (leaf->depth < depth_of(leaves))
        return true;
    size_t places = (size_t)2 << depth_of(leaves);
    return places <= PLACES_A_LEAF * leaves->leaf_count && depth_of(leaves) + leaf->slot_bits < 32;
}

static void put_leaf(struct leaves *leaves, size_t first, size_t places, struct leaf leaf) {
    for (size_t i = 0; i < places; i++)
        leaves->list[first + i] = leaf;
}

static void divide(struct leaves *leaves, uint32_t hash) {
    if (leaves->list[first_place(leaves, hash)].depth == depth_of(leaves))
        double_list(leaves);
    size_t first = first_place(leaves, hash), half = (last_place(leaves, first) + 1 - first) / 2;
    unsigned slot_bits = leaves->former.slot_bits, depth = leaves->former.depth + 1u;
    put_leaf(leaves, first, half, new_leaf(leaves, slot_bits, depth));
    put_leaf(leaves, first + half, half, new_leaf(leaves, slot_bits, depth));
}

static void enlarge(struct leaves *leaves, uint32_t hash) {
    const struct leaf *former = &leaves->former;
    size_t first = first_place(leaves, hash), places = last_place(leaves, first) + 1 - first;
    check(former->slot_bits < SLOT_BITS_MAX);
    put_leaf(leaves, first, places, new_leaf(leaves, former->slot_bits + 1u, former->depth));
}

const void *leaves_grow(struct leaves *leaves, uint32_t hash, size_t *ret_count) {
    *ret_count = 0;
    if (!leaves->list) {
        leaves->shift = 32;
        leaves->list = check_malloc(sizeof *leaves->list);
        leaves->list[0] = new_leaf(leaves, FIRST_SLOT_BITS, 0);
        return NULL;
    }
    leaves->former = leaves->list[first_place(leaves, hash)];
    if (can_divide(leaves, &leaves->former))
        divide(leaves, hash);
    else
        enlarge(leaves, hash);
    *ret_count = (size_t)1 << leaves->former.slot_bits;
    return leaves->former.slots;
}

/* A whole leaf is kept for the next one that is divided. (Where there is one already, the heap
 * keeps this one: only hashes too much alike come to that.) */
void leaves_grown(struct leaves *leaves) {
    struct leaf *former = &leaves->former;
    if (!former->slots)
        return;
    leaves->leaf_count--;
    leaves->capacity -= (size_t)1 << former->slot_bits;
    bool is_whole = slots_size(leaves, former->slot_bits) == LEAF_BYTES;
    if (is_whole && !leaves->spare)
        leaves->spare = former->slots;
    else if (!former->is_in_heap)
        free(former->slots);
    *former = (struct leaf){0};
}
