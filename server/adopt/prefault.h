/* A thread that touches memory before the fold of the archive needs it. The kernel takes a quarter
 * of a start's time to provide pages; another core can do that in parallel.
 *
 * Not used while decisions are made: beside a loop that is never idle, the thread's time slices of
 * milliseconds made the p99 with 32 requests in flight no better, or worse, than the loop's own
 * page faults. */
#pragma once

#include "core/base/pages.h"

#include <pthread.h>
#include <stdbool.h>

#define PREFAULT_MAX                                                                               \
    16 /* pieces waiting; when more come, the oldest is dropped: it is too late for it */

struct prefault_piece {
    void *memory;
    size_t size;
};

struct prefault {
    struct pages_prefault prefault; /* first: for pages.h */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wanted, done;
    struct prefault_piece waiting[PREFAULT_MAX]; /* a ring */
    size_t first, count;
    struct prefault_piece under_way; /* NULL: none */
    bool is_running; /* false: the thread could not be created; then this does nothing */
    bool stopping;
};

void prefault_start(struct prefault *prefault);
/* No more calls of prepare() and forget(). */
void prefault_stop(struct prefault *prefault);
