/* The queue of the background thread: a set of bits. Asking twice for a job that has not begun is
 * asking once. Knows no job's meaning; the thread that runs them is in adopt/background.c. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

enum job {
    JOB_START = 1,    /* fold the archive, become ready */
    JOB_RELOAD = 2,   /* the policy's folders */
    JOB_RECOVER = 4,  /* after a failed write */
    JOB_SPARE = 8,    /* make the archive's next file in advance */
    JOB_REJECTS = 16, /* write refused transactions (reject_log.h) */
    JOB_ERASURE = 32, /* what `harrier erase` asks for (erasure.h) */
};

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    unsigned pending; /* of enum job */
    bool is_closed;
};

void jobs_init(struct jobs *jobs);
void jobs_deinit(struct jobs *jobs);
/* Any thread; does not block. */
void jobs_ask(struct jobs *jobs, enum job job);
/* Waits, then returns the pending jobs and forgets them; 0: closed. One thread. */
unsigned jobs_take(struct jobs *jobs);
void jobs_close(struct jobs *jobs);
