/* The checker at work, shared by its files: checker.c (operators, functions and the walk through
 * the tree), checker_name.c (names and members) and checker_list.c (lists, maps and macros).
 * Private to policy/. */
#pragma once

#include "core/policy/lang/scope.h"
#include "core/policy/lang/syntax.h"
#include "core/policy/source/reporter.h"

struct checker {
    struct text source;
    const struct scope *scope;
    enum scope_reader reader;
    struct arena *scratch;
    struct reporter *reporter;
    struct local *locals; /* variables of the macros around, the innermost first */
};

/* The type of what was reported already: whatever uses it says nothing more. */
#define BROKEN VALUE_ERROR

/* Checks a node and all below it; sets and returns its type. */
type_code checker_node(struct checker *checker, struct syntax *node);

/* A name and a member (entity.feature, lists.NAME …): finds what they stand for. The type, BROKEN
 * when that was reported. */
type_code checker_name(struct checker *checker, struct syntax *node);
type_code checker_member(struct checker *checker, struct syntax *node);
/* The variable that a name stands for, if any. */
struct local *checker_local(const struct checker *checker, struct text name);

/* fired("rule"): its node stands for a name. False when something was reported. */
bool checker_fired(struct checker *checker, struct syntax *node);

bool checker_is_unknown_name(const struct checker *checker, const struct syntax *node);
/* Reports it. beside_text: it is compared with a text, so it may be one without its quotes. */
type_code checker_unknown_name(struct checker *checker, const struct syntax *node,
                               bool beside_text);

/* Says that this reader cannot read this, and what it can: `start` and `length` are its place. */
type_code checker_refuse_reading(struct checker *checker, size_t start, size_t length,
                                 const char *what);

/* Is this operand of `sign` a bool? Reported if not. It has been checked. */
bool checker_expect_bool(struct checker *checker, const struct syntax *operand, const char *sign);

/* Lists, maps and what is done with them. */
type_code checker_list(struct checker *checker, struct syntax *node);
type_code checker_map(struct checker *checker, struct syntax *node);
/* value[index], of anything but a threshold */
type_code checker_element(struct checker *checker, struct syntax *node);
/* map.name; the operand has been checked. */
type_code checker_selection(struct checker *checker, struct syntax *node);
/* x in y, y being a value; x has been checked. */
type_code checker_membership(struct checker *checker, struct syntax *node);
bool checker_is_macro(const struct syntax *node);
type_code checker_macro(struct checker *checker, struct syntax *node);
