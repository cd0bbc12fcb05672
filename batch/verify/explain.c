/* core/store has no threads, so it takes them through an interface (struct explain_threads), which
 * this file implements with a thread pool. The explanation itself is core/store/explain. */
#include "explain.h"

#include "batch/base/machine.h"
#include "batch/base/policy_folder.h"
#include "batch/base/thread_pool.h"
#include "core/store/explain/explain.h"

#include <stdatomic.h>

/* A thread pool behind the interface of core/store. */
struct explain_pool {
    struct explain_threads thread_pool; /* first */
    size_t threads;
    struct progress *progress;
    atomic_bool stop;
    /* The current batch of jobs. */
    int (*job)(void *user, size_t index, struct error *ret_error);
    void *user;
    atomic_size_t done;
};

static int do_job(void *user, struct thread_pool *thread_pool, size_t worker, size_t index,
                  struct error *ret_error) {
    struct explain_pool *pool = user;
    (void)thread_pool;
    (void)worker;
    int r = pool->job(pool->user, index, ret_error);
    atomic_fetch_add(&pool->done, 1);
    return r;
}

static int run_jobs(struct explain_threads *self, size_t jobs,
                    int (*job)(void *user, size_t index, struct error *ret_error), void *user,
                    struct error *ret_error) {
    struct explain_pool *pool = (struct explain_pool *)self;
    if (jobs == 0)
        return 0;
    pool->job = job;
    pool->user = user;
    atomic_store(&pool->done, 0);
    struct thread_pool *thread_pool =
        thread_pool_start(pool->threads < jobs ? pool->threads : jobs, jobs, do_job, pool);
    while (!thread_pool_wait(thread_pool))
        if (progress_update(pool->progress, "explain", self->before + atomic_load(&pool->done),
                            self->all) != 0) {
            atomic_store(&pool->stop, true);
            thread_pool_stop(thread_pool);
        }
    int r = thread_pool_finish(thread_pool, ret_error);
    if (r == 0 && atomic_load(&pool->stop))
        r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
    return r;
}

int explain_run(const struct explain_job *job, struct progress *progress, struct arena *arena,
                struct explanation *ret_explanation, struct error *ret_error) {
    struct explain_pool pool = {.thread_pool = {.run = run_jobs},
                                .threads = job->threads ? job->threads : machine_processors(),
                                .progress = progress};
    struct explain_options options = {.archive = job->archive,
                                      .generations = job->generations,
                                      .id = text_of(job->id),
                                      .allows_prefix = true,
                                      .position = job->position,
                                      .policy = snapshot_ref(job->loaded),
                                      .thread_pool = &pool.thread_pool,
                                      .stop = &pool.stop,
                                      .chunk_bytes = job->chunk_bytes};
    int r = job->policy ? policy_folder_load(job->policy, &options.policy, ret_error) : 0;
    if (r == 0)
        r = explain_transaction(&options, arena, ret_explanation, ret_error);
    snapshot_unref(options.policy);
    return r;
}
