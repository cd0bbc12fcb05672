/* Is a derived decision the archived one? Compares everything that the archive keeps of a decision.
 */
#pragma once

#include "core/base/buffer.h"
#include "core/wire/types/decision.h"

/* What differs, as bits. */
enum audit_difference {
    AUDIT_VERDICT = 1,
    AUDIT_SCORE = 2,
    AUDIT_REASONS = 4,   /* rules that fired, their texts, scores, verdicts and modes */
    AUDIT_FEATURES = 8,  /* the hash over the values of all features */
    AUDIT_DEGRADED = 16, /* whether, and why */
    AUDIT_RULE_ERRORS = 32,
    AUDIT_SNAPSHOT = 64,
    AUDIT_GENERATION = 128,
    AUDIT_SHADOWS = 256, /* what shadow policies would have decided */
    AUDIT_ARM = 512,     /* which side of an experiment decided */
};

/* 0: they are the same. */
unsigned audit_compare(const struct decision *archived, const struct decision *derived);

/* Appends "verdict review → approve, score 400 → 0": archived → derived. */
void audit_describe(const struct decision *archived, const struct decision *derived,
                    unsigned differences, struct buffer *buffer);
