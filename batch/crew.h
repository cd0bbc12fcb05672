/* A crew: threads that take numbered jobs in turn, while the thread that hired them reports how far
 * they are or uses what they make.
 *
 * Jobs are handed out in ascending order. The first one that fails stops the others at their next
 * look at crew_is_stopped(), and its error is the crew's. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct crew;

/* Does one job in thread `worker` (0 … threads − 1). */
typedef int crew_job(void *user, struct crew *crew, size_t worker, size_t job,
                     struct error *ret_error);

/* Starts at once. user must be good for use in several threads until crew_dismiss(). */
struct crew *crew_hire(size_t threads, size_t jobs, crew_job *run, void *user);

/* Waits until all is done, at most a tenth of a second. true: it is. */
bool crew_wait(struct crew *crew);

/* Asks all to stop: those at work may look, the others begin nothing more. Any thread. */
void crew_stop(struct crew *crew);
bool crew_is_stopped(const struct crew *crew);

/* Waits for the threads, then frees. The error of the first job that failed, or 0. */
int crew_dismiss(struct crew *crew, struct error *ret_error);
