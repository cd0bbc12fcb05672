/* Threads of the fronts: with all signals blocked, since signals are handled by the main loop only.
 */
#pragma once

#include <pthread.h>

/* Ends the process if there are no threads to be had. */
void thread_start(pthread_t *ret_thread, void *(*run)(void *user), void *user);
