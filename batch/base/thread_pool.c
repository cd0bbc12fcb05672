/* Threads take the next job number from an atomic counter; there is no queue. A thread that finds
 * no job left ends, so a pool serves one batch and is never idle. */
#include "thread_pool.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_NS 100000000

struct thread_pool {
    thread_pool_job *run;
    void *user;
    size_t jobs, threads;
    atomic_size_t next;
    atomic_bool stopped;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t done;
    size_t working; /* threads that have not ended */
    int result;     /* of the first job that failed */
    struct error error;
    struct member {
        pthread_t thread;
        struct thread_pool *thread_pool;
        size_t number;
    } *members;
};

/* Keeps the first failure in time, which is not always that of the lowest job. */
static void fail(struct thread_pool *thread_pool, int result, const struct error *error) {
    pthread_mutex_lock(&thread_pool->lock);
    if (thread_pool->result == 0) {
        thread_pool->result = result;
        thread_pool->error = *error;
    }
    pthread_mutex_unlock(&thread_pool->lock);
    thread_pool_stop(thread_pool);
}

static void *work(void *argument) {
    struct member *member = argument;
    struct thread_pool *thread_pool = member->thread_pool;
    while (!thread_pool_is_stopped(thread_pool)) {
        size_t job = atomic_fetch_add(&thread_pool->next, 1);
        if (job >= thread_pool->jobs)
            break;
        struct error error;
        int r = thread_pool->run(thread_pool->user, thread_pool, member->number, job, &error);
        if (r < 0)
            fail(thread_pool, r, &error);
    }
    pthread_mutex_lock(&thread_pool->lock);
    thread_pool->working--;
    pthread_cond_signal(&thread_pool->done);
    pthread_mutex_unlock(&thread_pool->lock);
    return NULL;
}

struct thread_pool *thread_pool_start(size_t threads, size_t jobs, thread_pool_job *run,
                                      void *user) {
    struct thread_pool *thread_pool = check_calloc(1, sizeof *thread_pool);
    thread_pool->run = run;
    thread_pool->user = user;
    thread_pool->jobs = jobs;
    thread_pool->threads = thread_pool->working = threads;
    pthread_condattr_t clock;
    check(pthread_condattr_init(&clock) == 0);
    check(pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0);
    lock_init(&thread_pool->lock, LOCK_THREAD_POOL);
    check(pthread_cond_init(&thread_pool->done, &clock) == 0);
    pthread_condattr_destroy(&clock);
    thread_pool->members = check_calloc(threads, sizeof *thread_pool->members);
    for (size_t i = 0; i < threads; i++) {
        struct member *member = &thread_pool->members[i];
        member->thread_pool = thread_pool;
        member->number = i;
        if (pthread_create(&member->thread, NULL, work, member) != 0)
            check_exhausted("threads, or of memory for one: use fewer (--threads, --jobs)");
    }
    return thread_pool;
}

bool thread_pool_wait(struct thread_pool *thread_pool) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&thread_pool->lock);
    int r = 0;
    while (thread_pool->working > 0 && r == 0)
        r = pthread_cond_timedwait(&thread_pool->done, &thread_pool->lock, &until);
    bool done = thread_pool->working == 0;
    pthread_mutex_unlock(&thread_pool->lock);
    return done;
}

void thread_pool_stop(struct thread_pool *thread_pool) {
    atomic_store(&thread_pool->stopped, true);
}

bool thread_pool_is_stopped(const struct thread_pool *thread_pool) {
    return atomic_load_explicit(&thread_pool->stopped, memory_order_relaxed);
}

int thread_pool_finish(struct thread_pool *thread_pool, struct error *ret_error) {
    for (size_t i = 0; i < thread_pool->threads; i++)
        check(pthread_join(thread_pool->members[i].thread, NULL) == 0);
    int r = thread_pool->result;
    if (r < 0)
        *ret_error = thread_pool->error;
    pthread_cond_destroy(&thread_pool->done);
    pthread_mutex_destroy(&thread_pool->lock);
    free(thread_pool->members);
    free(thread_pool);
    return r;
}
