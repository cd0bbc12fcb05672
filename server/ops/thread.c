/* A thread inherits the mask of its creator, so the creator's is changed for the moment: blocking
 * signals from within the thread would leave a gap. */
#include "thread.h"

#include "core/base/check.h"

#include <signal.h>

void thread_start(pthread_t *ret_thread, void *(*run)(void *user), void *user) {
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* blocked, it would not reach its handler: mapped_tables.h */
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGSEGV);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    check(pthread_create(ret_thread, NULL, run, user) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
