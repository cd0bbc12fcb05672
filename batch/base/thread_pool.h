/* A pool of threads for one batch of numbered jobs. The caller is not a worker: it reports progress
 * meanwhile, or consumes what the jobs produce.
 *
 * Jobs are handed out in ascending order. The first job that fails stops the pool: no other job is
 * started, and running ones end when they check thread_pool_is_stopped(). Its error becomes the
 * pool's. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct thread_pool;

/* Does one job in thread `worker` (0 … threads − 1), which may index per-thread state. 0, or < 0
 * with *ret_error filled. */
typedef int thread_pool_job(void *user, struct thread_pool *thread_pool, size_t worker, size_t job,
                            struct error *ret_error);

/* Starts the threads at once. `user` is shared by all of them, and must live until
 * thread_pool_finish(). */
struct thread_pool *thread_pool_start(size_t threads, size_t jobs, thread_pool_job *run,
                                      void *user);

/* Waits at most a tenth of a second, so that the caller can report progress. true: all jobs have
 * ended. */
bool thread_pool_wait(struct thread_pool *thread_pool);

/* Starts no further job; running ones may check for it. Callable from any thread. */
void thread_pool_stop(struct thread_pool *thread_pool);
bool thread_pool_is_stopped(const struct thread_pool *thread_pool);

/* Joins the threads and frees the pool. 0, or the error of the first job that failed. Not an error:
 * thread_pool_stop() without a failure. */
int thread_pool_finish(struct thread_pool *thread_pool, struct error *ret_error);
