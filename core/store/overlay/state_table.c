/* Open addressing with linear probing inside leaves (hash_leaves.h). A slot has the hash, so that
 * probing touches a held state only when it is almost certainly the right one. Look-ups of several
 * keys go through each step for all of them, so that cache misses overlap. */
#include "state_table.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/prefetch.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Held states are carved from large blocks and freed all at once. A place is the number of a block,
 * then the offset in it in units: 32 bits reach over 32 GiB. */
#define UNIT        8
#define PLACE_BITS  15
#define BLOCK_BYTES ((size_t)UNIT << PLACE_BITS)
#define BLOCKS_MAX  (UINT32_MAX >> PLACE_BITS)

struct held_state_block {
    size_t used, size;
    bool is_in_heap; /* it is an extent of the heap, after its head */
    alignas(alignof(struct held_state)) char bytes[];
};

#define KEY_LENGTH_MAX ((UINT32_C(1) << 21) - 1) /* a request is shorter */
#define EXTENT_ROOM    (HEAP_EXTENT_SIZE - HEAP_HEAD_SIZE - sizeof(struct held_state_block))

_Static_assert(PLAN_ENTITIES_MAX <= 1 << 8, "an entity is a byte");
_Static_assert(alignof(struct held_state) <= UNIT, "held states are aligned to units");
_Static_assert(EXTENT_ROOM <= BLOCK_BYTES, "a place reaches all of an extent");

static struct held_state *at_place(const struct state_table *state_table, uint32_t place) {
    struct held_state_block *block = state_table->blocks[place >> PLACE_BITS];
    return (void *)(block->bytes + (size_t)UNIT * (place & (BLOCK_BYTES / UNIT - 1)));
}

static size_t size_of(size_t key_length) {
    return (sizeof(struct held_state) + key_length + UNIT - 1) & ~(size_t)(UNIT - 1);
}

struct held_state *state_table_next(const struct state_table *state_table,
                                    struct state_table_cursor *cursor) {
    for (; cursor->block < state_table->block_count; cursor->block++, cursor->used = 0) {
        struct held_state_block *block = state_table->blocks[cursor->block];
        if (cursor->block == 0 && cursor->used == 0)
            cursor->used = UNIT;
        if (cursor->used == block->used && cursor->block + 1 == state_table->block_count)
            return NULL;
        if (cursor->used == block->used)
            continue;
        struct held_state *held_state = (void *)(block->bytes + cursor->used);
        cursor->used += size_of(held_state->key_length);
        return held_state;
    }
    return NULL;
}

/* In the order of memory, which is faster than that of the slots. */
static void leave_states(struct state_table *state_table) {
    struct state_table_cursor cursor = {0};
    for (struct held_state *held_state; (held_state = state_table_next(state_table, &cursor));) {
        if (state_table->hash_leaves.heap)
            state_leave(&held_state->state);
        else
            state_deinit(&held_state->state);
    }
}

void state_table_deinit(struct state_table *state_table) {
    leave_states(state_table);
    hash_leaves_deinit(&state_table->hash_leaves);
    for (size_t i = 0; i < state_table->block_count; i++)
        if (!state_table->blocks[i]->is_in_heap)
            free(state_table->blocks[i]);
    free(state_table->blocks);
    *state_table = (struct state_table){0};
}

/* The same key under two entities must not hash alike, nor many keys that an attacker chose: the
 * factor comes from the address of the first leaf, which is unknown outside. It differs in every
 * process, and no result depends on it. */
static uint32_t slot_hash(const struct state_table *state_table, size_t entity, uint64_t key_hash) {
    uint64_t mixed = key_hash ^ (uint64_t)(entity + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return hash_place(mixed, state_table->factor);
}

uint32_t state_table_hash(const struct state_table *state_table, size_t entity, uint64_t key_hash) {
    return slot_hash(state_table, entity, key_hash);
}

/* Where probing starts. */
static inline const struct held_state_slot *first_slot(const struct state_table *state_table,
                                                       uint32_t hash) {
    const struct leaf *leaf = leaf_of(&state_table->hash_leaves, hash);
    const struct held_state_slot *slots = leaf->slots;
    return &slots[hash & leaf_mask(leaf)];
}

/* Usually the right slot, found without touching the held state: the first one with the whole hash.
 * A quarter of all entries are not in the slot where probing starts. */
static inline const struct held_state_slot *likely_slot(const struct state_table *state_table,
                                                        uint32_t hash) {
    const struct leaf *leaf = leaf_of(&state_table->hash_leaves, hash);
    const struct held_state_slot *slots = leaf->slots;
    uint32_t mask = leaf_mask(leaf), at = hash & mask;
    while (slots[at].place && slots[at].hash != hash)
        at = (at + 1) & mask;
    return &slots[at];
}

static inline bool is_it(const struct state_table *state_table, struct held_state_slot slot,
                         size_t entity, struct text key, uint32_t hash) {
    if (slot.hash != hash)
        return false;
    const struct held_state *held_state = at_place(state_table, slot.place);
    return held_state->entity == entity && text_equal(held_state_key(held_state), key);
}

/* The slot of the key, or the free one where probing for it ends. */
static inline __attribute__((always_inline)) struct held_state_slot *
find_slot(const struct state_table *state_table, size_t entity, struct text key, uint32_t hash) {
    const struct leaf *leaf = leaf_of(&state_table->hash_leaves, hash);
    struct held_state_slot *slots = leaf->slots;
    uint32_t mask = leaf_mask(leaf), at = hash & mask;
    while (slots[at].place && !is_it(state_table, slots[at], entity, key, hash))
        at = (at + 1) & mask;
    return &slots[at];
}

static inline struct held_state *at_slot(const struct state_table *state_table,
                                         const struct held_state_slot *slot) {
    return slot->place ? at_place(state_table, slot->place) : NULL;
}

struct held_state *state_table_find(const struct state_table *state_table, size_t entity,
                                    struct text key, uint64_t key_hash) {
    return state_table_find_hashed(state_table, entity, key,
                                   slot_hash(state_table, entity, key_hash));
}

struct held_state *state_table_find_hashed(const struct state_table *state_table, size_t entity,
                                           struct text key, uint32_t hash) {
    if (state_table->count == 0)
        return NULL;
    return at_slot(state_table, find_slot(state_table, entity, key, hash));
}

#define USUAL_KEY_LENGTH 16

static void fetch_held_state(const struct held_state *held_state) {
    prefetch_far_all(held_state, sizeof *held_state + USUAL_KEY_LENGTH);
}

void state_table_fetch(const struct state_table *state_table, size_t entity, uint64_t key_hash,
                       int step) {
    state_table_fetch_hashed(state_table, slot_hash(state_table, entity, key_hash), step);
}

void state_table_fetch_hashed(const struct state_table *state_table, uint32_t hash, int step) {
    if (state_table->count == 0)
        return;
    if (step == 0) {
        prefetch_far(first_slot(state_table, hash));
        return;
    }
    const struct held_state_slot *slot = likely_slot(state_table, hash);
    if (slot->place)
        fetch_held_state(at_place(state_table, slot->place));
}

/* At most this many at once: hashes and slots are on the stack. */
#define SEEK_MAX 64

static void seek(const struct state_table *state_table, struct state_place *places, size_t count) {
    uint32_t hashes[SEEK_MAX];
    const struct held_state_slot
        *slots[SEEK_MAX]; /* where probing starts; usually the right ones */
    for (size_t i = 0; i < count; i++) {
        hashes[i] = slot_hash(state_table, places[i].entity, places[i].key_hash);
        slots[i] = first_slot(state_table, hashes[i]);
        prefetch(slots[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (slots[i]->place)
            fetch_held_state(at_place(state_table, slots[i]->place));
    for (size_t i = 0; i < count; i++) {
        const struct state_place *place = &places[i];
        if (slots[i]->place && !is_it(state_table, *slots[i], place->entity, place->key, hashes[i]))
            slots[i] = find_slot(state_table, place->entity, place->key, hashes[i]);
        struct held_state *held_state = at_slot(state_table, slots[i]);
        places[i].state = held_state ? &held_state->state : NULL;
    }
}

void state_table_seek(const struct state_table *state_table, struct state_place *places,
                      size_t count) {
    for (size_t i = 0; i < count && state_table->count == 0; i++)
        places[i].state = NULL;
    for (size_t first = 0; first < count && state_table->count > 0; first += SEEK_MAX)
        seek(state_table, places + first, count - first < SEEK_MAX ? count - first : SEEK_MAX);
}

/* Into the first free slot on its probing path. */
static void put(struct state_table *state_table, struct held_state_slot slot) {
    struct leaf *leaf = leaf_to_fill(&state_table->hash_leaves, slot.hash);
    struct held_state_slot *slots = leaf->slots;
    uint32_t mask = leaf_mask(leaf), at = slot.hash & mask;
    while (slots[at].place)
        at = (at + 1) & mask;
    slots[at] = slot;
    leaf->count++;
}

static void grow(struct state_table *state_table, uint32_t hash) {
    size_t count;
    const struct held_state_slot *slots = hash_leaves_grow(&state_table->hash_leaves, hash, &count);
    for (size_t i = 0; i < count; i++)
        if (slots[i].place)
            put(state_table, slots[i]);
    hash_leaves_grown(&state_table->hash_leaves);
}

/* The first leaf; its address gives the table its secret factor. */
static void begin(struct state_table *state_table) {
    size_t count;
    state_table->hash_leaves.slot_size = sizeof(struct held_state_slot);
    hash_leaves_grow(&state_table->hash_leaves, 0, &count);
    if (state_table->factor == 0)
        state_table->factor = hash_secret(state_table->hash_leaves.list[0].slots);
}

static struct held_state_block *new_block(const struct state_table *state_table, size_t room) {
    if (!state_table->hash_leaves.heap || room > EXTENT_ROOM) {
        struct held_state_block *block =
            check_malloc(sizeof *block + (room > BLOCK_BYTES ? room : BLOCK_BYTES));
        block->size = room > BLOCK_BYTES ? room : BLOCK_BYTES;
        block->is_in_heap = false;
        return block;
    }
    struct held_state_block *block =
        (void *)((uint8_t *)heap_extent(state_table->hash_leaves.heap) + HEAP_HEAD_SIZE);
    block->size = EXTENT_ROOM;
    block->is_in_heap = true;
    return block;
}

static struct held_state_block *add_block(struct state_table *state_table, size_t size) {
    size_t count = state_table->block_count;
    if (count > BLOCKS_MAX)
        check_exhausted("room for entities in one table: 32 GiB is the limit");
    if ((count & (count - 1)) == 0) /* full: it has doubled so far */
        state_table->blocks = check_reallocarray(state_table->blocks, count ? 2 * count : 1,
                                                 sizeof *state_table->blocks);
    /* The first unit of the first block stays unused: place 0 means a free slot. */
    size_t used = count == 0 ? UNIT : 0;
    struct held_state_block *block = new_block(state_table, used + size);
    block->used = used;
    state_table->blocks[state_table->block_count++] = block;
    return block;
}

unsigned state_table_percent(const struct state_table *state_table) {
    return (unsigned)(state_table->block_count * 100 / BLOCKS_MAX);
}

static uint32_t carve(struct state_table *state_table, size_t key_length) {
    size_t size = size_of(key_length), count = state_table->block_count;
    struct held_state_block *block = count > 0 ? state_table->blocks[count - 1] : NULL;
    if (!block || size > block->size - block->used)
        block = add_block(state_table, size);
    size_t at = block->used;
    block->used += size;
    return (uint32_t)((state_table->block_count - 1) << PLACE_BITS | at / UNIT);
}

struct held_state *state_table_add(struct state_table *state_table, size_t entity, struct text key,
                                   uint64_t key_hash) {
    if (!state_table->hash_leaves.list)
        begin(state_table);
    check(key.length <= KEY_LENGTH_MAX && entity < PLAN_ENTITIES_MAX);
    uint32_t place = carve(state_table, key.length);
    struct held_state *held_state = at_place(state_table, place);
    held_state->entity = (uint8_t)entity;
    held_state->counted = 0;
    held_state->is_kept = false;
    held_state->key_length = (uint32_t)key.length & KEY_LENGTH_MAX;
    if (key.length)
        memcpy(held_state->key, key.data, key.length);
    state_init(&held_state->state);
    held_state->state.is_in_heap = state_table->blocks[state_table->block_count - 1]->is_in_heap;
    uint32_t hash = slot_hash(state_table, entity, key_hash);
    while (!leaf_has_room(leaf_to_fill(&state_table->hash_leaves, hash)))
        grow(state_table, hash);
    struct held_state_slot *slot = find_slot(state_table, entity, key, hash);
    check(!slot->place);
    *slot = (struct held_state_slot){.hash = hash, .place = place};
    leaf_to_fill(&state_table->hash_leaves, hash)->count++;
    state_table->count++;
    return held_state;
}

static int compare_held_states(const void *left, const void *right) {
    const struct held_state *a = *(struct held_state *const *)left;
    const struct held_state *b = *(struct held_state *const *)right;
    if (a->entity != b->entity)
        return a->entity < b->entity ? -1 : 1;
    return text_compare(held_state_key(a), held_state_key(b));
}

void state_table_sort(struct held_state **list, size_t count) {
    if (count)
        qsort(list, count, sizeof(struct held_state *), compare_held_states);
}

struct held_state **state_table_sorted(const struct state_table *state_table) {
    struct held_state **sorted = check_calloc(state_table->count, sizeof(struct held_state *));
    struct state_table_cursor cursor = {0};
    for (size_t i = 0; i < state_table->count; i++)
        sorted[i] = state_table_next(state_table, &cursor);
    state_table_sort(sorted, state_table->count);
    return sorted;
}
