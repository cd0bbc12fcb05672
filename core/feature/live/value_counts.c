/* A slot is the value, then as halves of words: the pool + 1 (0: the slot is free) and the counts
 * of its members. */
#include "value_counts.h"

#include "core/base/check.h"
#include "core/base/prefetch.h"

#include <stdlib.h>
#include <string.h>

void value_counts_init(struct value_counts *counts, size_t members, uint64_t *words) {
    *counts = (struct value_counts){.slots = words,
                                    .few = words,
                                    .stride = value_counts_stride(members),
                                    .seed = (uint32_t)((uintptr_t)words >> 4)};
    counts->capacity = members == 0 ? 0 : VALUE_COUNTS_FEW;
    memset(words, 0, value_counts_words(members) * sizeof *words);
}

void value_counts_deinit(struct value_counts *counts) {
    if (counts->slots != counts->few)
        free(counts->slots);
}

void value_counts_clear(struct value_counts *counts) {
    value_counts_deinit(counts);
    if (counts->capacity == 0)
        return;
    counts->slots = counts->few;
    counts->capacity = VALUE_COUNTS_FEW;
    counts->count = 0;
    memset(counts->slots, 0, (size_t)VALUE_COUNTS_FEW * counts->stride * sizeof *counts->slots);
}

size_t value_counts_bytes(const struct value_counts *counts) {
    return counts->slots == counts->few
               ? 0
               : (size_t)counts->capacity * counts->stride * sizeof(uint64_t);
}

static uint64_t *slot_at(const struct value_counts *counts, size_t i) {
    return counts->slots + i * counts->stride;
}

/* [0]: the pool + 1; [1 + member]: counts */
static uint32_t *halves_of(uint64_t *slot) {
    return (uint32_t *)(slot + 1);
}

/* The first bits of a product. Clients choose the values; the factor comes from where memory lay
 * when the table was begun, which is unknown to them, so they cannot make all values collide, and
 * no result depends on it. */
static size_t place_of(const struct value_counts *counts, uint32_t pool, uint64_t value) {
    uint64_t factor = ((uint64_t)counts->seed << 1 | 1) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)((value + pool * UINT64_C(0xc4ceb9fe1a85ec53)) * factor >> counts->shift);
}

/* The slot of the list that holds the value; NULL: none. All of them are looked at, the free ones
 * too: how many there are is hard to foresee for a branch. */
static inline uint64_t *find_listed(const struct value_counts *counts, uint32_t pool,
                                    uint64_t value) {
    uint64_t *slot = counts->slots, *found = NULL;
    for (unsigned i = 0; i < VALUE_COUNTS_FEW; i++, slot += counts->stride)
        found = (slot[0] == value) & (halves_of(slot)[0] == pool) ? slot : found;
    return found;
}

/* The slot of the table that holds the value, or the free one where it belongs. */
static uint64_t *find_placed(const struct value_counts *counts, uint32_t pool, uint64_t value) {
    for (size_t i = place_of(counts, pool, value);; i = (i + 1) & (counts->capacity - 1)) {
        uint64_t *slot = slot_at(counts, i);
        if (halves_of(slot)[0] == 0 || (slot[0] == value && halves_of(slot)[0] == pool))
            return slot;
    }
}

/* NULL: it is not there. */
static inline uint64_t *find(const struct value_counts *counts, uint32_t pool, uint64_t value) {
    if (!value_counts_are_many(counts))
        return find_listed(counts, pool, value);
    uint64_t *slot = find_placed(counts, pool, value);
    return halves_of(slot)[0] == 0 ? NULL : slot;
}

/* At most half of a table is taken: where a value lies in it is hard to foresee, so what counts is
 * that mostly the first place is the one. */
static void grow(struct value_counts *counts) {
    struct value_counts old = *counts;
    counts->capacity = (!value_counts_are_many(counts) ? 4 : 2) * old.capacity;
    counts->shift = (uint8_t)(__builtin_clz(counts->capacity) + 33);
    counts->slots = check_calloc((size_t)counts->capacity * counts->stride, sizeof *counts->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        uint64_t *slot = slot_at(&old, i);
        if (halves_of(slot)[0] != 0)
            memcpy(find_placed(counts, halves_of(slot)[0], slot[0]), slot,
                   counts->stride * sizeof *slot);
    }
    value_counts_deinit(&old);
}

/* A slot for one more value. */
static uint64_t *make_slot(struct value_counts *counts, uint32_t pool, uint64_t value) {
    if (counts->count >= (!value_counts_are_many(counts) ? VALUE_COUNTS_FEW : counts->capacity / 2))
        grow(counts);
    uint64_t *slot = !value_counts_are_many(counts) ? slot_at(counts, counts->count)
                                                    : find_placed(counts, pool, value);
    slot[0] = value;
    halves_of(slot)[0] = pool;
    counts->count++;
    return slot;
}

bool value_counts_add(struct value_counts *counts, size_t pool, size_t member, uint64_t value) {
    uint64_t *slot = find(counts, (uint32_t)pool + 1, value);
    if (!slot)
        slot = make_slot(counts, (uint32_t)pool + 1, value);
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

static void take_from_list(struct value_counts *counts, uint64_t *slot) {
    uint64_t *last = slot_at(counts, --counts->count);
    copy_slot(slot, last, counts->stride);
    free_slot(last, counts->stride);
}

/* Frees the slot, and moves what would not be found any more behind it. */
static void take_from_table(struct value_counts *counts, uint64_t *slot) {
    const uint16_t stride = counts->stride;
    size_t mask = counts->capacity - 1;
    size_t hole = (size_t)(slot - counts->slots) / stride;
    for (size_t i = (hole + 1) & mask; halves_of(slot_at(counts, i))[0] != 0; i = (i + 1) & mask) {
        uint64_t *next = slot_at(counts, i);
        size_t home = place_of(counts, halves_of(next)[0], next[0]);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue; /* its own place lies behind the hole */
        copy_slot(slot_at(counts, hole), next, stride);
        hole = i;
    }
    free_slot(slot_at(counts, hole), stride);
    counts->count--;
}

bool value_counts_remove(struct value_counts *counts, size_t pool, size_t member, uint64_t value) {
    uint64_t *slot = find(counts, (uint32_t)pool + 1, value);
    check(slot && halves_of(slot)[1 + member] > 0);
    uint32_t *halves = halves_of(slot);
    if (--halves[1 + member] > 0)
        return false;
    bool any = false;
    for (size_t i = 1; i < 2 * ((size_t)counts->stride - 1); i++)
        any |= halves[i] != 0;
    if (!any && !value_counts_are_many(counts))
        take_from_list(counts, slot);
    else if (!any)
        take_from_table(counts, slot);
    return true;
}

bool value_counts_next(const struct value_counts *counts, uint32_t *at, size_t pool, size_t member,
                       uint64_t *ret_value) {
    uint32_t count = !value_counts_are_many(counts) ? counts->count : counts->capacity;
    while (*at < count) {
        uint64_t *slot = slot_at(counts, (*at)++);
        *ret_value = slot[0];
        if (halves_of(slot)[0] == pool + 1 && halves_of(slot)[1 + member] > 0)
            return true;
    }
    return false;
}

void value_counts_prefetch(const struct value_counts *counts, size_t pool, uint64_t value) {
    if (!value_counts_are_many(counts))
        return; /* the caller's, who has fetched it */
    prefetch(slot_at(counts, place_of(counts, (uint32_t)pool + 1, value)));
}

uint32_t value_counts_count(const struct value_counts *counts, size_t pool, size_t member,
                            uint64_t value) {
    uint64_t *slot = find(counts, (uint32_t)pool + 1, value);
    return slot ? halves_of(slot)[1 + member] : 0;
}
