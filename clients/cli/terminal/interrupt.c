/* The handler only sets a flag, which is all that a signal handler may safely do. Commands look
 * at the flag between two units of work and return ERROR_INTERRUPTED. */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile int interrupted; /* a signal handler has no other place */

static void on_signal(int number) {
    (void)number;
    interrupted = 1;
}

const volatile int *interrupt_watch(void) {
    /* SA_RESETHAND: the second signal does what it does by default. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &interrupted;
}
