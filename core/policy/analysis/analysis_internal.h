/* What the two halves of the analysis share: analysis.c (what is used, and by whom it is tried) and
 * analysis_rules.c (what can be proved of rules). Private to policy/. */
#pragma once

#include "analysis.h"

/* Where a rule stands. */
struct rule_place {
    const struct source *source;
    const struct tree_node *name;
    const struct noted_expression *when;
};

struct analysis {
    struct load *load;
    struct rule_place *rules; /* parallel to the snapshot's */
    struct arena scratch;     /* of one proof */
};

const struct tree_node *analysis_child(const struct tree_node *node, const char *name);
const struct noted_expression *analysis_noted(const struct load *load,
                                              const struct tree_node *node);

/* Of all rules of a load without faults, parallel to the snapshot's. */
void analysis_place_rules(const struct load *load, struct rule_place *ret_places);

/* An expression without brackets around all of it. */
struct text analysis_unwrapped(struct text expression);

/* Warns below a part of an expression. */
void analysis_warn(struct analysis *analysis, const struct noted_expression *noted,
                   const struct syntax *part, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void analyse_rules(struct analysis *analysis);
