/* A hash table with open addressing and linear probing, at most three quarters full. Removing
 * leaves no tombstone: the entries after the hole move up, so lookups never get slower with the
 * number of changes. */
#include "list_index.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

struct list_place {
    union {
        struct text text;
        uint8_t address[IP_ADDRESS_BYTES];
        int64_t integer;
    };
    int64_t until_us;
    uint32_t number; /* of the entry, to its owner */
    uint8_t bits;    /* of a network */
    bool is_used;
};

/* What is looked for, with its hash. */
struct wanted {
    uint64_t hash;
    struct text text;
    const uint8_t *address;
    uint8_t bits;
    int64_t integer;
};

static void *take(struct list_index *index, size_t count, size_t size) {
    if (!index->arena)
        return check_calloc(count, size);
    void *memory = arena_calloc(index->arena, count, size);
    check(memory);
    return memory;
}

static void give_back(const struct list_index *index, void *memory) {
    if (!index->arena)
        free(memory);
}

static void make_places(struct list_index *index, size_t expected) {
    size_t size = 4;
    while (size / 4 * 3 < expected)
        size *= 2;
    index->places = take(index, size, sizeof *index->places);
    index->mask = size - 1;
}

void list_index_init(struct list_index *index, enum list_kind kind, size_t expected,
                     struct arena *arena) {
    *index = (struct list_index){.kind = kind, .arena = arena};
    range_tree_init(&index->ranges, arena);
    make_places(index, expected);
    if (kind != LIST_NETWORKS)
        return;
    index->v4 = take(index, 1, sizeof *index->v4);
    index->v6 = take(index, 1, sizeof *index->v6);
}

void list_index_deinit(struct list_index *index) {
    give_back(index, index->places);
    give_back(index, index->v4);
    give_back(index, index->v6);
    range_tree_deinit(&index->ranges);
    *index = (struct list_index){.kind = index->kind, .arena = index->arena};
}

/* ------------------------------------------------------------------------------------------------
 * Places */

static struct wanted want_text(struct text text) {
    return (struct wanted){.hash = hash_text(text), .text = text};
}

static struct wanted want_network(const uint8_t address[IP_ADDRESS_BYTES], uint8_t bits) {
    return (struct wanted){
        .hash = hash64(address, IP_ADDRESS_BYTES, bits), .address = address, .bits = bits};
}

static struct wanted want_integer(int64_t integer) {
    return (struct wanted){.hash = hash64(&integer, sizeof integer, 0), .integer = integer};
}

static struct wanted want(const struct list_index *index, const struct list_entry *entry) {
    switch (index->kind) {
    case LIST_NETWORKS:
        return want_network(entry->network.address, entry->network.bits);
    case LIST_INTEGERS:
        return want_integer(entry->low);
    case LIST_TEXTS:
    case LIST_KIND_COUNT:
        break;
    }
    return want_text(entry->text);
}

static bool is_it(const struct list_index *index, const struct list_place *place,
                  const struct wanted *wanted) {
    switch (index->kind) {
    case LIST_NETWORKS:
        return place->bits == wanted->bits &&
               memcmp(place->address, wanted->address, IP_ADDRESS_BYTES) == 0;
    case LIST_INTEGERS:
        return place->integer == wanted->integer;
    case LIST_TEXTS:
    case LIST_KIND_COUNT:
        break;
    }
    return text_equal(place->text, wanted->text);
}

/* The place of the value, or the empty one where it would be inserted. */
static struct list_place *place_of(const struct list_index *index, const struct wanted *wanted) {
    size_t at = (size_t)wanted->hash & index->mask;
    while (index->places[at].is_used && !is_it(index, &index->places[at], wanted))
        at = (at + 1) & index->mask;
    return &index->places[at];
}

static uint64_t hash_of_place(const struct list_index *index, const struct list_place *place) {
    switch (index->kind) {
    case LIST_NETWORKS:
        return want_network(place->address, place->bits).hash;
    case LIST_INTEGERS:
        return want_integer(place->integer).hash;
    case LIST_TEXTS:
    case LIST_KIND_COUNT:
        break;
    }
    return hash_text(place->text);
}

/* Grows by doubling. In an arena the old places stay behind: only lists that are filled once use
 * one. */
static void make_room(struct list_index *index) {
    if (index->count < (index->mask + 1) / 4 * 3)
        return;
    struct list_place *old = index->places;
    size_t size = index->mask + 1;
    make_places(index, size);
    for (size_t i = 0; i < size; i++) {
        if (!old[i].is_used)
            continue;
        size_t at = (size_t)hash_of_place(index, &old[i]) & index->mask;
        while (index->places[at].is_used)
            at = (at + 1) & index->mask;
        index->places[at] = old[i];
    }
    give_back(index, old);
}

/* Moves up every entry, as far as the next empty place, that a search from its own hash would no
 * longer reach across the hole. */
static void empty(struct list_index *index, struct list_place *place) {
    size_t hole = (size_t)(place - index->places);
    for (size_t at = (hole + 1) & index->mask; index->places[at].is_used;
         at = (at + 1) & index->mask) {
        size_t home = (size_t)hash_of_place(index, &index->places[at]) & index->mask;
        if (((at - home) & index->mask) < ((at - hole) & index->mask))
            continue;
        index->places[hole] = index->places[at];
        hole = at;
    }
    index->places[hole] = (struct list_place){0};
}

/* ------------------------------------------------------------------------------------------------
 * Prefix lengths */

static struct prefix_lengths *lengths_of(const struct list_index *index, bool is_v4) {
    return is_v4 ? index->v4 : index->v6;
}

/* Keeps the list of lengths in step with the counts; it changes only when a length appears or
 * disappears. */
static void count_prefix(struct prefix_lengths *lengths, uint8_t bits, bool more) {
    lengths->counts[bits] += more ? 1 : UINT32_MAX;
    if (lengths->counts[bits] != (more ? 1 : 0))
        return;
    lengths->present_count = 0;
    for (unsigned i = IP_NETWORK_V6_BITS_MAX + 1; i-- > 0;)
        if (lengths->counts[i])
            lengths->present[lengths->present_count++] = (uint8_t)i;
}

/* ------------------------------------------------------------------------------------------------
 * Entries */

static bool is_range(const struct list_index *index, const struct list_entry *entry) {
    return index->kind == LIST_INTEGERS && entry->low != entry->high;
}

static void fill(struct list_index *index, struct list_place *place,
                 const struct list_entry *entry) {
    place->is_used = true;
    index->count++;
    switch (index->kind) {
    case LIST_NETWORKS:
        memcpy(place->address, entry->network.address, IP_ADDRESS_BYTES);
        place->bits = entry->network.bits;
        count_prefix(lengths_of(index, entry->network.is_v4), place->bits, true);
        return;
    case LIST_INTEGERS:
        place->integer = entry->low;
        return;
    case LIST_TEXTS:
    case LIST_KIND_COUNT:
        break;
    }
    place->text = entry->text;
}

void list_index_put(struct list_index *index, const struct list_entry *entry) {
    if (is_range(index, entry)) {
        range_tree_put(&index->ranges, entry->low, entry->high, entry->until_us);
        return;
    }
    make_room(index);
    struct wanted wanted = want(index, entry);
    struct list_place *place = place_of(index, &wanted);
    if (!place->is_used)
        fill(index, place, entry);
    place->until_us = entry->until_us;
    place->number = entry->number;
}

void list_index_remove(struct list_index *index, const struct list_entry *entry) {
    if (is_range(index, entry)) {
        range_tree_remove(&index->ranges, entry->low, entry->high);
        return;
    }
    struct wanted wanted = want(index, entry);
    struct list_place *place = place_of(index, &wanted);
    if (!place->is_used)
        return;
    if (index->kind == LIST_NETWORKS)
        count_prefix(lengths_of(index, entry->network.is_v4), place->bits, false);
    empty(index, place);
    index->count--;
}

bool list_index_get(const struct list_index *index, const struct list_entry *entry,
                    int64_t *ret_until_us) {
    if (is_range(index, entry))
        return range_tree_get(&index->ranges, entry->low, entry->high, ret_until_us);
    struct wanted wanted = want(index, entry);
    const struct list_place *place = place_of(index, &wanted);
    if (place->is_used)
        *ret_until_us = place->until_us;
    return place->is_used;
}

bool list_index_number(const struct list_index *index, struct text text, uint32_t *ret_number) {
    struct wanted wanted = want_text(text);
    const struct list_place *place = place_of(index, &wanted);
    if (place->is_used)
        *ret_number = place->number;
    return place->is_used;
}

size_t list_index_count(const struct list_index *index) {
    return index->count + index->ranges.count;
}

/* ------------------------------------------------------------------------------------------------
 * Looking up */

static bool has(const struct list_index *index, const struct wanted *wanted, int64_t at_us) {
    const struct list_place *place = place_of(index, wanted);
    return place->is_used && place->until_us > at_us;
}

bool list_index_has_text(const struct list_index *index, struct text text, int64_t at_us) {
    struct wanted wanted = want_text(text);
    return index->count > 0 && has(index, &wanted, at_us);
}

/* One lookup for each prefix length that occurs, longest first, with the address cut to that
 * length. */
bool list_index_has_network(const struct list_index *index, const struct list_network *network,
                            int64_t at_us) {
    const struct prefix_lengths *lengths = lengths_of(index, network->is_v4);
    struct list_network prefix = *network;
    for (size_t i = 0; i < lengths->present_count; i++) {
        uint8_t bits = lengths->present[i];
        if (bits > network->bits) /* a part of it would not be all of it */
            continue;
        list_network_cut(&prefix, bits);
        struct wanted wanted = want_network(prefix.address, bits);
        if (has(index, &wanted, at_us))
            return true;
    }
    return false;
}

bool list_index_has_integer(const struct list_index *index, int64_t integer, int64_t at_us) {
    struct wanted wanted = want_integer(integer);
    return (index->count > 0 && has(index, &wanted, at_us)) ||
           range_tree_has(&index->ranges, integer, at_us);
}
