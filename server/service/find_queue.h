/* Find: searches of the archive, by a thread of the service, one at a time. */
#pragma once

#include "server/base/run.h"

#define FIND_WAITERS_MAX 8 /* waiting or at work */

void find_queue_start(struct service *service);
/* Answers everything that waits, and breaks off the search under way. */
void find_queue_stop(struct service *service);

/* Find, under the decision lock: checks the filters, no more. */
enum next perform_find(struct run *run);
