/* A search for findings under way. Private to night_findings.h. */
#pragma once

#include "night_evidence.h"

struct finder {
    const struct night_evidence *evidence;
    const struct night_figures *figures;
    const struct night_day *today;
    struct night_findings *findings;
};

/* Lives until the next one is added. code is a literal. */
struct night_finding *finder_add(struct finder *finder, enum night_severity severity,
                                 const char *code, struct text subject, double figure,
                                 double expected);
/* What was found, and what to do. */
void finder_say(struct night_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void finder_advise(struct night_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
