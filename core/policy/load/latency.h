/* How long a decision takes in the worst case: the busiest entities and the most expensive branches
 * of all expressions, converted to time.
 *
 * It is a bound for comparing policies and for keeping them within a budget, not a forecast: most
 * entities are far from the busiest, and window caches spare a server most of the entries. The
 * result does not depend on the machine. */
#pragma once

#include "snapshot.h"

/* Measured on two virtual cores of an AMD EPYC, release build, and rounded up (tests/bench/worst):
 * a card of rules/card-payments with 40,000 purchases within the hour, all at other merchants. The
 * first decision after a start decodes its state and builds its windows anew, some 2,450
 * instructions for each entry, about half for each; without different values it is a quarter of
 * that. That is 0.2 to 0.7 µs for each, for some of it comes from the disk's pages. docs/POLICY.md
 * has the constants. */
#define LATENCY_BASE_NS   2000u /* a decision without entities and rules */
#define LATENCY_ENTITY_NS 2000u /* finding the state of one entity, in the tables */
#define LATENCY_ENTRY_NS  150u  /* an entry that a read of a state visits */
#define LATENCY_VALUE_NS  150u  /* the same entry, for each pool of different values, */
#define LATENCY_WINDOWS   4u    /* and 1 for so many aggregates of windows */
#define LATENCY_STEP_NS   10u   /* an expression's step */
#define LATENCY_INPUT_NS  10u   /* an input of a model, beside its expression's steps */
#define LATENCY_SPLIT_NS  5u    /* a split on the longest path of a model's tree */
#define LATENCY_LEAF_NS   10u   /* a leaf, times its depth squared, where a model gives reasons */

enum latency_kind {
    LATENCY_ENTITY,
    LATENCY_DERIVED,
    LATENCY_VALUE,
    LATENCY_RULE,
    LATENCY_THRESHOLD,
    LATENCY_MODEL
};

struct latency_item {
    enum latency_kind kind;
    struct text name;
    uint64_t entries; /* LATENCY_ENTITY */
    uint64_t splits;  /* LATENCY_MODEL: on the longest path of each tree */
    uint64_t steps;   /* of its expressions: an entity's conditions, a rule's reason included */
    uint64_t ns;
};

/* "entity", "derived field", "value", "rule", "threshold", "model" */
const char *latency_kind_name(enum latency_kind kind);

/* How many items the policy has; and all of them, the most expensive first. ret_items has room for
 * latency_item_count(). */
size_t latency_item_count(const struct snapshot *snapshot);
void latency_items(const struct snapshot *snapshot, struct latency_item *ret_items);

/* All items together with LATENCY_BASE_NS: a decision at worst. */
uint64_t latency_sum_ns(const struct latency_item *items, size_t count);
/* The same of a snapshot's own items. */
uint64_t latency_ns(const struct snapshot *snapshot);
