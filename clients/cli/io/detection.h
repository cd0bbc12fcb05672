/* How well a run found what the file knows to be fraud. The column label_fraud is the truth about a
 * row, for this count alone: it is never sent. */
#pragma once

#include "clients/c/harrier.h"

#include <stdint.h>

enum truth { TRUTH_UNKNOWN, TRUTH_FRAUD, TRUTH_HONEST };

/* Flagged: review or more severe. */
struct detection {
    uint64_t frauds, frauds_flagged, frauds_declined;
    uint64_t honest, honest_flagged, honest_declined;
};

static inline void detection_add(struct detection *detection, enum truth truth,
                                 enum harrier_verdict verdict) {
    uint64_t flagged = verdict >= HARRIER_VERDICT_REVIEW;
    uint64_t declined = verdict == HARRIER_VERDICT_DECLINE;
    if (truth == TRUTH_FRAUD) {
        detection->frauds++;
        detection->frauds_flagged += flagged;
        detection->frauds_declined += declined;
    } else if (truth == TRUTH_HONEST) {
        detection->honest++;
        detection->honest_flagged += flagged;
        detection->honest_declined += declined;
    }
}
