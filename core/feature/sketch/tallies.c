/* A slot is the value, then as halves of words: the pool + 1 (0: the slot is free) and the counts
 * of its members. */
#include "tallies.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"

#include <stdlib.h>
#include <string.h>

void tallies_init(struct tallies *tallies, size_t members, uint64_t *words) {
    *tallies = (struct tallies){.slots = words,
                                .few = words,
                                .stride = tallies_stride(members),
                                .seed = (uint32_t)((uintptr_t)words >> 4)};
    tallies->capacity = members == 0 ? 0 : TALLIES_FEW;
    memset(words, 0, tallies_words(members) * sizeof *words);
}

void tallies_deinit(struct tallies *tallies) {
    if (tallies->slots != tallies->few)
        free(tallies->slots);
}

void tallies_move(struct tallies *tallies, uintptr_t by) {
    bool are_few = tallies->slots == tallies->few;
    tallies->few = (uint64_t *)((uintptr_t)tallies->few + by);
    if (are_few)
        tallies->slots = tallies->few;
}

void tallies_clear(struct tallies *tallies) {
    tallies_deinit(tallies);
    if (tallies->capacity == 0)
        return;
    tallies->slots = tallies->few;
    tallies->capacity = TALLIES_FEW;
    tallies->count = 0;
    memset(tallies->slots, 0, (size_t)TALLIES_FEW * tallies->stride * sizeof *tallies->slots);
}

size_t tallies_bytes(const struct tallies *tallies) {
    return tallies->slots == tallies->few
               ? 0
               : (size_t)tallies->capacity * tallies->stride * sizeof(uint64_t);
}

static uint64_t *slot_at(const struct tallies *tallies, size_t i) {
    return tallies->slots + i * tallies->stride;
}

/* [0]: the pool + 1; [1 + member]: counts */
static uint32_t *halves_of(uint64_t *slot) {
    return (uint32_t *)(slot + 1);
}

/* The first bits of a product. Clients choose the values; the factor comes from where memory lay
 * when the table was begun, which is unknown to them, so they cannot make all values collide, and
 * no result depends on it. */
static size_t place_of(const struct tallies *tallies, uint32_t pool, uint64_t value) {
    uint64_t factor = ((uint64_t)tallies->seed << 1 | 1) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)((value + pool * UINT64_C(0xc4ceb9fe1a85ec53)) * factor >> tallies->shift);
}

/* The slot of the list that holds the value; NULL: none. All of them are looked at, the free ones
 * too: how many there are is hard to foresee for a branch. */
static inline uint64_t *find_listed(const struct tallies *tallies, uint32_t pool, uint64_t value) {
    uint64_t *slot = tallies->slots, *found = NULL;
    for (unsigned i = 0; i < TALLIES_FEW; i++, slot += tallies->stride)
        found = (slot[0] == value) & (halves_of(slot)[0] == pool) ? slot : found;
    return found;
}

/* The slot of the table that holds the value, or the free one where it belongs. */
static uint64_t *find_placed(const struct tallies *tallies, uint32_t pool, uint64_t value) {
    for (size_t i = place_of(tallies, pool, value);; i = (i + 1) & (tallies->capacity - 1)) {
        uint64_t *slot = slot_at(tallies, i);
        if (halves_of(slot)[0] == 0 || (slot[0] == value && halves_of(slot)[0] == pool))
            return slot;
    }
}

/* NULL: it is not there. */
static inline uint64_t *find(const struct tallies *tallies, uint32_t pool, uint64_t value) {
    if (!tallies_are_many(tallies))
        return find_listed(tallies, pool, value);
    uint64_t *slot = find_placed(tallies, pool, value);
    return halves_of(slot)[0] == 0 ? NULL : slot;
}

/* At most half of a table is taken: where a value lies in it is hard to foresee, so what counts is
 * that mostly the first place is the one. */
static void grow(struct tallies *tallies) {
    struct tallies old = *tallies;
    tallies->capacity = (!tallies_are_many(tallies) ? 4 : 2) * old.capacity;
    tallies->shift = (uint8_t)(__builtin_clz(tallies->capacity) + 33);
    tallies->slots =
        check_calloc((size_t)tallies->capacity * tallies->stride, sizeof *tallies->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        uint64_t *slot = slot_at(&old, i);
        if (halves_of(slot)[0] != 0)
            memcpy(find_placed(tallies, halves_of(slot)[0], slot[0]), slot,
                   tallies->stride * sizeof *slot);
    }
    tallies_deinit(&old);
}

/* A slot for one more value. */
static uint64_t *make_slot(struct tallies *tallies, uint32_t pool, uint64_t value) {
    if (tallies->count >= (!tallies_are_many(tallies) ? TALLIES_FEW : tallies->capacity / 2))
        grow(tallies);
    uint64_t *slot = !tallies_are_many(tallies) ? slot_at(tallies, tallies->count)
                                                : find_placed(tallies, pool, value);
    slot[0] = value;
    halves_of(slot)[0] = pool;
    tallies->count++;
    return slot;
}

bool tallies_add(struct tallies *tallies, size_t pool, size_t member, uint64_t value) {
    uint64_t *slot = find(tallies, (uint32_t)pool + 1, value);
    if (!slot)
        slot = make_slot(tallies, (uint32_t)pool + 1, value);
    return halves_of(slot)[1 + member]++ == 0;
}

/* Most have two words: one pool, with one member. Sizes that are known take no call. */
#define SHORT_SLOT (2 * sizeof(uint64_t))

static inline void copy_slot(uint64_t *to, const uint64_t *from, uint16_t stride) {
    memmove(to, from, SHORT_SLOT);
    if (__builtin_expect(stride > 2, 0))
        memmove(to + 2, from + 2, stride * sizeof *to - SHORT_SLOT);
}
static inline void free_slot(uint64_t *slot, uint16_t stride) {
    memset(slot, 0, SHORT_SLOT);
    if (__builtin_expect(stride > 2, 0))
        memset(slot + 2, 0, stride * sizeof *slot - SHORT_SLOT);
}

static void take_from_list(struct tallies *tallies, uint64_t *slot) {
    uint64_t *last = slot_at(tallies, --tallies->count);
    copy_slot(slot, last, tallies->stride);
    free_slot(last, tallies->stride);
}

/* Frees the slot, and moves what would not be found any more behind it. */
static void take_from_table(struct tallies *tallies, uint64_t *slot) {
    const uint16_t stride = tallies->stride;
    size_t mask = tallies->capacity - 1;
    size_t hole = (size_t)(slot - tallies->slots) / stride;
    for (size_t i = (hole + 1) & mask; halves_of(slot_at(tallies, i))[0] != 0; i = (i + 1) & mask) {
        uint64_t *next = slot_at(tallies, i);
        size_t home = place_of(tallies, halves_of(next)[0], next[0]);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue; /* its own place lies behind the hole */
        copy_slot(slot_at(tallies, hole), next, stride);
        hole = i;
    }
    free_slot(slot_at(tallies, hole), stride);
    tallies->count--;
}

bool tallies_remove(struct tallies *tallies, size_t pool, size_t member, uint64_t value) {
    uint64_t *slot = find(tallies, (uint32_t)pool + 1, value);
    check(slot && halves_of(slot)[1 + member] > 0);
    uint32_t *halves = halves_of(slot);
    if (--halves[1 + member] > 0)
        return false;
    bool any = false;
    for (size_t i = 1; i < 2 * ((size_t)tallies->stride - 1); i++)
        any |= halves[i] != 0;
    if (!any && !tallies_are_many(tallies))
        take_from_list(tallies, slot);
    else if (!any)
        take_from_table(tallies, slot);
    return true;
}

bool tallies_next(const struct tallies *tallies, uint32_t *at, size_t pool, size_t member,
                  uint64_t *ret_value) {
    uint32_t count = !tallies_are_many(tallies) ? tallies->count : tallies->capacity;
    while (*at < count) {
        uint64_t *slot = slot_at(tallies, (*at)++);
        *ret_value = slot[0];
        if (halves_of(slot)[0] == pool + 1 && halves_of(slot)[1 + member] > 0)
            return true;
    }
    return false;
}

void tallies_prefetch(const struct tallies *tallies, size_t pool, uint64_t value) {
    if (!tallies_are_many(tallies))
        return; /* the caller's, who has fetched it */
    prefetch(slot_at(tallies, place_of(tallies, (uint32_t)pool + 1, value)));
}

#define PREFETCH_BYTES_MAX 2048

bool tallies_prefetch_all(const struct tallies *tallies) {
    if (!tallies_are_many(tallies))
        return true; /* the caller's, who has fetched it */
    size_t size = tallies_bytes(tallies);
    if (size > PREFETCH_BYTES_MAX)
        return false;
    for (size_t at = 0; at < size; at += CACHE_LINE)
        prefetch((const char *)tallies->slots + at);
    return true;
}

uint32_t tallies_count(const struct tallies *tallies, size_t pool, size_t member, uint64_t value) {
    uint64_t *slot = find(tallies, (uint32_t)pool + 1, value);
    return slot ? halves_of(slot)[1 + member] : 0;
}
