/* The entries of one list, indexed so that a lookup does not scan them: a hash table of
 * texts, numbers and networks, and a tree of ranges. A network is found by the prefixes of the
 * address that is asked about, those lengths only that some entry has. Looking up takes no memory.
 *
 * Texts are not copied: they must live as long as they are in the index. */
#pragma once

#include "list_entry.h"
#include "range_tree.h"

struct list_place;

/* How many entries have prefixes of each length, and which lengths there are. */
struct prefix_lengths {
    uint32_t counts[IP_NETWORK_V6_BITS_MAX + 1];
    uint8_t present[IP_NETWORK_V6_BITS_MAX + 1]; /* longest first */
    uint8_t present_count;
};

struct list_index {
    enum list_kind kind;
    size_t count; /* in the table, not in the tree */
    size_t mask;
    struct list_place *places;
    struct prefix_lengths *v4, *v6; /* of networks */
    struct range_tree ranges;
    struct arena *arena; /* NULL: the memory is on the heap */
};

/* expected: entries, as far as that is known; more are taken. */
void list_index_init(struct list_index *index, enum list_kind kind, size_t expected,
                     struct arena *arena);
void list_index_deinit(struct list_index *index);

/* An entry of the list's kind. What is there already takes the new end. */
void list_index_put(struct list_index *index, const struct list_entry *entry);
void list_index_remove(struct list_index *index, const struct list_entry *entry);
/* Is exactly this entry there, and until when? */
bool list_index_get(const struct list_index *index, const struct list_entry *entry,
                    int64_t *ret_until_us);
/* Of an index of texts: which one is this? */
bool list_index_number(const struct list_index *index, struct text text, uint32_t *ret_number);
size_t list_index_count(const struct list_index *index);

/* Does an entry hold this, at this event time? */
bool list_index_has_text(const struct list_index *index, struct text text, int64_t at_us);
bool list_index_has_network(const struct list_index *index, const struct list_network *network,
                            int64_t at_us);
bool list_index_has_integer(const struct list_index *index, int64_t integer, int64_t at_us);
