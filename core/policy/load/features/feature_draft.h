/* What the loaders of features.yaml work on: entities and features while they are read. They call
 * in one direction: load_features.c (entities and the plan) → load_feature.c and load_suppress.c
 * (one feature) → load_aggregate.c (what it computes) and load_filter.c (over which transactions).
 * Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* An entity while it is read. Entities without features are left out of the plan. */
struct entity_draft {
    struct entity_plan plan;
    struct entity_binding binding;
    const struct tree_node *node;
    bool broken;
    size_t hidden_count; /* of its features, the last ones: suppressions' */
};

struct features_loader {
    struct load *load;
    struct reader reader;
    struct entity_draft *drafts;
    size_t draft_count;
};

/* The keys of a feature. */
enum {
    NAME,
    ABOUT,
    AGGREGATE,
    OF,
    CURRENCY,
    Q,
    WINDOW,
    TICK,
    WHERE,
    EXCLUDE_CURRENT,
    DELAY,
    DEFAULT,
    KEY_COUNT,
};

/* A feature while it is read. */
struct feature_draft {
    struct features_loader *loader;
    struct entity_draft *draft;
    struct feature feature;
    struct key *keys;
};
