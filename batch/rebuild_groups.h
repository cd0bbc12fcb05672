/* The entries of a piece of a stream, gathered under their keys and put in the order of those. The
 * entries stay where they are: a group is a list of places. Private to batch/. */
#pragma once

#include "core/base/text.h"
#include "numbered.h"
#include "rebuild_internal.h"

/* All entries of one key. */
struct group {
    const uint8_t *key;
    uint64_t hash;
    uint32_t key_length;
    uint32_t first, count; /* its entries in groups.sorted */
};

struct gathered {
    const uint8_t *at; /* the entry in its stream */
    uint32_t group;
};

struct groups {
    struct group *groups;                   /* in the order in which they were met */
    struct numbered *order, *order_scratch; /* .item: which group; in the order of the keys */
    const uint8_t **sorted;    /* the entries group by group, in the order of the keys */
    struct gathered *gathered; /* in the order of the stream */
    uint32_t *slots;           /* group + 1; 0: free */
    size_t count, capacity;
    size_t gathered_count, gathered_capacity, sorted_capacity, order_capacity;
    size_t slot_count;
};

/* Begins with all zero. */
void groups_deinit(struct groups *groups);
void groups_clear(struct groups *groups);
/* Entries one behind the other; they must stay until groups_clear(). */
void groups_gather(struct groups *groups, const uint8_t *bytes, size_t length);
/* After the last block. prefix: what probably all keys begin with. */
void groups_sort(struct groups *groups, struct text prefix);

/* In the order of the keys, after groups_sort(). */
static inline const struct group *groups_at(const struct groups *groups, size_t index) {
    enum { AHEAD = 8 };
    if (index + AHEAD < groups->count)
        __builtin_prefetch(&groups->groups[groups->order[index + AHEAD].item]);
    return &groups->groups[groups->order[index].item];
}

static inline struct text group_key(const struct group *group) {
    return (struct text){.data = (const char *)group->key, .length = group->key_length};
}
