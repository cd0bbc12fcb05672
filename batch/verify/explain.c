#include "explain.h"

#include "batch/base/thread_pool.h"
#include "core/policy/load/snapshot.h"
#include "core/store/explain/explain.h"

#include <stdatomic.h>
#include <unistd.h>

/* A thread pool as core/store knows it. */
struct hands {
    struct explain_threads thread_pool; /* first */
    size_t threads;
    struct progress *progress;
    atomic_bool stop;
    /* the jobs under way */
    int (*job)(void *user, size_t index, struct error *ret_error);
    void *user;
    atomic_size_t done;
};

static int do_job(void *user, struct thread_pool *thread_pool, size_t worker, size_t index,
                  struct error *ret_error) {
    struct hands *hands = user;
    (void)thread_pool;
    (void)worker;
    int r = hands->job(hands->user, index, ret_error);
    atomic_fetch_add(&hands->done, 1);
    return r;
}

static int run_jobs(struct explain_threads *self, size_t jobs,
                    int (*job)(void *user, size_t index, struct error *ret_error), void *user,
                    struct error *ret_error) {
    struct hands *hands = (struct hands *)self;
    if (jobs == 0)
        return 0;
    hands->job = job;
    hands->user = user;
    atomic_store(&hands->done, 0);
    struct thread_pool *thread_pool =
        thread_pool_start(hands->threads < jobs ? hands->threads : jobs, jobs, do_job, hands);
    while (!thread_pool_wait(thread_pool))
        if (progress_update(hands->progress, "explain", self->before + atomic_load(&hands->done),
                            self->all) != 0) {
            atomic_store(&hands->stop, true);
            thread_pool_stop(thread_pool);
        }
    int r = thread_pool_finish(thread_pool, ret_error);
    if (r == 0 && atomic_load(&hands->stop))
        r = error_set(ret_error, ERROR_INTERRUPTED, "interrupted");
    return r;
}

static size_t all_cores(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 1 ? (size_t)cores : 1;
}

static int load_policy(const char *folder, struct snapshot **ret_snapshot,
                       struct error *ret_error) {
    struct buffer messages; /* warnings and further faults: `harrier check` is for those */
    buffer_init(&messages);
    int r = snapshot_load_folder(folder, ret_snapshot, &messages, ret_error);
    buffer_deinit(&messages);
    return r < 0 ? error_prefix(ret_error, "the policy in %s", folder) : 0;
}

int explain_run(const struct explain_job *job, struct progress *progress, struct arena *arena,
                struct explanation *ret_explanation, struct error *ret_error) {
    struct hands hands = {.thread_pool = {.run = run_jobs},
                          .threads = job->threads ? job->threads : all_cores(),
                          .progress = progress};
    struct explain_options options = {.archive = job->archive,
                                      .generations = job->generations,
                                      .id = text_of(job->id),
                                      .allows_prefix = true,
                                      .position = job->position,
                                      .thread_pool = &hands.thread_pool,
                                      .stop = &hands.stop,
                                      .chunk_bytes = job->chunk_bytes};
    int r = job->policy ? load_policy(job->policy, &options.policy, ret_error) : 0;
    if (r == 0)
        r = explain_transaction(&options, arena, ret_explanation, ret_error);
    snapshot_unref(options.policy);
    return r;
}
