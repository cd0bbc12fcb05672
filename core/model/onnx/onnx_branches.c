/* From the lists of an ensemble to trees. Two things are not as in a forest:
 *
 * Nodes may share children. The exporter of LightGBM writes a split by categories as a chain of
 * BRANCH_EQ, whose true branches are one and the same node: such a chain becomes one split by
 * categories. Whatever else is shared is copied for each parent.
 *
 * A single BRANCH_EQ or BRANCH_NEQ asks for a feature of its own: 0 if the column is the number,
 * else 1. */
#include "onnx_ensemble.h"

#include "core/base/check.h"

#include <math.h>
#include <stdlib.h>

int ensemble_compare_keys(const void *left, const void *right) {
    const struct key *a = left, *b = right;
    if (a->tree != b->tree)
        return a->tree < b->tree ? -1 : 1;
    return (a->node > b->node) - (a->node < b->node);
}

size_t ensemble_find(const struct ensemble *ensemble, int64_t tree, int64_t node) {
    const struct key wanted = {.tree = tree, .node = node};
    const struct key *found = bsearch(&wanted, ensemble->keys, ensemble->count,
                                      sizeof *ensemble->keys, ensemble_compare_keys);
    return found ? found->index : SIZE_MAX;
}

/* ---- trees ---- */

struct mode {
    const char *name;
    enum forest_test test;
    bool is_turned; /* its true branch is the right one */
    bool is_equal;  /* asks for a number alone */
};

static const struct mode *mode_of(const struct ensemble *ensemble, size_t node) {
    static const struct mode modes[] = {
        {"BRANCH_LEQ", FOREST_AT_MOST, false, false}, {"BRANCH_LT", FOREST_LESS, false, false},
        {"BRANCH_GT", FOREST_AT_MOST, true, false},   {"BRANCH_GTE", FOREST_LESS, true, false},
        {"BRANCH_EQ", FOREST_LESS, false, true},      {"BRANCH_NEQ", FOREST_LESS, true, true},
        {"LEAF", FOREST_LEAF, false, false},
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (ensemble_is_mode(ensemble, node, modes[i].name))
            return &modes[i];
    return NULL;
}

/* A share of rows for each node only if they add up: most exporters write 1 everywhere. */
static bool has_covers(const struct ensemble *ensemble) {
    for (size_t i = 0; i < ensemble->count && ensemble->hits; i++) {
        if (!(ensemble->hits[i] > 0))
            return false;
        if (ensemble_is_mode(ensemble, i, "LEAF"))
            continue;
        size_t left = ensemble_find(ensemble, ensemble->tree_ids[i], ensemble->true_ids[i]);
        size_t right = ensemble_find(ensemble, ensemble->tree_ids[i], ensemble->false_ids[i]);
        if (left == SIZE_MAX || right == SIZE_MAX ||
            fabs(ensemble->hits[i] - ensemble->hits[left] - ensemble->hits[right]) >
                1e-3 * ensemble->hits[i])
            return false;
    }
    return ensemble->hits != NULL;
}

/* ---- chains ---- */

struct chain {
    size_t length; /* 1: no chain */
    size_t last;   /* node; its false branch is what no number of the chain leads to */
    uint32_t most; /* the greatest number */
    bool is_missing_true;
};

/* Does the node ask for a number that can be a category's code? */
static bool is_code(const struct ensemble *ensemble, size_t node) {
    double number = ensemble->limits[node];
    return ensemble_is_mode(ensemble, node, "BRANCH_EQ") && number >= 0 &&
           number < MODEL_CATEGORIES_MAX && number == floor(number);
}

/* The next node of a chain; SIZE_MAX: it ends here. */
static size_t next_of(const struct ensemble *ensemble, size_t node) {
    size_t next = ensemble_find(ensemble, ensemble->tree_ids[node], ensemble->false_ids[node]);
    bool follows = next != SIZE_MAX && is_code(ensemble, node) && is_code(ensemble, next) &&
                   ensemble->features[next] == ensemble->features[node] &&
                   ensemble->true_ids[next] == ensemble->true_ids[node];
    return follows ? next : SIZE_MAX;
}

/* words: NULL, or where the chain's numbers are put as bits. */
static int follow(struct ensemble *ensemble, size_t head, uint32_t *words,
                  struct chain *ret_chain) {
    struct chain chain = {0};
    for (size_t node = head; node != SIZE_MAX; node = next_of(ensemble, node)) {
        if (ensemble->chain_steps++ == MODEL_CHAIN_STEPS_MAX)
            return onnx_refuse(ensemble->onnx, ERROR_TOO_LARGE,
                               "chains of == with more than %u nodes, or in a circle",
                               MODEL_CHAIN_STEPS_MAX);
        uint32_t code = is_code(ensemble, node) ? (uint32_t)ensemble->limits[node] : 0;
        if (words)
            words[code / 32] |= UINT32_C(1) << code % 32;
        chain.length++;
        chain.last = node;
        chain.most = code > chain.most ? code : chain.most;
        chain.is_missing_true |= ensemble->missing && ensemble->missing[node] == 1;
    }
    *ret_chain = chain;
    return 0;
}

/* ---- features ---- */

/* Nodes that are reached, except for the inner ones of chains; and what they ask for. */
struct visit {
    size_t *stack;
    bool *is_seen;
    size_t depth;
    struct onnx_equal *wanted;
    size_t *wanted_by; /* parallel: nodes */
    size_t wanted_count;
};

static int reach(struct ensemble *ensemble, struct visit *visit, size_t node, int64_t id) {
    size_t child = ensemble_find(ensemble, ensemble->tree_ids[node], id);
    if (child == SIZE_MAX)
        return onnx_refuse(ensemble->onnx, ERROR_INVALID,
                           "node %lld of tree %lld has the child %lld, which there is not",
                           (long long)ensemble->node_ids[node], (long long)ensemble->tree_ids[node],
                           (long long)id);
    if (!visit->is_seen[child])
        visit->stack[visit->depth++] = child;
    visit->is_seen[child] = true;
    return 0;
}

static int visit_node(struct ensemble *ensemble, struct visit *visit, size_t node) {
    const struct mode *mode = mode_of(ensemble, node);
    struct chain chain = {.last = node};
    if (mode->test == FOREST_LEAF)
        return 0;
    int r = mode->is_equal ? follow(ensemble, node, NULL, &chain) : 0;
    if (r < 0)
        return r;
    ensemble->is_chain[node] = chain.length > 1;
    if (mode->is_equal) {
        /* What is missing is unlike every number, so of != it is true in any case. */
        visit->wanted_by[visit->wanted_count] = node;
        visit->wanted[visit->wanted_count++] = (struct onnx_equal){
            .column = (uint32_t)ensemble->features[node],
            .is_code = chain.length > 1,
            .is_missing_equal = chain.length == 1 && !mode->is_turned && chain.is_missing_true,
            .number = chain.length > 1 ? 0 : ensemble->limits[node]};
    }
    r = reach(ensemble, visit, node, ensemble->true_ids[node]);
    return r < 0 ? r : reach(ensemble, visit, node, ensemble->false_ids[chain.last]);
}

static int visit_trees(struct ensemble *ensemble, struct visit *visit) {
    struct onnx *onnx = ensemble->onnx;
    int r = 0;
    visit->stack = onnx_room(onnx, ensemble->count, sizeof *visit->stack);
    visit->is_seen = onnx_room(onnx, ensemble->count, sizeof *visit->is_seen);
    visit->wanted = onnx_room(onnx, ensemble->count, sizeof *visit->wanted);
    visit->wanted_by = onnx_room(onnx, ensemble->count, sizeof *visit->wanted_by);
    ensemble->is_chain = onnx_room(onnx, ensemble->count, sizeof *ensemble->is_chain);
    for (size_t i = 0; i < ensemble->tree_count && r == 0; i++) {
        visit->stack[visit->depth++] = ensemble->trees[i].first;
        visit->is_seen[ensemble->trees[i].first] = true;
        while (visit->depth > 0 && r == 0)
            r = visit_node(ensemble, visit, visit->stack[--visit->depth]);
    }
    return r;
}

static int compare_equals(const void *left, const void *right) {
    const struct onnx_equal *a = left, *b = right;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    if (a->is_code != b->is_code)
        return a->is_code - b->is_code;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->is_missing_equal - b->is_missing_equal;
}

/* The columns, and behind them what nodes ask for, each once. */
static int make_features(struct ensemble *ensemble) {
    struct onnx *onnx = ensemble->onnx;
    struct visit visit = {0};
    size_t kept = 0;
    int r = visit_trees(ensemble, &visit);
    if (r < 0)
        return r;
    struct onnx_equal *sorted = onnx_room(onnx, visit.wanted_count, sizeof *sorted);
    if (visit.wanted_count > 0) {
        memcpy(sorted, visit.wanted, visit.wanted_count * sizeof *sorted);
        qsort(sorted, visit.wanted_count, sizeof *sorted, compare_equals);
    }
    for (size_t i = 0; i < visit.wanted_count; i++)
        if (i == 0 || compare_equals(&sorted[i], &sorted[kept - 1]) != 0)
            sorted[kept++] = sorted[i];
    ensemble->equals = onnx_room(onnx, ensemble->count, sizeof *ensemble->equals);
    for (size_t i = 0; i < visit.wanted_count; i++) {
        const struct onnx_equal *found =
            bsearch(&visit.wanted[i], sorted, kept, sizeof *sorted, compare_equals);
        ensemble->equals[visit.wanted_by[i]] =
            (uint32_t)(ensemble->columns->count + (size_t)(found - sorted));
    }
    return onnx_columns_keep_with(onnx, ensemble->columns, false, sorted, kept);
}

/* ---- places: a tree whose nodes have one parent each ---- */

struct place {
    size_t node;
    size_t yes, no; /* places */
    uint32_t level;
};

static struct place *add_place(struct ensemble *ensemble, size_t node, uint32_t level) {
    if (ensemble->place_count == ensemble->place_capacity) {
        size_t capacity = ensemble->place_capacity ? 2 * ensemble->place_capacity : 64;
        struct place *places = onnx_room(ensemble->onnx, capacity, sizeof *places);
        if (ensemble->place_count > 0)
            memcpy(places, ensemble->places, ensemble->place_count * sizeof *places);
        ensemble->places = places;
        ensemble->place_capacity = capacity;
    }
    struct place *place = &ensemble->places[ensemble->place_count++];
    *place = (struct place){.node = node, .level = level};
    return place;
}

/* Children that several parents have are copied, within limits: they could double at each level. */
static int lay_out(struct ensemble *ensemble, const struct tree *tree) {
    struct onnx *onnx = ensemble->onnx;
    size_t most = 64 * tree->count + 1024, room = MODEL_NODES_MAX - onnx->forest->node_count;
    most = most < room ? most : room;
    ensemble->place_count = 0;
    add_place(ensemble, tree->first, 0);
    for (size_t i = 0; i < ensemble->place_count; i++) {
        size_t node = ensemble->places[i].node, last = node;
        uint32_t level = ensemble->places[i].level;
        if (ensemble_is_mode(ensemble, node, "LEAF"))
            continue;
        if (ensemble->is_chain[node]) {
            struct chain chain = {0};
            int r = follow(ensemble, node, NULL, &chain);
            if (r < 0)
                return r;
            last = chain.last;
        }
        if (level == MODEL_DEPTH_MAX || ensemble->place_count + 2 > most)
            return onnx_refuse(
                onnx, ERROR_TOO_LARGE,
                "tree %lld is deeper than %u, or shares so many children that it has "
                "more than %zu nodes without sharing, or has a circle",
                (long long)ensemble->tree_ids[node], MODEL_DEPTH_MAX, most);
        ensemble->places[i].yes = ensemble->place_count;
        ensemble->places[i].no = ensemble->place_count + 1;
        int64_t tree_id = ensemble->tree_ids[node];
        add_place(ensemble, ensemble_find(ensemble, tree_id, ensemble->true_ids[node]), level + 1);
        add_place(ensemble, ensemble_find(ensemble, tree_id, ensemble->false_ids[last]), level + 1);
    }
    return 0;
}

/* A chain: left if the column is one of its numbers. */
static int fill_chain(struct ensemble *ensemble, size_t index, struct forest_node *node) {
    struct onnx *onnx = ensemble->onnx;
    struct chain chain = {0};
    uint32_t *words;
    int r = follow(ensemble, index, NULL, &chain);
    node->word_count = chain.most / 32 + 1;
    if (r == 0)
        r = forest_add_words(onnx->forest, node->word_count, &node->first_word, &words,
                             onnx->error);
    if (r == 0)
        r = follow(ensemble, index, words, &chain);
    node->test = FOREST_CATEGORY;
    node->members_left = true;
    node->default_left = chain.is_missing_true;
    return r;
}

static int fill_split(struct ensemble *ensemble, const struct place *place,
                      struct forest_node *node) {
    size_t index = place->node;
    const struct mode *mode = mode_of(ensemble, index);
    bool is_missing_true = ensemble->missing && ensemble->missing[index] == 1;
    node->missing = FOREST_MISSING_NAN;
    node->left = mode->is_turned ? place->no : place->yes;
    node->right = mode->is_turned ? place->yes : place->no;
    node->input = mode->is_equal ? ensemble->equals[index] : (uint32_t)ensemble->features[index];
    if (ensemble->is_chain[index])
        return fill_chain(ensemble, index, node);
    node->test = mode->test;
    node->default_left = is_missing_true != mode->is_turned;
    node->value = mode->is_equal ? 0.5 : ensemble->limits[index];
    return 0;
}

/* ---- trees ---- */

static double value_of(const struct ensemble *ensemble, size_t node, size_t output) {
    for (size_t i = ensemble->first_weight[node]; i < ensemble->first_weight[node + 1]; i++)
        if (ensemble->weights[i].output == output)
            return ensemble->weights[i].value;
    return 0;
}

/* The tree that is laid out, with its weights for one output of the file. */
static int add_tree(struct ensemble *ensemble, size_t from, size_t to, bool are_covers) {
    struct onnx *onnx = ensemble->onnx;
    struct forest_node *nodes;
    double least = HUGE_VAL, most = -HUGE_VAL;
    int r = forest_add_tree(onnx->forest, to, ensemble->place_count, &nodes, onnx->error);
    for (size_t i = 0; i < ensemble->place_count && r == 0; i++) {
        size_t index = ensemble->places[i].node;
        nodes[i].cover = are_covers ? ensemble->hits[index] : -1;
        if (!ensemble_is_mode(ensemble, index, "LEAF")) {
            r = fill_split(ensemble, &ensemble->places[i], &nodes[i]);
            continue;
        }
        nodes[i].value = value_of(ensemble, index, from);
        least = fmin(least, nodes[i].value);
        most = fmax(most, nodes[i].value);
    }
    onnx->bounds[to][0] += least;
    onnx->bounds[to][1] += most;
    return r;
}

static int check_nodes(struct ensemble *ensemble) {
    struct onnx *onnx = ensemble->onnx;
    for (size_t i = 0; i < ensemble->count; i++) {
        const struct mode *mode = mode_of(ensemble, i);
        struct text name = onnx_text(ensemble->modes[i]);
        long long tree = ensemble->tree_ids[i], node = ensemble->node_ids[i];
        if (!mode)
            return onnx_refuse(onnx, ERROR_UNSUPPORTED, "mode \"%.*s\" of node %lld of tree %lld",
                               (int)(name.length < 40 ? name.length : 40),
                               name.data ? name.data : "", node, tree);
        bool is_leaf = mode->test == FOREST_LEAF;
        if (is_leaf && ensemble->first_weight[i] == ensemble->first_weight[i + 1])
            return onnx_refuse(onnx, ERROR_INVALID, "leaf %lld of tree %lld has no weight", node,
                               tree);
        if (!is_leaf && (ensemble->features[i] < 0 ||
                         ensemble->features[i] >= (int64_t)ensemble->columns->count))
            return onnx_refuse(onnx, ERROR_INVALID,
                               "node %lld of tree %lld asks for column %lld of %zu", node, tree,
                               (long long)ensemble->features[i], ensemble->columns->count);
        if (mode->is_equal && !isfinite(ensemble->limits[i]))
            return onnx_refuse(onnx, ERROR_INVALID,
                               "node %lld of tree %lld asks for a number that is not finite", node,
                               tree);
    }
    return 0;
}

int ensemble_add_trees(struct ensemble *ensemble, const struct outputs *outputs) {
    uint64_t wanted = (outputs->count == 64 ? 0 : UINT64_C(1) << outputs->count) - 1;
    int r = check_nodes(ensemble);
    if (r == 0)
        r = make_features(ensemble);
    bool are_covers = has_covers(ensemble);
    for (size_t i = 0; i < ensemble->tree_count && r == 0; i++) {
        struct tree *tree = &ensemble->trees[i];
        size_t end = ensemble->first_weight[tree->first + tree->count];
        for (size_t k = ensemble->first_weight[tree->first]; k < end; k++)
            tree->outputs |= UINT64_C(1) << ensemble->weights[k].output;
        uint64_t used = tree->outputs >> outputs->first & wanted;
        if (used)
            r = lay_out(ensemble, tree);
        for (size_t k = 0; k < outputs->count && r == 0; k++)
            if (used >> k & 1)
                r = add_tree(ensemble, outputs->first + k, k, are_covers);
    }
    return r;
}
