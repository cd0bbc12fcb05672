/* A thread that touches memory before a fold of the archive needs it: the kernel takes its time to
 * give pages, a quarter of that of a start, which another core can do beside.
 *
 * Not while decisions are made: beside a loop that is never idle such a thread has its turns too,
 * of milliseconds, and the p99 with 32 in flight was no better, or worse, than with the loop's own
 * touches. */
#pragma once

#include "core/base/pages.h"

#include <pthread.h>
#include <stdbool.h>

#define PREFAULT_MAX 16 /* pieces at a time: when more come, it is too late for the oldest */

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
    bool is_running; /* false: there was no thread to be had, and nothing is touched ahead */
    bool stopping;
};

void prefault_start(struct prefault *prefault);
/* Nobody asks any more. */
void prefault_stop(struct prefault *prefault);
