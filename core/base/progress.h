/* How long-running work tells its caller how far it is. The work knows nothing of terminals. */
#pragma once

#include <stdint.h>

struct progress {
    /* Called now and then from the working thread, at most every few thousand steps. total is 0
     * while unknown. Returns nonzero to ask the work to stop: it ends with ERROR_INTERRUPTED. */
    int (*update)(struct progress *self, const char *stage, uint64_t done, uint64_t total);
};

/* progress may be NULL. */
static inline int progress_update(struct progress *progress, const char *stage, uint64_t done,
                                  uint64_t total) {
    return progress ? progress->update(progress, stage, done, total) : 0;
}
