/* Linux only: scheduling class and I/O class "idle". Failures are ignored on purpose: a command
 * that gives way less politely still does its work. */
#include "priority.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/ioprio.h, which not every libc brings along. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_IDLE  (3 << 13)

void priority_set_idle(void) {
    const struct sched_param none = {0};
    sched_setscheduler(0, SCHED_IDLE, &none);
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE);
}
