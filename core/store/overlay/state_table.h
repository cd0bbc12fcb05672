/* The states held in memory: a hash table from (entity, key) to a state that stays where it is, for
 * the overlay and for jobs over the archive. Nothing is ever removed: an overlay lives from one
 * generation to the next. */
#pragma once

#include "core/base/heap.h"
#include "core/base/text.h"
#include "core/engine/engine.h"
#include "hash_leaves.h"

#include <stddef.h>
#include <stdint.h>

/* Of kept_bytes. */
#define KEPT_BYTES_MAX ((UINT32_C(1) << 29) - 1)

struct held_state {
    struct state state; /* the first: overlay_apply.c finds the rest from it */
    uint32_t
        kept_bytes : 29;    /* beside the state, the overlay's to know; is_kept: a group's number */
    uint32_t is_kept : 1;   /* bulk_apply.c keeps entries of it */
    uint32_t has_index : 1; /* in kept_bytes */
    uint32_t has_cache : 1;
    /* A word of its own: views read it while what stands above is written. */
    uint32_t : 0;
    uint32_t entity : 8;
    uint32_t key_length : 24;
    char key[];
};

static inline struct text held_state_key(const struct held_state *held_state) {
    return (struct text){.data = held_state->key, .length = held_state->key_length};
}

/* Half of what a hash and a pointer take: there may be many millions. */
struct held_state_slot {
    uint32_t hash;  /* of this table: says the leaf, and where in it (hash_leaves.h) */
    uint32_t place; /* in the blocks: states in the table.c; 0: free */
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

/* What lies in the heap stays there: it goes with the heap. */
void state_table_deinit(struct state_table *state_table);

/* key_hash = hash_text(key). NULL: not there. */
struct held_state *state_table_find(const struct state_table *state_table, size_t entity,
                                    struct text key, uint64_t key_hash);
/* Brings what state_table_find() will touch into the processor's cache: in step 0 the slot, in step
 * 1 what it leads to. */
#define STATE_TABLE_FETCH_STEPS 2
void state_table_fetch(const struct state_table *state_table, size_t entity, uint64_t key_hash,
                       int step);
/* The same for whoever keeps what all of them begin with: state_table_hash(). What was made of an
 * empty table finds nothing in it later on. */
uint32_t state_table_hash(const struct state_table *state_table, size_t entity, uint64_t key_hash);
void state_table_fetch_hashed(const struct state_table *state_table, uint32_t hash, int step);
struct held_state *state_table_find_hashed(const struct state_table *state_table, size_t entity,
                                           struct text key, uint32_t hash);
/* Both for several, whose waits for memory overlap: sets their states, NULL where there is none. */
void state_table_seek(const struct state_table *state_table, struct state_place *places,
                      size_t count);
/* How much of the room for them is taken: there is none for more than 32 GiB of keys and what goes
 * with each, states not counted, and whoever adds one beyond that ends the process. */
unsigned state_table_percent(const struct state_table *state_table);
/* One after the other as they were added, whatever is added meanwhile; begins with {0}. NULL: that
 * was the last so far. */
struct state_table_cursor {
    size_t block, used;
};
struct held_state *state_table_next(const struct state_table *state_table,
                                    struct state_table_cursor *cursor);
/* It must not be there yet. The key is copied; the state is empty. */
struct held_state *state_table_add(struct state_table *state_table, size_t entity, struct text key,
                                   uint64_t key_hash);
/* Into (entity, key) order. */
void state_table_sort(struct held_state **list, size_t count);
/* All of them in (entity, key) order; free() the array. */
struct held_state **state_table_sorted(const struct state_table *state_table);
