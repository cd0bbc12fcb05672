#include "residents.h"

#include "../base/check.h"
#include "../base/hash.h"
#include "../base/prefetch.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Residents are carved from large blocks and freed all at once. Where one lies is a number: that of
 * its block, and behind it how far into that, in units. So 32 bits reach over 32 GiB. */
#define UNIT        8
#define PLACE_BITS  15
#define BLOCK_BYTES ((size_t)UNIT << PLACE_BITS)
#define BLOCKS_MAX  (UINT32_MAX >> PLACE_BITS)

struct resident_block {
    size_t used, size;
    bool is_in_heap; /* it is an extent behind its head */
    alignas(alignof(struct resident)) char bytes[];
};

#define KEY_LENGTH_MAX ((UINT32_C(1) << 21) - 1) /* a request is shorter */
#define EXTENT_ROOM    (HEAP_EXTENT_SIZE - HEAP_HEAD_SIZE - sizeof(struct resident_block))

_Static_assert(PLAN_ENTITIES_MAX <= 1 << 8, "an entity is a byte");
_Static_assert(alignof(struct resident) <= UNIT, "residents lie at whole units");
_Static_assert(EXTENT_ROOM <= BLOCK_BYTES, "a place reaches all of an extent");

static struct resident *at_place(const struct residents *residents, uint32_t place) {
    struct resident_block *block = residents->blocks[place >> PLACE_BITS];
    return (void *)(block->bytes + (size_t)UNIT * (place & (BLOCK_BYTES / UNIT - 1)));
}

static size_t size_of(size_t key_length) {
    return (sizeof(struct resident) + key_length + UNIT - 1) & ~(size_t)(UNIT - 1);
}

struct resident *residents_next(const struct residents *residents,
                                struct residents_cursor *cursor) {
    for (; cursor->block < residents->block_count; cursor->block++, cursor->used = 0) {
        struct resident_block *block = residents->blocks[cursor->block];
        if (cursor->block == 0 && cursor->used == 0)
            cursor->used = UNIT;
        if (cursor->used == block->used && cursor->block + 1 == residents->block_count)
            return NULL;
        if (cursor->used == block->used)
            continue;
        struct resident *resident = (void *)(block->bytes + cursor->used);
        cursor->used += size_of(resident->key_length);
        return resident;
    }
    return NULL;
}

/* In the order of memory, whatever that of the slots. */
static void leave_states(struct residents *residents) {
    struct residents_cursor cursor = {0};
    for (struct resident *resident; (resident = residents_next(residents, &cursor));) {
        if (residents->leaves.heap)
            state_leave(&resident->state);
        else
            state_deinit(&resident->state);
    }
}

void residents_deinit(struct residents *residents) {
    leave_states(residents);
    leaves_deinit(&residents->leaves);
    for (size_t i = 0; i < residents->block_count; i++)
        if (!residents->blocks[i]->is_in_heap)
            free(residents->blocks[i]);
    free(residents->blocks);
    *residents = (struct residents){0};
}

/* The same key under two entities must not land in the same place, nor many keys that somebody
 * chose: the factor comes from where memory lay when the table was begun, which is unknown to them.
 * No result depends on it. */
static uint32_t slot_hash(const struct residents *residents, size_t entity, uint64_t key_hash) {
    uint64_t mixed = key_hash ^ (uint64_t)(entity + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return hash_place(mixed, residents->factor);
}

uint32_t residents_hash(const struct residents *residents, size_t entity, uint64_t key_hash) {
    return slot_hash(residents, entity, key_hash);
}

/* Where probing for it begins. */
static inline const struct resident_slot *first_slot(const struct residents *residents,
                                                     uint32_t hash) {
    const struct leaf *leaf = leaf_of(&residents->leaves, hash);
    const struct resident_slot *slots = leaf->slots;
    return &slots[hash & leaf_mask(leaf)];
}

/* Mostly its slot, found without a look at where it leads: the first one of all its hash. A quarter
 * of all slots lie behind those of others. */
static inline const struct resident_slot *likely_slot(const struct residents *residents,
                                                      uint32_t hash) {
    const struct leaf *leaf = leaf_of(&residents->leaves, hash);
    const struct resident_slot *slots = leaf->slots;
    uint32_t mask = leaf_mask(leaf), at = hash & mask;
    while (slots[at].place && slots[at].hash != hash)
        at = (at + 1) & mask;
    return &slots[at];
}

static inline bool is_it(const struct residents *residents, struct resident_slot slot,
                         size_t entity, struct text key, uint32_t hash) {
    if (slot.hash != hash)
        return false;
    const struct resident *resident = at_place(residents, slot.place);
    return resident->entity == entity && text_equal(resident_key(resident), key);
}

/* Its slot, or the free one where probing for it ends. */
static inline __attribute__((always_inline)) struct resident_slot *
find_slot(const struct residents *residents, size_t entity, struct text key, uint32_t hash) {
    const struct leaf *leaf = leaf_of(&residents->leaves, hash);
    struct resident_slot *slots = leaf->slots;
    uint32_t mask = leaf_mask(leaf), at = hash & mask;
    while (slots[at].place && !is_it(residents, slots[at], entity, key, hash))
        at = (at + 1) & mask;
    return &slots[at];
}

static inline struct resident *at_slot(const struct residents *residents,
                                       const struct resident_slot *slot) {
    return slot->place ? at_place(residents, slot->place) : NULL;
}

struct resident *residents_find(const struct residents *residents, size_t entity, struct text key,
                                uint64_t key_hash) {
    return residents_find_hashed(residents, entity, key, slot_hash(residents, entity, key_hash));
}

struct resident *residents_find_hashed(const struct residents *residents, size_t entity,
                                       struct text key, uint32_t hash) {
    if (residents->count == 0)
        return NULL;
    return at_slot(residents, find_slot(residents, entity, key, hash));
}

#define USUAL_KEY_LENGTH 16

static void fetch_resident(const struct resident *resident) {
    prefetch_far_all(resident, sizeof *resident + USUAL_KEY_LENGTH);
}

void residents_fetch(const struct residents *residents, size_t entity, uint64_t key_hash,
                     int step) {
    residents_fetch_hashed(residents, slot_hash(residents, entity, key_hash), step);
}

void residents_fetch_hashed(const struct residents *residents, uint32_t hash, int step) {
    if (residents->count == 0)
        return;
    if (step == 0) {
        prefetch_far(first_slot(residents, hash));
        return;
    }
    const struct resident_slot *slot = likely_slot(residents, hash);
    if (slot->place)
        fetch_resident(at_place(residents, slot->place));
}

/* So many at once: their hashes are on the stack. */
#define SEEK_MAX 64

static void seek(const struct residents *residents, struct state_place *places, size_t count) {
    uint32_t hashes[SEEK_MAX];
    const struct resident_slot *slots[SEEK_MAX]; /* the first ones, which mostly are theirs */
    for (size_t i = 0; i < count; i++) {
        hashes[i] = slot_hash(residents, places[i].entity, places[i].key_hash);
        slots[i] = first_slot(residents, hashes[i]);
        prefetch(slots[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (slots[i]->place)
            fetch_resident(at_place(residents, slots[i]->place));
    for (size_t i = 0; i < count; i++) {
        const struct state_place *place = &places[i];
        if (slots[i]->place && !is_it(residents, *slots[i], place->entity, place->key, hashes[i]))
            slots[i] = find_slot(residents, place->entity, place->key, hashes[i]);
        struct resident *resident = at_slot(residents, slots[i]);
        places[i].state = resident ? &resident->state : NULL;
    }
}

void residents_seek(const struct residents *residents, struct state_place *places, size_t count) {
    for (size_t i = 0; i < count && residents->count == 0; i++)
        places[i].state = NULL;
    for (size_t first = 0; first < count && residents->count > 0; first += SEEK_MAX)
        seek(residents, places + first, count - first < SEEK_MAX ? count - first : SEEK_MAX);
}

/* Into the first free slot where probing for it comes by. */
static void put(struct residents *residents, struct resident_slot slot) {
    struct leaf *leaf = leaf_to_fill(&residents->leaves, slot.hash);
    struct resident_slot *slots = leaf->slots;
    uint32_t mask = leaf_mask(leaf), at = slot.hash & mask;
    while (slots[at].place)
        at = (at + 1) & mask;
    slots[at] = slot;
    leaf->count++;
}

static void grow(struct residents *residents, uint32_t hash) {
    size_t count;
    const struct resident_slot *slots = leaves_grow(&residents->leaves, hash, &count);
    for (size_t i = 0; i < count; i++)
        if (slots[i].place)
            put(residents, slots[i]);
    leaves_grown(&residents->leaves);
}

/* The first leaf, and what makes this table's hashes its own. */
static void begin(struct residents *residents) {
    size_t count;
    residents->leaves.slot_size = sizeof(struct resident_slot);
    leaves_grow(&residents->leaves, 0, &count);
    if (residents->factor == 0)
        residents->factor = hash_secret(residents->leaves.list[0].slots);
}

static struct resident_block *new_block(const struct residents *residents, size_t room) {
    if (!residents->leaves.heap || room > EXTENT_ROOM) {
        struct resident_block *block =
            check_malloc(sizeof *block + (room > BLOCK_BYTES ? room : BLOCK_BYTES));
        block->size = room > BLOCK_BYTES ? room : BLOCK_BYTES;
        block->is_in_heap = false;
        return block;
    }
    struct resident_block *block =
        (void *)((uint8_t *)heap_extent(residents->leaves.heap) + HEAP_HEAD_SIZE);
    block->size = EXTENT_ROOM;
    block->is_in_heap = true;
    return block;
}

static struct resident_block *add_block(struct residents *residents, size_t size) {
    size_t count = residents->block_count;
    if (count > BLOCKS_MAX)
        check_exhausted("places for entities in one table: 32 GiB are the most");
    if ((count & (count - 1)) == 0) /* full: it has doubled so far */
        residents->blocks =
            check_reallocarray(residents->blocks, count ? 2 * count : 1, sizeof *residents->blocks);
    /* The first unit of the first block is nobody's: its place is that of a free slot. */
    size_t used = count == 0 ? UNIT : 0;
    struct resident_block *block = new_block(residents, used + size);
    block->used = used;
    residents->blocks[residents->block_count++] = block;
    return block;
}

unsigned residents_percent(const struct residents *residents) {
    return (unsigned)(residents->block_count * 100 / BLOCKS_MAX);
}

static uint32_t carve(struct residents *residents, size_t key_length) {
    size_t size = size_of(key_length), count = residents->block_count;
    struct resident_block *block = count > 0 ? residents->blocks[count - 1] : NULL;
    if (!block || size > block->size - block->used)
        block = add_block(residents, size);
    size_t at = block->used;
    block->used += size;
    return (uint32_t)((residents->block_count - 1) << PLACE_BITS | at / UNIT);
}

struct resident *residents_add(struct residents *residents, size_t entity, struct text key,
                               uint64_t key_hash) {
    if (!residents->leaves.list)
        begin(residents);
    check(key.length <= KEY_LENGTH_MAX && entity < PLAN_ENTITIES_MAX);
    uint32_t place = carve(residents, key.length);
    struct resident *resident = at_place(residents, place);
    resident->entity = (uint8_t)entity;
    resident->kept_bytes = 0;
    resident->is_kept = resident->has_survey = resident->has_standing = false;
    resident->key_length = (uint32_t)key.length & KEY_LENGTH_MAX;
    if (key.length)
        memcpy(resident->key, key.data, key.length);
    state_init(&resident->state);
    resident->state.is_in_heap = residents->blocks[residents->block_count - 1]->is_in_heap;
    uint32_t hash = slot_hash(residents, entity, key_hash);
    while (!leaf_has_room(leaf_to_fill(&residents->leaves, hash)))
        grow(residents, hash);
    struct resident_slot *slot = find_slot(residents, entity, key, hash);
    check(!slot->place);
    *slot = (struct resident_slot){.hash = hash, .place = place};
    leaf_to_fill(&residents->leaves, hash)->count++;
    residents->count++;
    return resident;
}

static int compare_residents(const void *left, const void *right) {
    const struct resident *a = *(struct resident *const *)left;
    const struct resident *b = *(struct resident *const *)right;
    if (a->entity != b->entity)
        return a->entity < b->entity ? -1 : 1;
    return text_compare(resident_key(a), resident_key(b));
}

void residents_sort(struct resident **list, size_t count) {
    if (count)
        qsort(list, count, sizeof(struct resident *), compare_residents);
}

struct resident **residents_sorted(const struct residents *residents) {
    struct resident **sorted = check_calloc(residents->count, sizeof(struct resident *));
    struct residents_cursor cursor = {0};
    for (size_t i = 0; i < residents->count; i++)
        sorted[i] = residents_next(residents, &cursor);
    residents_sort(sorted, residents->count);
    return sorted;
}
