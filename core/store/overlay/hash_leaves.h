/* The slots of a hash table, in leaves that split one by one (extendible hashing): adding an entry
 * moves the slots of one leaf at most, however large the table is, and memory grows with the number
 * of entries. (Occasionally the directory doubles: a thousandth of the bytes of the slots.) A loop
 * that answers requests cannot stop to rehash millions of entries.
 *
 * A directory maps the upper bits of a hash to a leaf; the lower bits say where in the leaf probing
 * starts. A full leaf splits in two by one more of the upper bits. What a slot is, is the table's
 * business: it moves the slots of the full leaf to where they belong now.
 *
 * Private to store/. */
#pragma once

#include "core/base/heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of a leaf in bytes. Exceptions: the only leaf of a small table, and leaves whose hashes
 * are too much alike to split. */
#define LEAF_BYTES ((size_t)64 << 10)

struct leaf {
    void *slots;
    uint32_t count;    /* slots in use; valid in the leaf's first entry of the directory only */
    uint8_t slot_bits; /* 1 << slot_bits slots, at most three quarters of them used */
    uint8_t depth;     /* the number of upper bits that all of its hashes share */
    bool is_in_heap;
};

struct hash_leaves {
    struct leaf *list; /* by the upper bits of hashes; NULL: there is none yet */
    uint8_t shift;     /* how far a hash goes down to a place in the list, of which there are
                        * 1 << 32 - shift */
    uint8_t slot_size; /* bytes, a power of two. Set before the first */
    size_t leaf_count;
    size_t capacity;    /* slots of all leaves */
    void *spare;        /* a leaf that is nobody's; NULL: none */
    uint8_t *room;      /* in the newest extent; */
    size_t room_left;   /* bytes */
    struct heap *heap;  /* where whole leaves lie; NULL: malloc()'s. Set before the first */
    struct leaf former; /* while it is dealt out */
};

/* What lies in the heap stays there: it goes with the heap. */
void hash_leaves_deinit(struct hash_leaves *hash_leaves);

static inline const struct leaf *leaf_of(const struct hash_leaves *hash_leaves, uint32_t hash) {
    return &hash_leaves->list[(uint64_t)hash >> hash_leaves->shift];
}
static inline uint32_t leaf_mask(const struct leaf *leaf) {
    return (UINT32_C(1) << leaf->slot_bits) - 1;
}

/* The leaf for adding: its first entry in the directory, which has the count. */
static inline struct leaf *leaf_to_fill(const struct hash_leaves *hash_leaves, uint32_t hash) {
    size_t place = (size_t)((uint64_t)hash >> hash_leaves->shift);
    unsigned below = 32u - hash_leaves->shift - hash_leaves->list[place].depth;
    return &hash_leaves->list[place >> below << below];
}
/* Is there room for one more? At most three quarters of the slots are used, so that probing paths
 * stay short. */
static inline bool leaf_has_room(const struct leaf *leaf) {
    return 4 * ((uint64_t)leaf->count + 1) <= UINT64_C(3) << leaf->slot_bits;
}
/* Makes room for one more entry with this hash. Returns the slots of the leaf that was full and
 * their number; the caller moves them to their new leaves, which are empty, and then calls
 * hash_leaves_grown(). There may still be no room: the caller checks again. NULL: the table had no
 * leaf at all. */
const void *hash_leaves_grow(struct hash_leaves *hash_leaves, uint32_t hash, size_t *ret_count);
void hash_leaves_grown(struct hash_leaves *hash_leaves);
/* All leaves in order; leaf NULL: the first one. NULL: there are no more. */
const struct leaf *hash_leaves_next(const struct hash_leaves *hash_leaves, const struct leaf *leaf);
