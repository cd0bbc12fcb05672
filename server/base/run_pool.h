/* Where runs come from and where they go: a pool that keeps their memory between requests, and the
 * one place that answers. */
#pragma once

#include "run.h"

void run_pool_open(struct service *service);
/* All runs must have been answered. */
void run_pool_close(struct service *service);

/* One run for each request, as a list in their order. */
struct run *runs_take(struct service *service, struct front_request *const *requests, size_t count);
/* Sends the encoded answers, counts and logs, and puts the runs back: they are gone. NULL is
 * allowed. Any thread, without locks. */
void runs_reply(struct run *runs);
void run_reply(struct run *run); /* for one, whatever its next is */
