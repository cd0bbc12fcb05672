/* The slots of a hash table, in leaves that double one by one: so adding to a table deals out one
 * leaf at most, however large the table is, and memory grows with what is in it. (Now and then the
 * list of leaves doubles: a thousandth of the slots' bytes.) A loop that answers while somebody
 * waits cannot stop to place millions anew.
 *
 * A list says which leaf a hash belongs to, by the hash's upper bits; its lower bits say where in
 * the leaf the table begins to look. A leaf that is full becomes two, by one more of the upper
 * bits. What slots are is the table's: it puts those of the full leaf where they belong now.
 *
 * Private to store/. */
#pragma once

#include "core/base/heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of all leaves but a small table's only one, and but those that hashes too much alike share. */
#define LEAF_BYTES ((size_t)64 << 10)

struct leaf {
    void *slots;
    uint32_t count;    /* in use; kept in the first of the leaf's places */
    uint8_t slot_bits; /* 1 << slot_bits slots, at most three quarters of them used */
    uint8_t depth;     /* so many upper bits lead here: places whose numbers begin with them */
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

/* The same with its count, for adding. */
static inline struct leaf *leaf_to_fill(const struct hash_leaves *hash_leaves, uint32_t hash) {
    size_t place = (size_t)((uint64_t)hash >> hash_leaves->shift);
    unsigned below = 32u - hash_leaves->shift - hash_leaves->list[place].depth;
    return &hash_leaves->list[place >> below << below];
}
/* Is there a free slot for one more? */
static inline bool leaf_has_room(const struct leaf *leaf) {
    return 4 * ((uint64_t)leaf->count + 1) <= UINT64_C(3) << leaf->slot_bits;
}
/* Makes room for one more with that hash. The slots of the leaf that was full, which the caller
 * puts into the leaves that now are theirs, all of them free; then hash_hash_leaves_grown(). There
 * may still be no room: the caller asks again. NULL: there was no leaf at all. */
const void *hash_leaves_grow(struct hash_leaves *hash_leaves, uint32_t hash, size_t *ret_count);
void hash_leaves_grown(struct hash_leaves *hash_leaves);
/* One after the other; after NULL the first. NULL: that was the last. */
const struct leaf *hash_leaves_next(const struct hash_leaves *hash_leaves, const struct leaf *leaf);
