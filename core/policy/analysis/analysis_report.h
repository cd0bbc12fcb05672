/* What both halves of the analysis work on, and how they report. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"
#include "core/policy/load/rule_places.h"

struct analysis {
    struct load *load;
    struct rule_place *rules; /* parallel to the snapshot's */
    struct arena scratch;     /* reset before each proof */
};

/* The source of an expression without brackets around all of it. Points into `expression`. */
struct text analysis_unwrapped(struct text expression);

/* Adds a warning that underlines a part of an expression. */
void analysis_warn(struct analysis *analysis, const struct noted_expression *noted,
                   const struct syntax *part, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
