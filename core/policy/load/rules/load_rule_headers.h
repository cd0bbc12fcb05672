/* What has to be known of the rules before they are read. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

struct rule_header {
    const struct source *source;
    const struct tree_node *node;     /* the rule */
    struct text name;                 /* empty: it could not be read */
    const struct tree_node *suppress; /* NULL: none */
    size_t suppress_slot;             /* of the hidden feature; SIZE_MAX: none */
    size_t entity;                    /* whose feature that is: index into the drafts */
};

/* Fills load->rule_headers and ->rule_names. Before load_features(). */
void load_rule_headers(struct load *load);
