/* A depth-first search for an alternative that contradicts nothing: if there is none, the condition
 * never holds. This is a tableau: && adds its operands to the same alternative, || and ?: fork, and
 * each atom that is added is compared with those already there. It gives up, and claims nothing,
 * after PROOF_STEPS_MAX steps.
 *
 * "True" has the meaning of evaluation: `a && b` is true iff both are, `a || b` iff one is, and a
 * comparison only if both of its sides have values. */
#include "proof.h"

#include "atom.h"
#include "core/base/check.h"
#include "core/policy/lang/scope.h"

#include <stdlib.h>

#define PROOF_STEPS_MAX 4000u
#define PROOF_DEPTH_MAX 1000u /* of the search's stack */

struct search {
    const struct premises *premises;
    struct atom *atoms; /* that must hold together in the current alternative */
    size_t count, capacity;
    unsigned steps, depth;
    bool gave_up;
    bool forked; /* there were alternatives */
    struct clash clash;
    const struct syntax *goal; /* proof_implies(): an alternative counts only if this fails in it */
};

/* Conditions of the current alternative that are not taken apart yet, as a linked list on the
 * stack. */
struct pending {
    const struct syntax *node;
    bool holds;
    const struct pending *next;
};

/* ------------------------------------------------------------------------------------------------
 * What has a value */

static bool is_total(struct search *search, const struct syntax *node) {
    const struct syntax *value = atom_value_of(search->premises, node);
    struct value constant;
    if (++search->steps > PROOF_STEPS_MAX)
        return false;
    if (value)
        return is_total(search, value);
    if (atom_fold(search->premises, node, &constant))
        return constant.type != VALUE_ABSENT && constant.type != VALUE_ERROR;
    if (atom_is_name(node))
        return atom_is_always_there(search->premises, node);
    /* has() of a computed value that failed is an error. */
    if (atom_is_has(node))
        return node->first->name->kind != NAME_VALUE;
    bool of_operands = node->kind == SYNTAX_AND || node->kind == SYNTAX_OR ||
                       node->kind == SYNTAX_CONDITIONAL || atom_is_comparison(node) ||
                       (node->kind == SYNTAX_UNARY && node->sign == TOKEN_NOT);
    if (!of_operands)
        return false;
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (!is_total(search, operand))
            return false;
    return true;
}

bool proof_is_total(const struct premises *premises, const struct syntax *condition) {
    struct search search = {.premises = premises};
    return is_total(&search, condition);
}

/* ------------------------------------------------------------------------------------------------
 * Atoms that cannot hold together */

enum { ORDER_LESS = 1, ORDER_EQUAL = 2, ORDER_GREATER = 4, ORDER_NONE = 8 };

/* The set of orders between the two terms in which the atom holds, as bits. swapped: with the
 * terms exchanged. */
static unsigned orders_of(const struct atom *atom, bool swapped) {
    unsigned orders = 0;
    switch (swapped ? atom_mirrored(atom->sign) : atom->sign) {
    case TOKEN_EQUAL:
        orders = ORDER_EQUAL;
        break;
    case TOKEN_NOT_EQUAL:
        orders = ORDER_LESS | ORDER_GREATER | ORDER_NONE;
        break;
    case TOKEN_LESS:
        orders = ORDER_LESS;
        break;
    case TOKEN_LESS_EQUAL:
        orders = ORDER_LESS | ORDER_EQUAL;
        break;
    case TOKEN_GREATER:
        orders = ORDER_GREATER;
        break;
    default:
        orders = ORDER_GREATER | ORDER_EQUAL;
    }
    return atom->holds ? orders : ~orders & 15u;
}

static unsigned orders_left(const struct atom *a, const struct atom *b) {
    unsigned orders = orders_of(a, false);
    if (text_equal(a->name, a->other_name))
        orders &= ORDER_EQUAL | ORDER_NONE;
    /* Bools and numbers that are none may have no order; texts, whole numbers and times have. */
    if (a->term->type != VALUE_DOUBLE && a->other->type != VALUE_DOUBLE &&
        a->term->type != VALUE_BOOL)
        orders &= ~(unsigned)ORDER_NONE;
    if (!b)
        return orders;
    if (text_equal(a->name, b->name) && text_equal(a->other_name, b->other_name))
        return orders & orders_of(b, false);
    if (text_equal(a->name, b->other_name) && text_equal(a->other_name, b->name))
        return orders & orders_of(b, true);
    return orders;
}

static bool is_about_term(const struct atom *atom) {
    return atom->kind == ATOM_COMPARE || atom->kind == ATOM_IN;
}

static void narrow(struct possible *possible, const struct atom *atom) {
    if (atom->kind == ATOM_COMPARE)
        possible_compare(possible, atom->sign, atom->constant, atom->holds);
    else
        possible_in(possible, atom->constants, atom->count, atom->holds);
}

/* Does the atom contradict those about the same term? First each alone, which names the culprit,
 * then all together. *ret_other: NULL when the atom is impossible by itself. */
static bool term_clashes(struct search *search, const struct atom *atom,
                         const struct atom **ret_other) {
    struct possible alone, all;
    atom_possible(search->premises, atom->term, &alone);
    narrow(&alone, atom);
    *ret_other = NULL;
    if (possible_is_empty(&alone))
        return true;
    all = alone;
    for (size_t i = 0; i < search->count; i++) {
        const struct atom *other = &search->atoms[i];
        if (!is_about_term(other) || !text_equal(other->name, atom->name))
            continue;
        struct possible pair = alone;
        narrow(&pair, other);
        narrow(&all, other);
        *ret_other = other;
        if (possible_is_empty(&pair) || possible_is_empty(&all))
            return true;
    }
    return false;
}

static bool has_clashes(struct search *search, const struct atom *atom,
                        const struct atom **ret_other) {
    *ret_other = NULL;
    if (!atom->holds && atom_is_always_there(search->premises, atom->term))
        return true;
    for (size_t i = 0; i < search->count && !atom->holds; i++) {
        *ret_other = &search->atoms[i];
        if (atom_needs(*ret_other, atom->term->name))
            return true;
    }
    return false;
}

/* Does the atom need a name that another atom says is absent? */
static bool absence_clashes(const struct search *search, const struct atom *atom,
                            const struct atom **ret_other) {
    for (size_t i = 0; i < search->count; i++) {
        const struct atom *other = &search->atoms[i];
        *ret_other = other;
        if (other->kind == ATOM_HAS && !other->holds && atom_needs(atom, other->term->name))
            return true;
    }
    return false;
}

static bool same_clashes(const struct search *search, const struct atom *atom,
                         const struct atom **ret_other) {
    for (size_t i = 0; i < search->count; i++) {
        const struct atom *other = &search->atoms[i];
        *ret_other = other;
        if (other->kind == ATOM_OPAQUE && other->holds != atom->holds &&
            text_equal(other->text, atom->text))
            return true;
    }
    return false;
}

static bool relation_clashes(const struct search *search, const struct atom *atom,
                             const struct atom **ret_other) {
    *ret_other = NULL;
    if (orders_left(atom, NULL) == 0)
        return true;
    for (size_t i = 0; i < search->count; i++) {
        *ret_other = &search->atoms[i];
        if ((*ret_other)->kind == ATOM_RELATION && orders_left(atom, *ret_other) == 0)
            return true;
    }
    return false;
}

static bool clashes(struct search *search, const struct atom *atom, const struct atom **ret_other) {
    switch (atom->kind) {
    case ATOM_COMPARE:
    case ATOM_IN:
        if (term_clashes(search, atom, ret_other))
            return true;
        break;
    case ATOM_HAS:
        if (has_clashes(search, atom, ret_other))
            return true;
        break;
    case ATOM_RELATION:
        if (relation_clashes(search, atom, ret_other))
            return true;
        break;
    case ATOM_OPAQUE:
        if (same_clashes(search, atom, ret_other))
            return true;
        break;
    }
    return absence_clashes(search, atom, ret_other);
}

static void note_clash(struct search *search, const struct atom *atom, const struct atom *other) {
    search->clash = (struct clash){.first = other ? other->node : NULL,
                                   .second = atom->node,
                                   .first_holds = other && other->holds,
                                   .second_holds = atom->holds};
}

/* ------------------------------------------------------------------------------------------------
 * What follows from the atoms of an alternative */

static bool follows(struct search *search, const struct syntax *node, bool holds);

static bool all_follow(struct search *search, const struct syntax *node, bool holds) {
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (!follows(search, operand, holds))
            return false;
    return true;
}

static bool one_follows(struct search *search, const struct syntax *node, bool holds) {
    for (const struct syntax *operand = node->first; operand; operand = operand->next)
        if (follows(search, operand, holds))
            return true;
    return false;
}

/* Does an atom follow from those of the alternative? It is one of them, or its opposite would leave
 * its term no value although the term has one. */
static bool atom_follows(const struct search *search, const struct atom *atom) {
    struct possible possible;
    bool has_value = false;
    if (atom->kind == ATOM_HAS && atom->holds && atom_is_always_there(search->premises, atom->term))
        return true;
    if (is_about_term(atom)) {
        struct atom opposite = *atom;
        opposite.holds = !atom->holds;
        atom_possible(search->premises, atom->term, &possible);
        narrow(&possible, &opposite);
    }
    for (size_t i = 0; i < search->count; i++) {
        const struct atom *known = &search->atoms[i];
        if (atom->kind == ATOM_HAS && atom->holds && atom_needs(known, atom->term->name))
            return true;
        if (known->holds == atom->holds && text_equal(known->text, atom->text))
            return true;
        if (is_about_term(atom) && is_about_term(known) && text_equal(known->name, atom->name)) {
            has_value = true;
            narrow(&possible, known);
        }
    }
    return has_value && possible_is_empty(&possible);
}

static bool follows(struct search *search, const struct syntax *node, bool holds) {
    const struct syntax *value = atom_value_of(search->premises, node);
    struct value constant;
    if (++search->steps > PROOF_STEPS_MAX)
        return false;
    if (value)
        return follows(search, value, holds);
    if (atom_fold(search->premises, node, &constant))
        return constant.type == VALUE_BOOL && constant.boolean == holds;
    switch (node->kind) {
    case SYNTAX_AND:
        return holds ? all_follow(search, node, true) : one_follows(search, node, false);
    case SYNTAX_OR:
        return holds ? one_follows(search, node, true) : all_follow(search, node, false);
    case SYNTAX_UNARY:
        return follows(search, node->first, !holds);
    case SYNTAX_CONDITIONAL:
        return (follows(search, node->first, true) && follows(search, node->first->next, holds)) ||
               (follows(search, node->first, false) && follows(search, node->last, holds));
    default: {
        struct atom atom = atom_read(search->premises, node, holds);
        return atom_follows(search, &atom);
    }
    }
}

/* ------------------------------------------------------------------------------------------------
 * The search */

/* Is there an alternative of the pending conditions that contradicts nothing so far? */
static bool can_hold(struct search *search, const struct pending *pending);

static bool can_hold_all(struct search *search, const struct syntax *node, bool holds,
                         const struct pending *next) {
    struct pending *items =
        arena_calloc(search->premises->scratch, node->operand_count + 1, sizeof *items);
    check(items);
    size_t count = 0;
    for (const struct syntax *operand = node->first; operand; operand = operand->next, count++)
        items[count] = (struct pending){
            .node = operand, .holds = holds, .next = operand->next ? &items[count + 1] : next};
    return can_hold(search, items);
}

static bool can_hold_one(struct search *search, const struct syntax *node, bool holds,
                         const struct pending *next) {
    search->forked = true;
    for (const struct syntax *operand = node->first; operand; operand = operand->next) {
        struct pending one = {.node = operand, .holds = holds, .next = next};
        if (can_hold(search, &one))
            return true;
    }
    return false;
}

static bool can_hold_branch(struct search *search, const struct syntax *node, bool holds,
                            const struct pending *next) {
    search->forked = true;
    for (int taken = 1; taken >= 0; taken--) {
        struct pending branch = {
            .node = taken ? node->first->next : node->last, .holds = holds, .next = next};
        struct pending condition = {.node = node->first, .holds = taken, .next = &branch};
        if (can_hold(search, &condition))
            return true;
    }
    return false;
}

static void push(struct search *search, const struct atom *atom) {
    if (search->count == search->capacity) {
        search->capacity = search->capacity ? search->capacity * 2 : 32;
        search->atoms = check_reallocarray(search->atoms, search->capacity, sizeof *atom);
    }
    search->atoms[search->count++] = *atom;
}

static bool can_hold_atom(struct search *search, const struct syntax *node, bool holds,
                          const struct pending *next) {
    struct value constant;
    struct atom atom = {.node = node, .holds = holds};
    const struct atom *other = NULL;
    if (atom_fold(search->premises, node, &constant)) {
        if (constant.type == VALUE_BOOL && constant.boolean == holds)
            return can_hold(search, next);
        note_clash(search, &atom, NULL);
        return false;
    }
    atom = atom_read(search->premises, node, holds);
    if (clashes(search, &atom, &other)) {
        note_clash(search, &atom, other);
        return false;
    }
    push(search, &atom);
    bool can = can_hold(search, next);
    search->count--;
    return can;
}

static bool can_hold_node(struct search *search, const struct pending *pending) {
    const struct syntax *node = pending->node, *value = atom_value_of(search->premises, node);
    bool holds = pending->holds;
    struct value constant;
    if (value) {
        struct pending inner = {.node = value, .holds = holds, .next = pending->next};
        return can_hold(search, &inner);
    }
    if (atom_fold(search->premises, node, &constant))
        return can_hold_atom(search, node, holds, pending->next);
    switch (node->kind) {
    case SYNTAX_AND:
    case SYNTAX_OR:
        return (node->kind == SYNTAX_AND) == holds
                   ? can_hold_all(search, node, holds, pending->next)
                   : can_hold_one(search, node, holds, pending->next);
    case SYNTAX_CONDITIONAL:
        return can_hold_branch(search, node, holds, pending->next);
    case SYNTAX_UNARY: {
        struct pending inner = {.node = node->first, .holds = !holds, .next = pending->next};
        return can_hold(search, &inner);
    }
    default:
        return can_hold_atom(search, node, holds, pending->next);
    }
}

static bool can_hold(struct search *search, const struct pending *pending) {
    if (search->gave_up)
        return true;
    if (!pending)
        return !search->goal || !follows(search, search->goal, true);
    if (++search->steps > PROOF_STEPS_MAX || search->depth >= PROOF_DEPTH_MAX) {
        search->gave_up = true;
        return true;
    }
    search->depth++;
    bool can = can_hold_node(search, pending);
    search->depth--;
    return can;
}

/* The search has no heap state but the atoms; nodes of `pending` are on the stack or in scratch
 * memory. */
static bool run(struct search *search, const struct syntax *condition, bool holds) {
    struct pending root = {.node = condition, .holds = holds};
    bool never = !can_hold(search, &root);
    free(search->atoms);
    return never;
}

bool proof_never(const struct premises *premises, const struct syntax *condition, bool holds,
                 struct clash *ret_clash) {
    struct search search = {.premises = premises};
    bool never = run(&search, condition, holds);
    if (never && ret_clash)
        *ret_clash = search.forked ? (struct clash){.first = NULL} : search.clash;
    return never;
}

bool proof_implies(const struct premises *premises, const struct syntax *condition,
                   const struct syntax *then) {
    struct search search = {.premises = premises, .goal = then};
    return run(&search, condition, true);
}
