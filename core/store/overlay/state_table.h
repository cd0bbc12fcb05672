/* The states held in memory: a hash table from (entity, key) to a state that never moves, for the
 * overlay and for jobs over the archive. Nothing is ever removed: an overlay lives from one
 * generation to the next.
 *
 * Held states lie in blocks and are found through slots of 8 bytes in leaves (hash_leaves.h). One
 * thread at a time, except that views read keys, which never change, in another thread. */
#pragma once

#include "core/base/heap.h"
#include "core/base/text.h"
#include "core/engine/engine.h"
#include "hash_leaves.h"

#include <stddef.h>
#include <stdint.h>

/* Of counted: a state that takes more memory is counted as this. */
#define COUNTED_MAX ((UINT32_C(1) << 31) - 1)

struct held_state {
    struct state state; /* first: overlay_apply.c gets from it to the rest */
    /* state_memory(), as the overlay counted it last; if is_kept: the number of a group; in a
     * view's table of copies: that of a copy. */
    uint32_t counted : 31;
    uint32_t is_kept : 1; /* bulk_apply.c holds entries for it */
    /* A separate word: views read it while the bits above are written. */
    uint32_t : 0;
    uint32_t entity : 8;
    uint32_t key_length : 24;
    char key[];
};

static inline struct text held_state_key(const struct held_state *held_state) {
    return (struct text){.data = held_state->key, .length = held_state->key_length};
}

/* 8 bytes, half of what a hash and a pointer take: there may be many millions. */
struct held_state_slot {
    uint32_t hash;  /* of this table: selects the leaf, and the slot in it (hash_leaves.h) */
    uint32_t place; /* of the held state in the blocks (state_table.c); 0: free */
};

struct state_table {
    struct hash_leaves
        hash_leaves; /* of held_state_slots. Its heap is set before the first: where states in the
                      * table and their states live; NULL: malloc()'s */
    size_t count;
    uint64_t factor;                  /* odd, of this table alone: clients choose the keys */
    struct held_state_block **blocks; /* where they live; the last one has room */
    size_t block_count;
};

/* Memory in the heap is not freed: it goes with the heap. */
void state_table_deinit(struct state_table *state_table);

/* key_hash = hash_text(key). NULL: not there. */
struct held_state *state_table_find(const struct state_table *state_table, size_t entity,
                                    struct text key, uint64_t key_hash);
/* Prefetches what state_table_find() will touch: step 0 the slot, step 1 the held state that it
 * leads to. */
#define STATE_TABLE_FETCH_STEPS 2
void state_table_fetch(const struct state_table *state_table, size_t entity, uint64_t key_hash,
                       int step);
/* The same for callers that keep the hash of the table, state_table_hash(), which all of them start
 * from. A hash that was made while the table was empty is not valid later. */
uint32_t state_table_hash(const struct state_table *state_table, size_t entity, uint64_t key_hash);
void state_table_fetch_hashed(const struct state_table *state_table, uint32_t hash, int step);
struct held_state *state_table_find_hashed(const struct state_table *state_table, size_t entity,
                                           struct text key, uint32_t hash);
/* Finds several, so that their waits for memory overlap: sets their states, NULL where there is
 * none. */
void state_table_seek(const struct state_table *state_table, struct state_place *places,
                      size_t count);
/* Percent of the room that is used. The limit is 32 GiB of keys and held states (without the bytes
 * of the states); adding beyond it ends the process. */
unsigned state_table_percent(const struct state_table *state_table);
/* In the order in which they were added, also while more are added; starts with {0}. NULL: that was
 * the last so far. */
struct state_table_cursor {
    size_t block, used;
};
struct held_state *state_table_next(const struct state_table *state_table,
                                    struct state_table_cursor *cursor);
/* Adds one, which must not exist. The key is copied; the state is empty. */
struct held_state *state_table_add(struct state_table *state_table, size_t entity, struct text key,
                                   uint64_t key_hash);
/* Sorts by (entity, key). */
void state_table_sort(struct held_state **list, size_t count);
/* All of them in (entity, key) order; free() the array. */
struct held_state **state_table_sorted(const struct state_table *state_table);
