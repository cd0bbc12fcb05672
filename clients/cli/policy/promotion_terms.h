/* By how much a candidate must beat the champion to take its place. */
#pragma once

#include "batch/report/champion_report.h"
#include "core/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

#define PROMOTION_TERMS_MAX 16

/* The difference of a metric must be greater than the margin with confidence: its interval of 95 %
 * must lie above it. A margin below 0 asks for not being worse than that. */
struct promotion_term {
    enum ranking_metric metric;
    double margin; /* from −1 to 1 */
};

struct promotion_terms {
    struct promotion_term terms[PROMOTION_TERMS_MAX];
    size_t count; /* 0: PROMOTION_DEFAULT */
};

#define PROMOTION_DEFAULT "ap:0"
#define PROMOTION_METRICS "auc, ap, precision, recall, money or cp"

/* Adds "ap:0.01". ERROR_INVALID, ERROR_TOO_LARGE: what was expected. */
int promotion_terms_add(struct promotion_terms *terms, const char *text, struct error *ret_error);
/* If there are none, the default. */
void promotion_terms_complete(struct promotion_terms *terms);

bool promotion_term_holds(const struct promotion_term *term, const struct champion_report *report);
/* All terms hold, and the candidate takes every transaction that the champion takes. */
bool promotion_is_earned(const struct promotion_terms *terms, const struct champion_report *report);
/* A line for each reason against it, without the newline's "harrier: "; empty if it is earned. */
void promotion_reasons(const struct promotion_terms *terms, const struct champion_report *report,
                       struct buffer *out);
