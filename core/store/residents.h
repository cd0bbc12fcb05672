/* The states held in memory: a hash table from (entity, key) to a state that stays where it is, for
 * the overlay and for jobs over the archive. Nothing is ever removed: an overlay lives from one
 * generation to the next. */
#pragma once

#include "../base/heap.h"
#include "../base/text.h"
#include "../engine/engine.h"
#include "leaves.h"

#include <stddef.h>
#include <stdint.h>

struct resident {
    struct state state;  /* the first: overlay.c finds the rest from it */
    uint32_t kept_bytes; /* beside the state, the overlay's to know; is_kept: a group's number */
    uint32_t entity : 8;
    uint32_t is_kept : 1;    /* stretch.c keeps entries of it */
    uint32_t has_survey : 1; /* in kept_bytes */
    uint32_t has_standing : 1;
    uint32_t key_length : 21;
    char key[];
};

static inline struct text resident_key(const struct resident *resident) {
    return (struct text){.data = resident->key, .length = resident->key_length};
}

/* Half of what a hash and a pointer take: there may be many millions. */
struct resident_slot {
    uint32_t hash;  /* of this table: says the leaf, and where in it (leaves.h) */
    uint32_t place; /* in the blocks: residents.c; 0: free */
};

struct residents {
    struct leaves leaves; /* of resident_slots. Its heap is set before the first: where residents
                           * and their states live; NULL: malloc()'s */
    size_t count;
    uint64_t factor;                /* odd, of this table alone: clients choose the keys */
    struct resident_block **blocks; /* where they live; the last one has room */
    size_t block_count;
};

/* What lies in the heap stays there: it goes with the heap. */
void residents_deinit(struct residents *residents);

/* key_hash = hash_text(key). NULL: not there. */
struct resident *residents_find(const struct residents *residents, size_t entity, struct text key,
                                uint64_t key_hash);
/* Brings what residents_find() will touch into the processor's cache: in step 0 the slot, in step 1
 * what it leads to. */
#define RESIDENTS_FETCH_STEPS 2
void residents_fetch(const struct residents *residents, size_t entity, uint64_t key_hash, int step);
/* The same for whoever keeps what all of them begin with: residents_hash(). What was made of an
 * empty table finds nothing in it later on. */
uint32_t residents_hash(const struct residents *residents, size_t entity, uint64_t key_hash);
void residents_fetch_hashed(const struct residents *residents, uint32_t hash, int step);
struct resident *residents_find_hashed(const struct residents *residents, size_t entity,
                                       struct text key, uint32_t hash);
/* Both for several, whose waits for memory overlap: sets their states, NULL where there is none. */
void residents_seek(const struct residents *residents, struct state_place *places, size_t count);
/* How much of the room for them is taken: there is none for more than 32 GiB of keys and what goes
 * with each, states not counted, and whoever adds one beyond that ends the process. */
unsigned residents_percent(const struct residents *residents);
/* One after the other as they were added, whatever is added meanwhile; begins with {0}. NULL: that
 * was the last so far. */
struct residents_cursor {
    size_t block, used;
};
struct resident *residents_next(const struct residents *residents, struct residents_cursor *cursor);
/* It must not be there yet. The key is copied; the state is empty. */
struct resident *residents_add(struct residents *residents, size_t entity, struct text key,
                               uint64_t key_hash);
/* Into (entity, key) order. */
void residents_sort(struct resident **list, size_t count);
/* All of them in (entity, key) order; free() the array. */
struct resident **residents_sorted(const struct residents *residents);
