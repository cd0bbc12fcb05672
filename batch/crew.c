#include "crew.h"

#include "core/base/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_NS 100000000

struct crew {
    crew_job *run;
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
        struct crew *crew;
        size_t number;
    } * members;
};

static void fail(struct crew *crew, int result, const struct error *error) {
    pthread_mutex_lock(&crew->lock);
    if (crew->result == 0) {
        crew->result = result;
        crew->error = *error;
    }
    pthread_mutex_unlock(&crew->lock);
    crew_stop(crew);
}

static void *work(void *argument) {
    struct member *member = argument;
    struct crew *crew = member->crew;
    while (!crew_is_stopped(crew)) {
        size_t job = atomic_fetch_add(&crew->next, 1);
        if (job >= crew->jobs)
            break;
        struct error error;
        int r = crew->run(crew->user, crew, member->number, job, &error);
        if (r < 0)
            fail(crew, r, &error);
    }
    pthread_mutex_lock(&crew->lock);
    crew->working--;
    pthread_cond_signal(&crew->done);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

struct crew *crew_hire(size_t threads, size_t jobs, crew_job *run, void *user) {
    struct crew *crew = check_calloc(1, sizeof *crew);
    crew->run = run;
    crew->user = user;
    crew->jobs = jobs;
    crew->threads = crew->working = threads;
    pthread_condattr_t clock;
    check(pthread_condattr_init(&clock) == 0);
    check(pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) == 0);
    check(pthread_mutex_init(&crew->lock, NULL) == 0);
    check(pthread_cond_init(&crew->done, &clock) == 0);
    pthread_condattr_destroy(&clock);
    crew->members = check_calloc(threads, sizeof *crew->members);
    for (size_t i = 0; i < threads; i++) {
        struct member *member = &crew->members[i];
        member->crew = crew;
        member->number = i;
        if (pthread_create(&member->thread, NULL, work, member) != 0)
            check_exhausted("threads, or of memory for one: fewer may do (--threads, --jobs)");
    }
    return crew;
}

bool crew_wait(struct crew *crew) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&crew->lock);
    int r = 0;
    while (crew->working > 0 && r == 0)
        r = pthread_cond_timedwait(&crew->done, &crew->lock, &until);
    bool done = crew->working == 0;
    pthread_mutex_unlock(&crew->lock);
    return done;
}

void crew_stop(struct crew *crew) {
    atomic_store(&crew->stopped, true);
}

bool crew_is_stopped(const struct crew *crew) {
    return atomic_load_explicit(&crew->stopped, memory_order_relaxed);
}

int crew_dismiss(struct crew *crew, struct error *ret_error) {
    for (size_t i = 0; i < crew->threads; i++)
        check(pthread_join(crew->members[i].thread, NULL) == 0);
    int r = crew->result;
    if (r < 0)
        *ret_error = crew->error;
    pthread_cond_destroy(&crew->done);
    pthread_mutex_destroy(&crew->lock);
    free(crew->members);
    free(crew);
    return r;
}
