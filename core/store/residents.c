#include "residents.h"

#include "../base/check.h"
#include "../base/hash.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 1024
#define CAPACITY_MAX   (UINT64_C(1) << 32)

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

static inline struct resident *at_slot(const struct residents *residents, size_t slot) {
    uint32_t place = residents->slots[slot].place;
    return place ? at_place(residents, place) : NULL;
}

struct resident *residents_at(const struct residents *residents, size_t slot) {
    return at_slot(residents, slot);
}

static size_t size_of(size_t key_length) {
    return (sizeof(struct resident) + key_length + UNIT - 1) & ~(size_t)(UNIT - 1);
}

/* Block by block: in the order of memory, whatever that of the slots. */
static void leave_states(struct residents *residents) {
    for (size_t i = 0; i < residents->block_count; i++) {
        struct resident_block *block = residents->blocks[i];
        for (size_t at = i == 0 ? UNIT : 0; at < block->used;) {
            struct resident *resident = (void *)(block->bytes + at);
            at += size_of(resident->key_length);
            if (residents->heap)
                state_leave(&resident->state);
            else
                state_deinit(&resident->state);
        }
    }
}

void residents_deinit(struct residents *residents) {
    leave_states(residents);
    heap_table(residents->heap, residents->slots, residents->capacity * sizeof *residents->slots,
               0);
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
    return (uint32_t)(mixed * residents->factor >> 32);
}

static inline __attribute__((always_inline)) size_t
find_slot(const struct residents *residents, size_t entity, struct text key, uint32_t hash) {
    size_t at = hash & (residents->capacity - 1);
    for (;; at = (at + 1) & (residents->capacity - 1)) {
        struct resident_slot slot = residents->slots[at];
        if (!slot.place)
            return at;
        if (slot.hash != hash)
            continue;
        const struct resident *resident = at_place(residents, slot.place);
        if (resident->entity == entity && text_equal(resident_key(resident), key))
            return at;
    }
}

struct resident *residents_find(const struct residents *residents, size_t entity, struct text key,
                                uint64_t key_hash) {
    if (residents->count == 0)
        return NULL;
    size_t at = find_slot(residents, entity, key, slot_hash(residents, entity, key_hash));
    return residents_at(residents, at);
}

/* The key lies on the second line. */
static void fetch_resident(const struct resident *resident) {
    __builtin_prefetch(resident, 1);
    __builtin_prefetch(resident->key);
}

void residents_fetch(const struct residents *residents, size_t entity, uint64_t key_hash,
                     int step) {
    if (residents->count == 0)
        return;
    size_t at = slot_hash(residents, entity, key_hash) & (residents->capacity - 1);
    if (step == 0)
        __builtin_prefetch(&residents->slots[at]);
    else if (residents->slots[at].place)
        fetch_resident(residents_at(residents, at));
}

/* So many at once: their hashes are on the stack. */
#define SEEK_MAX 64

static void seek(const struct residents *residents, struct state_place *places, size_t count) {
    const size_t mask = residents->capacity - 1;
    uint32_t hashes[SEEK_MAX];
    for (size_t i = 0; i < count; i++) {
        hashes[i] = slot_hash(residents, places[i].entity, places[i].key_hash);
        __builtin_prefetch(&residents->slots[hashes[i] & mask]);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t place = residents->slots[hashes[i] & mask].place;
        if (place)
            fetch_resident(at_place(residents, place));
    }
    for (size_t i = 0; i < count; i++) {
        struct resident *resident =
            at_slot(residents, find_slot(residents, places[i].entity, places[i].key, hashes[i]));
        places[i].state = resident ? &resident->state : NULL;
    }
}

void residents_seek(const struct residents *residents, struct state_place *places, size_t count) {
    for (size_t i = 0; i < count && residents->count == 0; i++)
        places[i].state = NULL;
    for (size_t first = 0; first < count && residents->count > 0; first += SEEK_MAX)
        seek(residents, places + first, count - first < SEEK_MAX ? count - first : SEEK_MAX);
}

/* Where probing for the hash ends: at a free slot. */
static size_t free_slot(const struct residents *residents, uint32_t hash) {
    size_t at = hash & (residents->capacity - 1);
    while (residents->slots[at].place)
        at = (at + 1) & (residents->capacity - 1);
    return at;
}

/* Twice the slots, in place: a large table then grows by new pages and keeps the ones it has. From
 * behind a free slot on, all around the old half: so whoever is placed anew finds nobody in the way
 * who is still to be placed, as those lie behind the slot that it has just left. */
static void grow(struct residents *residents) {
    size_t old = residents->capacity, first = 0;
    residents->capacity = old ? 2 * old : CAPACITY_FIRST;
    check(residents->capacity <= CAPACITY_MAX);
    residents->slots = heap_table(residents->heap, residents->slots, old * sizeof *residents->slots,
                                  residents->capacity * sizeof *residents->slots);
    memset(residents->slots + old, 0, (residents->capacity - old) * sizeof *residents->slots);
    if (residents->factor == 0)
        residents->factor = hash_secret(residents->slots);
    while (first < old && residents->slots[first].place)
        first++;
    for (size_t i = 1; i < old; i++) {
        struct resident_slot *slot = &residents->slots[(first + i) & (old - 1)];
        struct resident_slot moved = *slot;
        if (!moved.place)
            continue;
        slot->place = 0;
        residents->slots[free_slot(residents, moved.hash)] = moved;
    }
}

static struct resident_block *new_block(const struct residents *residents, size_t room) {
    if (!residents->heap || room > EXTENT_ROOM) {
        struct resident_block *block =
            check_malloc(sizeof *block + (room > BLOCK_BYTES ? room : BLOCK_BYTES));
        block->size = room > BLOCK_BYTES ? room : BLOCK_BYTES;
        block->is_in_heap = false;
        return block;
    }
    struct resident_block *block =
        (void *)((uint8_t *)heap_extent(residents->heap) + HEAP_HEAD_SIZE);
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
    if (4 * (residents->count + 1) > 3 * residents->capacity)
        grow(residents);
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
    size_t at = find_slot(residents, entity, key, hash);
    check(!residents->slots[at].place);
    residents->slots[at] = (struct resident_slot){.hash = hash, .place = place};
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
    size_t count = 0;
    for (size_t i = 0; i < residents->capacity; i++)
        if (residents->slots[i].place)
            sorted[count++] = residents_at(residents, i);
    residents_sort(sorted, count);
    return sorted;
}
