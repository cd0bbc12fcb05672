/* The checker at work, shared by its two files: checker.c (operators, functions and the walk
 * through the tree) and checker_name.c (names and members). Private to policy/. */
#pragma once

#include "checker.h"

struct checker {
    const struct scope *scope;
    enum scope_reader reader;
    struct arena *scratch;
    struct reporter *reporter;
};

/* The type of what was reported already: whatever uses it says nothing more. */
#define BROKEN VALUE_ERROR

/* Checks a node and all below it; sets and returns its type. */
enum value_type checker_node(struct checker *checker, struct syntax *node);

/* A name and a member (entity.feature, lists.NAME …): finds what they stand for. The type, BROKEN
 * when that was reported. */
enum value_type checker_name(struct checker *checker, struct syntax *node);
enum value_type checker_member(struct checker *checker, struct syntax *node);

bool checker_is_unknown_name(const struct checker *checker, const struct syntax *node);
/* Reports it. beside_text: it is compared with a text, so it may be one without its quotes. */
enum value_type checker_unknown_name(struct checker *checker, const struct syntax *node,
                                     bool beside_text);

/* Says that this reader cannot read this, and what it can: `start` and `length` are its place. */
enum value_type checker_refuse_reading(struct checker *checker, size_t start, size_t length,
                                       const char *what);
