/* One transaction of a case, and what all loaders of cases share. They call in one direction:
 * load_cases.c (files, given, expect) → load_case_steps.c (the history) → this. Private to policy/.
 */
#pragma once

#include "core/policy/load/case.h"
#include "core/policy/load/load.h"

struct case_loader {
    struct load *load;
    struct reader reader;
    struct policy_case *cases; /* on the heap, until all are read */
    size_t capacity;
    size_t step_count; /* of all cases so far */
    /* The keys of a transaction: those of a case's own first, then every field that a client
     * sends, in the order of the schema. */
    struct key *keys;
    size_t key_count;
    /* Room for schema_bind(), which says whether the policy takes a transaction. */
    struct bound bound;
};

/* When a transaction that says nothing else takes place: a Monday at noon. */
#define CASE_TIME_US (INT64_C(1767614400) * 1000000) /* 2026-01-05T12:00:00Z */

/* Keys of a transaction that are not fields. */
enum { STEP_AT, STEP_REPEAT, STEP_EVERY, STEP_VERDICT, STEP_OWN_KEYS };

/* One transaction while it is built from its keys. */
struct case_draft {
    struct case_loader *loader;
    const struct tree_node *node; /* the mapping */
    const struct key *keys;       /* key_count of them, inherited ones included */
    int64_t number;               /* replaces {n}; 0: {n} is not replaced */
    struct transaction transaction;
    struct attribute *attributes;
};

void case_steps_init(struct case_loader *loader);
void case_steps_deinit(struct case_loader *loader);

/* The keys of a transaction's mapping, in scratch memory; NULL when the node is not a mapping.
 * Unknown keys are reported. history: the keys of a step are allowed as well. */
struct key *case_read_fields(struct case_loader *loader, const struct tree_node *node,
                             const char *what, bool history);
/* An exact decimal, such as 12.50, in units of 10^-digits. */
bool case_read_units(struct case_loader *loader, const struct tree_node *node, const char *what,
                     unsigned digits, int64_t *ret_units);

/* The index of a field's key among them. source: which text field, for FIELD_KIND_TEXT. */
size_t case_field_key(const struct case_loader *loader, enum field_kind kind,
                      enum transaction_field source);
/* The value of a field's key; NULL when it is not there, or null. */
const struct tree_node *case_field_node(const struct case_draft *draft, enum field_kind kind);
/* draft->transaction from its keys, but for the time. id: unless it has its own. False when
 * something was reported. */
bool case_build(struct case_draft *draft, struct text id, int64_t at_us);
bool case_read_time(struct case_loader *loader, const struct tree_node *node, const char *what,
                    int64_t *ret_us);

/* YAML's ways of writing nothing. */
bool case_is_null(const struct tree_node *node);
