/* Bits under a lock; the thread that runs the jobs is woken by a condition variable. */
#include "jobs.h"

#include "core/base/lock_order.h"

void jobs_init(struct jobs *jobs) {
    *jobs = (struct jobs){0};
    lock_init(&jobs->lock, LOCK_SERVICE_JOBS);
    pthread_cond_init(&jobs->wanted, NULL);
}

void jobs_deinit(struct jobs *jobs) {
    pthread_cond_destroy(&jobs->wanted);
    pthread_mutex_destroy(&jobs->lock);
}

void jobs_ask(struct jobs *jobs, enum job job) {
    pthread_mutex_lock(&jobs->lock);
    jobs->pending |= job;
    pthread_cond_signal(&jobs->wanted);
    pthread_mutex_unlock(&jobs->lock);
}

unsigned jobs_take(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->pending && !jobs->is_closed)
        pthread_cond_wait(&jobs->wanted, &jobs->lock);
    unsigned pending = jobs->is_closed ? 0 : jobs->pending;
    jobs->pending = 0;
    pthread_mutex_unlock(&jobs->lock);
    return pending;
}

void jobs_close(struct jobs *jobs) {
    pthread_mutex_lock(&jobs->lock);
    jobs->is_closed = true;
    pthread_cond_signal(&jobs->wanted);
    pthread_mutex_unlock(&jobs->lock);
}
