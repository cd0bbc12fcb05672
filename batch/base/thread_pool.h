/* A thread pool: threads that take numbered jobs in turn, while the thread that hired them reports
 * how far they are or uses what they make.
 *
 * Jobs are handed out in ascending order. The first one that fails stops the others at their next
 * look at thread_pool_is_stopped(), and its error is the thread pool's. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct thread_pool;

/* Does one job in thread `worker` (0 … threads − 1). */
typedef int thread_pool_job(void *user, struct thread_pool *thread_pool, size_t worker, size_t job,
                            struct error *ret_error);

/* Starts at once. user must be good for use in several threads until thread_pool_finish(). */
struct thread_pool *thread_pool_start(size_t threads, size_t jobs, thread_pool_job *run,
                                      void *user);

/* Waits until all is done, at most a tenth of a second. true: it is. */
bool thread_pool_wait(struct thread_pool *thread_pool);

/* Asks all to stop: those at work may look, the others begin nothing more. Any thread. */
void thread_pool_stop(struct thread_pool *thread_pool);
bool thread_pool_is_stopped(const struct thread_pool *thread_pool);

/* Waits for the threads, then frees. The error of the first job that failed, or 0. */
int thread_pool_finish(struct thread_pool *thread_pool, struct error *ret_error);
