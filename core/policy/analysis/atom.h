/* Simple conditions, as proofs see them: a term compared with constants or with another term,
 * searched for in a list, tested for presence; and the values that a term can have at all. Private
 * to policy/. */
#pragma once

#include "possible.h"
#include "premises.h"

enum atom_kind {
    ATOM_OPAQUE,   /* a bool of which nothing is known but that it is the same each time */
    ATOM_COMPARE,  /* term sign constant */
    ATOM_IN,       /* term in [constants] */
    ATOM_RELATION, /* term sign other term */
    ATOM_HAS,      /* has(term) */
};

struct atom {
    enum atom_kind kind;
    const struct syntax *node;
    bool holds;
    struct text text; /* of the node, in its one way of writing */
    const struct syntax *term, *other;
    struct text name, other_name; /* of the terms, likewise */
    enum token_type sign;
    struct value constant;
    const struct value *constants;
    size_t count;
};

/* The condition, or its opposite, as an atom. Texts live in the premises' scratch memory. */
struct atom atom_read(const struct premises *premises, const struct syntax *node, bool holds);

/* Everything that the term can be: by its type, by what a feature aggregates, by its function. */
void atom_possible(const struct premises *premises, const struct syntax *term,
                   struct possible *ret_possible);
/* When the atom is true or false, does this name have a value? */
bool atom_needs(const struct atom *atom, const struct name *name);
/* Does every transaction have it? */
bool atom_is_always_there(const struct premises *premises, const struct syntax *term);

/* The value of an expression of literals only; false for any other. */
bool atom_fold(const struct premises *premises, const struct syntax *node, struct value *ret_value);
/* The expression of a computed value of type bool; NULL for any other node. */
const struct syntax *atom_value_of(const struct premises *premises, const struct syntax *node);
bool atom_is_name(const struct syntax *node);
bool atom_is_has(const struct syntax *node);
bool atom_is_comparison(const struct syntax *node);
/* a < b is b > a */
enum token_type atom_mirrored(enum token_type sign);
