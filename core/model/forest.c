/* Growing arrays in an arena: the old ones stay behind, twice the size of the result at most, and
 * go with the scratch memory of a load. */
#include "forest.h"

#include "core/base/check.h"

void forest_init(struct forest *forest, struct arena *arena) {
    *forest = (struct forest){.arena = arena, .sigmoid = 1};
}

static void *grown(struct arena *arena, const void *old, size_t count, size_t *capacity,
                   size_t needed, size_t size) {
    if (needed <= *capacity)
        return (void *)(uintptr_t)old;
    size_t room = *capacity ? *capacity * 2 : 64;
    while (room < needed)
        room *= 2;
    void *memory = arena_calloc(arena, room, size);
    check(memory);
    if (count > 0)
        memcpy(memory, old, count * size);
    *capacity = room;
    return memory;
}

int forest_add_tree(struct forest *forest, size_t output, size_t node_count,
                    struct forest_node **ret_nodes, struct error *ret_error) {
    if (node_count == 0)
        return error_set(ret_error, ERROR_INVALID, "tree %zu has no nodes", forest->tree_count);
    if (forest->tree_count == MODEL_TREES_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "more than %u trees", MODEL_TREES_MAX);
    if (node_count > MODEL_NODES_MAX - forest->node_count)
        return error_set(ret_error, ERROR_TOO_LARGE, "more than %u nodes", MODEL_NODES_MAX);
    forest->trees = grown(forest->arena, forest->trees, forest->tree_count, &forest->tree_capacity,
                          forest->tree_count + 1, sizeof *forest->trees);
    forest->nodes = grown(forest->arena, forest->nodes, forest->node_count, &forest->node_capacity,
                          forest->node_count + node_count, sizeof *forest->nodes);
    forest->trees[forest->tree_count++] = (struct forest_tree){
        .first_node = forest->node_count, .node_count = node_count, .output = output};
    *ret_nodes = &forest->nodes[forest->node_count];
    memset(*ret_nodes, 0, node_count * sizeof **ret_nodes);
    forest->node_count += node_count;
    return 0;
}

int forest_add_words(struct forest *forest, size_t count, size_t *ret_first, uint32_t **ret_words,
                     struct error *ret_error) {
    if (count > MODEL_WORDS_MAX - forest->word_count)
        return error_set(ret_error, ERROR_TOO_LARGE, "sets of categories with more than %u words",
                         MODEL_WORDS_MAX);
    forest->words = grown(forest->arena, forest->words, forest->word_count, &forest->word_capacity,
                          forest->word_count + count, sizeof *forest->words);
    *ret_first = forest->word_count;
    *ret_words = &forest->words[forest->word_count];
    if (count > 0)
        memset(*ret_words, 0, count * sizeof **ret_words);
    forest->word_count += count;
    return 0;
}
