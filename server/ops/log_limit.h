/* A limit on log lines that clients can cause: a client that provokes errors must not be able to
 * fill the disk. Lines beyond it are counted, and the next line that is written says how many. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_LINES 10 /* per second */

struct log_limit {
    pthread_mutex_t lock;
    int64_t second;   /* of the monotonic clock */
    unsigned written; /* lines in that second */
    uint64_t dropped; /* since the last line that was written */
};

void log_limit_init(struct log_limit *limit);
void log_limit_deinit(struct log_limit *limit);
/* True: the line may be written, and *ret_dropped were left out before it. Any thread. */
bool log_limit_admit(struct log_limit *limit, int64_t monotonic_us, uint64_t *ret_dropped);
