/* A treap in one array. Nodes refer to each other by index, so the array can be moved when it
 * grows; index 0 stands for no node and holds neutral bounds, so that summing up needs no branches.
 * A node's weight is a hash of its key, which makes the shape independent of the order of
 * insertion. */
#include "range_tree.h"

#include "core/base/check.h"
#include "core/base/hash.h"

#include <stdlib.h>
#include <string.h>

struct range_node {
    int64_t low, high, until_us;
    int64_t greatest_high, latest_us; /* of this node and all below it */
    uint32_t left, right;
    uint32_t weight; /* never less than those below */
};

void range_tree_init(struct range_tree *tree, struct arena *arena) {
    *tree = (struct range_tree){.arena = arena};
}

void range_tree_deinit(struct range_tree *tree) {
    if (!tree->arena)
        free(tree->nodes);
    *tree = (struct range_tree){.arena = tree->arena};
}

static void grow(struct range_tree *tree) {
    uint32_t capacity = tree->capacity ? tree->capacity * 2 : 16;
    check(capacity > tree->capacity);
    if (tree->arena) {
        struct range_node *nodes = arena_calloc(tree->arena, capacity, sizeof *nodes);
        check(nodes);
        if (tree->nodes)
            memcpy(nodes, tree->nodes, tree->used * sizeof *nodes);
        tree->nodes = nodes;
    } else {
        tree->nodes = check_reallocarray(tree->nodes, capacity, sizeof *tree->nodes);
    }
    if (tree->capacity == 0) {
        tree->nodes[0] = (struct range_node){.greatest_high = INT64_MIN, .latest_us = INT64_MIN};
        tree->used = 1;
    }
    tree->capacity = capacity;
}

static uint32_t take_node(struct range_tree *tree) {
    uint32_t taken = tree->unused;
    if (taken) {
        tree->unused = tree->nodes[taken].right;
        return taken;
    }
    if (tree->used == tree->capacity)
        grow(tree);
    return tree->used++;
}

static int compare(const struct range_node *node, int64_t low, int64_t high) {
    if (low != node->low)
        return low < node->low ? -1 : 1;
    return (high > node->high) - (high < node->high);
}

static int64_t greater(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Recomputes the bounds of a node from its children. */
static void sum_up(struct range_node *nodes, uint32_t at) {
    struct range_node *node = &nodes[at];
    const struct range_node *left = &nodes[node->left], *right = &nodes[node->right];
    node->greatest_high = greater(node->high, greater(left->greatest_high, right->greatest_high));
    node->latest_us = greater(node->until_us, greater(left->latest_us, right->latest_us));
}

/* Joins two trees, where all keys of the left one precede those of the right one. */
static uint32_t join(struct range_node *nodes, uint32_t left, uint32_t right) {
    if (!left || !right)
        return left ? left : right;
    bool is_left = nodes[left].weight >= nodes[right].weight;
    uint32_t top = is_left ? left : right;
    if (is_left)
        nodes[left].right = join(nodes, nodes[left].right, right);
    else
        nodes[right].left = join(nodes, left, nodes[right].left);
    sum_up(nodes, top);
    return top;
}

/* Splits a tree into the keys before (low, high) and the rest. */
static void split(struct range_node *nodes, uint32_t at, int64_t low, int64_t high,
                  uint32_t *ret_before, uint32_t *ret_behind) {
    if (!at) {
        *ret_before = *ret_behind = 0;
        return;
    }
    struct range_node *node = &nodes[at];
    if (compare(node, low, high) > 0) {
        split(nodes, node->right, low, high, &node->right, ret_behind);
        *ret_before = at;
    } else {
        split(nodes, node->left, low, high, ret_before, &node->left);
        *ret_behind = at;
    }
    sum_up(nodes, at);
}

static uint32_t find(const struct range_tree *tree, int64_t low, int64_t high) {
    uint32_t at = tree->root;
    for (int order; at && (order = compare(&tree->nodes[at], low, high)) != 0;)
        at = order < 0 ? tree->nodes[at].left : tree->nodes[at].right;
    return at;
}

/* The one that is there ends at another time. */
static void change(struct range_node *nodes, uint32_t at, int64_t low, int64_t high,
                   int64_t until_us) {
    int order = compare(&nodes[at], low, high);
    if (order == 0)
        nodes[at].until_us = until_us;
    else
        change(nodes, order < 0 ? nodes[at].left : nodes[at].right, low, high, until_us);
    sum_up(nodes, at);
}

void range_tree_put(struct range_tree *tree, int64_t low, int64_t high, int64_t until_us) {
    check(low <= high);
    if (find(tree, low, high)) {
        change(tree->nodes, tree->root, low, high, until_us);
        return;
    }
    uint32_t added = take_node(tree), before, behind;
    const int64_t key[2] = {low, high};
    tree->nodes[added] = (struct range_node){.low = low,
                                             .high = high,
                                             .until_us = until_us,
                                             .weight = (uint32_t)hash64(key, sizeof key, 0)};
    sum_up(tree->nodes, added);
    split(tree->nodes, tree->root, low, high, &before, &behind);
    tree->root = join(tree->nodes, join(tree->nodes, before, added), behind);
    tree->count++;
}

bool range_tree_get(const struct range_tree *tree, int64_t low, int64_t high,
                    int64_t *ret_until_us) {
    uint32_t at = find(tree, low, high);
    if (at)
        *ret_until_us = tree->nodes[at].until_us;
    return at != 0;
}

static uint32_t take_out(struct range_node *nodes, uint32_t at, int64_t low, int64_t high) {
    int order = compare(&nodes[at], low, high);
    if (order == 0)
        return join(nodes, nodes[at].left, nodes[at].right);
    if (order < 0)
        nodes[at].left = take_out(nodes, nodes[at].left, low, high);
    else
        nodes[at].right = take_out(nodes, nodes[at].right, low, high);
    sum_up(nodes, at);
    return at;
}

void range_tree_remove(struct range_tree *tree, int64_t low, int64_t high) {
    uint32_t at = find(tree, low, high);
    if (!at)
        return;
    tree->root = take_out(tree->nodes, tree->root, low, high);
    tree->nodes[at].right = tree->unused;
    tree->unused = at;
    tree->count--;
}

/* Skips subtrees that end too low or too early, so it visits O(depth) nodes plus those that overlap
 * the number but have ended. */
static bool has(const struct range_node *nodes, uint32_t at, int64_t number, int64_t at_us) {
    for (;;) {
        const struct range_node *node = &nodes[at];
        if (!at || node->greatest_high < number || node->latest_us <= at_us)
            return false;
        if (has(nodes, node->left, number, at_us))
            return true;
        if (node->low > number) /* as are all to the right */
            return false;
        if (node->high >= number && node->until_us > at_us)
            return true;
        at = node->right;
    }
}

bool range_tree_has(const struct range_tree *tree, int64_t number, int64_t at_us) {
    return tree->root && has(tree->nodes, tree->root, number, at_us);
}
