/* A YAML file as a tree that remembers the place of every node.
 *
 * The subset that policies need: one document of mappings, lists and texts in UTF-8. Anchors,
 * aliases, tags, tabs, duplicate keys and deep nesting are errors. Nothing is typed here: `true`
 * and `5` are texts until a reader asks for a bool or a number (read.h). */
#pragma once

#include "core/base/arena.h"
#include "diagnostic.h"

#include <stdbool.h>
#include <stddef.h>

enum tree_kind { TREE_TEXT, TREE_LIST, TREE_MAPPING };

enum tree_style {
    TREE_PLAIN,
    TREE_SINGLE_QUOTED,
    TREE_DOUBLE_QUOTED,
    TREE_LITERAL, /* | */
    TREE_FOLDED,  /* > */
};

struct tree_node {
    enum tree_kind kind;
    enum tree_style style; /* TREE_TEXT */
    bool broken;           /* an error was reported here: readers report nothing more */
    bool has_brackets;     /* a collection in [] or {} */
    struct text text;      /* TREE_TEXT */
    size_t line, column;   /* of its first character, from 1 */
    size_t end_line;       /* of its last character */
    struct tree_node *key; /* of a mapping's child */
    struct tree_node *first, *last, *next;
    size_t child_count;
};

#define TREE_SIZE_MAX     (4u << 20) /* bytes of a YAML file */
#define TREE_DEPTH_MAX    16u
#define TREE_CHILDREN_MAX 1000u        /* keys of one mapping */
#define TREE_MEMORY_MAX   (256u << 20) /* bytes of the arena that trees are put into */

/* Returns the root (an empty mapping for an empty file), or NULL when the file is not YAML at all;
 * errors are in diagnostics either way. Nodes and their texts, which end with a NUL, live in the
 * arena. */
struct tree_node *tree_parse(const struct source *source, struct arena *arena,
                             struct diagnostics *diagnostics);

/* The child of a mapping by its key; NULL when there is none, or when the node is NULL or not a
 * mapping. Keys that were reported (broken) are found, too. */
const struct tree_node *tree_child(const struct tree_node *node, const char *key);

struct position tree_position(const struct tree_node *node);
/* The place in the file of byte `offset` of a text node's value: exact for one-line texts in any
 * quotes, and for the characters of block and folded ones that are not white space. */
struct position tree_locate(const struct source *source, const struct tree_node *node,
                            size_t offset, size_t length);
