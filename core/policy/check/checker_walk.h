/* What the files of the checker share: its state and the way back into the walk.
 *
 * Checking is recursive over all kinds of nodes, but the files call in one direction: checker.c has
 * the walk and calls checker_name.c, checker_list.c and checker_fired.c, which come back to it
 * through check_node. Private to policy/. */
#pragma once

#include "core/policy/lang/scope.h"
#include "core/policy/lang/syntax.h"
#include "core/policy/source/reporter.h"

struct checker {
    struct text source;
    const struct scope *scope;
    enum scope_reader reader;
    struct arena *scratch; /* as of expression_check() */
    struct reporter *reporter;
    struct local *locals; /* variables of the macros around, the innermost first */
    type_code (*check_node)(struct checker *checker, struct syntax *node); /* checker.c's */
};

/* The type of an expression whose error is reported already: whatever uses it reports nothing. */
#define BROKEN VALUE_ERROR

/* Checks a node and all below it; sets and returns its type. */
static inline type_code checker_node(struct checker *checker, struct syntax *node) {
    return checker->check_node(checker, node);
}

/* The macro's variable of this name that is visible here; NULL when there is none. */
struct local *checker_local(const struct checker *checker, struct text name);
/* Is it a bare name that nothing visible here declares? */
bool checker_is_unknown_name(const struct checker *checker, const struct syntax *node);
/* Is this operand of `sign`, which has been checked, a bool? Reports it if not. */
bool checker_expect_bool(struct checker *checker, const struct syntax *operand, const char *sign);
