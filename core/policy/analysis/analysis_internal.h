/* What the two halves of the analysis share: analysis.c (what is used, and by whom it is tried) and
 * analysis_rules.c (what can be proved of rules). Private to policy/. */
#pragma once

#include "core/policy/load/load.h"
#include "core/policy/load/load_place.h"

struct analysis {
    struct load *load;
    struct rule_place *rules; /* parallel to the snapshot's */
    struct arena scratch;     /* of one proof */
};

/* An expression without brackets around all of it. */
struct text analysis_unwrapped(struct text expression);

/* Warns below a part of an expression. */
void analysis_warn(struct analysis *analysis, const struct noted_expression *noted,
                   const struct syntax *part, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void analyse_rules(struct analysis *analysis);
