/* Target: the YAML of policies.
 *
 *   input  a file
 *
 * It must be refused with messages, or give a tree within the limits of depth and width, with
 * memory bounded by the file's length. Every node, and every byte of every text, must have a
 * position in the file. Parsing it again must give the same tree and messages. */
#include "common/target.h"

#include "core/policy/source/tree.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* An upper bound of the arena's use: a node for every byte, and its text from libyaml. */
#define BYTES_FIXED    8192
#define BYTES_PER_BYTE 1024
#define SEED_BYTES_MAX 2000

static struct arena arena, arena_again;
static struct buffer messages, messages_again;

void target_start(void) {
    arena_init(&arena, TREE_MEMORY_MAX);
    arena_init(&arena_again, TREE_MEMORY_MAX);
    buffer_init(&messages);
    buffer_init(&messages_again);
}

static void check_place(const struct source *source, struct position at) {
    /* YAML has more kinds of line ends than '\n', so only the file's length bounds the numbers. */
    property(at.line >= 1 && at.line <= source->content.length + 1, "line %zu", at.line);
    property(at.column >= 1 && at.column <= source->content.length + 1, "column %zu", at.column);
}

static void check_node(const struct source *source, const struct tree_node *node, size_t depth) {
    size_t children = 0;
    property(depth <= TREE_DEPTH_MAX, "%zu levels", depth);
    check_place(source, tree_position(node));
    if (node->kind == TREE_TEXT && !node->broken) {
        property(node->end_line >= node->line, "it ends in line %zu, but begins in %zu",
                 node->end_line, node->line);
        size_t step = 1 + node->text.length / 8; /* samples long texts */
        for (size_t i = 0; i < node->text.length; i += step)
            check_place(source, tree_locate(source, node, i, 1));
    }
    for (const struct tree_node *child = node->first; child; child = child->next, children++) {
        property((node->kind == TREE_MAPPING) == (child->key != NULL),
                 "only children of mappings have keys");
        if (child->key)
            check_node(source, child->key, depth);
        check_node(source, child, depth + 1);
    }
    property(children == node->child_count, "%zu children, but a count of %zu", children,
             node->child_count);
    property(node->kind != TREE_MAPPING || children <= TREE_CHILDREN_MAX, "%zu keys", children);
}

static bool is_same(const struct tree_node *a, const struct tree_node *b) {
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->line != b->line || a->column != b->column ||
        a->child_count != b->child_count || !text_equal(a->text, b->text) ||
        !is_same(a->key, b->key))
        return false;
    const struct tree_node *y = b->first;
    for (const struct tree_node *x = a->first; x; x = x->next, y = y->next)
        if (!is_same(x, y))
            return false;
    return true;
}

static struct tree_node *parse(const struct source *source, struct arena *memory,
                               struct buffer *output, size_t *ret_errors) {
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    arena_reset(memory);
    buffer_clear(output);
    struct tree_node *root = tree_parse(source, memory, &diagnostics);
    property(root || diagnostics.errors > 0, "refused without a message");
    property(memory->used <= BYTES_FIXED + BYTES_PER_BYTE * source->content.length,
             "%zu bytes for a file of %zu", memory->used, source->content.length);
    diagnostics_write(&diagnostics, output);
    *ret_errors = diagnostics.errors;
    diagnostics_deinit(&diagnostics);
    return root;
}

static struct text text_in(const struct buffer *output) {
    return (struct text){.data = (const char *)output->bytes, .length = output->length};
}

bool target_run(const uint8_t *bytes, size_t size) {
    const struct source source = {.path = TEXT_LITERAL("rules/a.yaml"),
                                  .content = {.data = (const char *)bytes, .length = size}};
    size_t errors, errors_again;
    struct tree_node *root = parse(&source, &arena, &messages, &errors);
    struct tree_node *again = parse(&source, &arena_again, &messages_again, &errors_again);
    property(is_same(root, again) && errors == errors_again &&
                 text_equal(text_in(&messages), text_in(&messages_again)),
             "another tree the second time");
    if (root)
        check_node(&source, root, 1);
    return root && errors == 0;
}

/* ---- seeds: the policies that ship, file by file ---- */

static void add_file(struct seeds *seeds, const char *path) {
    static char bytes[SEED_BYTES_MAX];
    FILE *file = fopen(path, "r");
    property(file, "cannot open %s", path);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    while (size > 0 && bytes[size - 1] != '\n') /* whole lines */
        size--;
    if (target_run((const uint8_t *)bytes, size))
        seeds->add(seeds, bytes, size);
}

static void add_folder(struct seeds *seeds, const char *folder) {
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    property(count >= 0, "cannot list %s", folder);
    for (int i = 0; i < count; i++) {
        char path[4096 + 256];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (strstr(entries[i]->d_name, ".yaml"))
            add_file(seeds, path);
        free(entries[i]);
    }
    free(entries);
}

void target_seeds(struct seeds *seeds, const char *root) {
    static const char *const folders[] = {"card-payments", "card-payments/rules", "handbook",
                                          "network-edges"};
    static const char *const written[] = {"", "a: [b, 'c''d', \"e\\u0041\\x42 \\\n  f\"]\n",
                                          "- |\n  a\n   b\n- >-\n  c\n  d\n\n  e\n",
                                          "{a: {b: {c: [d, [e]]}}}\n", "? a\n: b\n"};
    char folder[4096];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(folder, sizeof folder, "%s/rules/%s", root, folders[i]);
        add_folder(seeds, folder);
    }
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        if (target_run((const uint8_t *)written[i], strlen(written[i])))
            seeds->add(seeds, written[i], strlen(written[i]));
}
