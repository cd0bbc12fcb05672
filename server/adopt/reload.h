/* Reloading the policy and the shadow policies while decisions go on. */
#pragma once

#include "server/base/run.h"

#define RELOAD_WAITERS_MAX 8 /* requests that wait for a reload; they hold the front's slots */

/* Reload, the step: refuses a request that would wait if too many do. */
enum next perform_reload(struct run *run);
/* Behind the steps: asks for the reload if the run is such a request. True: the run waits for the
 * result and is answered then. */
bool reload_park(struct run *run);

/* The job. */
void reload_run(struct service *service);
/* Answers the requests that wait: there will be no reload. After the background thread's end. */
void reload_stop(struct service *service);
