/* A counter for each second of the monotonic clock, no sliding window: simple, and at worst twice
 * the limit within one second. */
#include "log_limit.h"

#include "core/base/lock_order.h"

void log_limit_init(struct log_limit *limit) {
    *limit = (struct log_limit){0};
    lock_init(&limit->lock, LOCK_LOG_LIMIT);
}

void log_limit_deinit(struct log_limit *limit) {
    pthread_mutex_destroy(&limit->lock);
}

bool log_limit_admit(struct log_limit *limit, int64_t monotonic_us, uint64_t *ret_dropped) {
    int64_t second = monotonic_us / 1000000;
    pthread_mutex_lock(&limit->lock);
    if (second != limit->second) {
        limit->second = second;
        limit->written = 0;
    }
    bool is_admitted = limit->written < LOG_LIMIT_LINES;
    if (is_admitted) {
        limit->written++;
        *ret_dropped = limit->dropped;
        limit->dropped = 0;
    } else {
        limit->dropped++;
    }
    pthread_mutex_unlock(&limit->lock);
    return is_admitted;
}
