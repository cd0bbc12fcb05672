/* features.yaml while it is read, shared by its three files: load_features.c (entities and the
 * plan), load_feature.c (one feature) and load_aggregate.c (what it computes, and of which field).
 * Private to policy/. */
#pragma once

#include "core/policy/eval/compile.h"
#include "load.h"

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

/* The transaction's field of this name; NULL when there is none. */
const struct field *features_field(const struct load *load, struct text name);
/* The field that a key or an `of` names; reports and returns NULL when there is none. */
const struct field *features_read_field(struct features_loader *loader,
                                        const struct tree_node *node, const char *what);

/* A feature → the end of the draft's plan, unless something was wrong with it. */
void features_read_feature(struct features_loader *loader, struct entity_draft *draft,
                           const struct tree_node *node);

/* The number of the entity's filter with this condition, a new one if there is none; −1 and a
 * report at the node when there are too many. */
int features_add_filter(struct features_loader *loader, struct entity_draft *draft,
                        const struct reader *reader, const struct tree_node *node,
                        const struct syntax *syntax);

/* What rules say under "suppress" → hidden features, behind all others of their entities. */
void features_read_suppressions(struct features_loader *loader);
/* Once features have slots. */
void features_place_suppressions(struct features_loader *loader);

/* Both false when something was reported. */
bool feature_read_aggregate(struct feature_draft *it);
/* The aggregate has been read. Adds the column of the field and of its currency; what `share` is
 * the share of is a condition. */
bool feature_read_of(struct feature_draft *it);
