/* How long-running work reports its progress to the caller. The work knows nothing about terminals.
 */
#pragma once

#include <stdint.h>

struct progress {
    /* Called from the working thread, at most every few thousand steps. total is 0 while unknown. A
     * nonzero return asks the work to stop: it ends with ERROR_INTERRUPTED. */
    int (*update)(struct progress *self, const char *stage, uint64_t done, uint64_t total);
};

/* progress may be NULL. */
static inline int progress_update(struct progress *progress, const char *stage, uint64_t done,
                                  uint64_t total) {
    return progress ? progress->update(progress, stage, done, total) : 0;
}
