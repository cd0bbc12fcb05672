/* Ranges of integers, each until some time: is a number in any of them? A treap: a search tree by
 * (low, high) whose shape follows from a hash of these, so that no order of insertion makes it
 * deep, with the greatest `high` and the latest end of each subtree beside it. Adding, removing and
 * asking take steps in the order of the tree's depth; asking takes no memory. */
#pragma once

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range_node;

struct range_tree {
    struct range_node *nodes; /* [0] stands for no node */
    uint32_t root, unused;    /* chains of free nodes go through their right sides */
    uint32_t count, used, capacity;
    struct arena *arena; /* NULL: nodes are on the heap */
};

/* Zeroed but for the arena, or: */
void range_tree_init(struct range_tree *tree, struct arena *arena);
void range_tree_deinit(struct range_tree *tree);

/* low <= high. The same range again takes the new end. At most UINT32_MAX / 2 of them. */
void range_tree_put(struct range_tree *tree, int64_t low, int64_t high, int64_t until_us);
/* False: it is not there. */
bool range_tree_get(const struct range_tree *tree, int64_t low, int64_t high,
                    int64_t *ret_until_us);
void range_tree_remove(struct range_tree *tree, int64_t low, int64_t high);

/* Is the number in a range that has not ended by then? */
bool range_tree_has(const struct range_tree *tree, int64_t number, int64_t at_us);
