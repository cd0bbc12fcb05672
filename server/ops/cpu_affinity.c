/* Option `cores`, and the shorter time slice of the loop's thread.
 *
 * Decisions are made by one thread; the latency of the whole server is that thread's. So it may
 * have a core of its own, and where it shares one, it asks the scheduler for a slice short enough
 * that another thread cannot hold it up for milliseconds. */
#include "cpu_affinity.h"

#include "core/base/text.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int refuse(const char *text, struct error *ret_error) {
    return error_set(ret_error, ERROR_INVALID,
                     "cores cannot be \"%.64s\"; expected numbers of cores, each once, from 0 to "
                     "%d, at most %d, such as \"2\" or \"2,3\"",
                     text, CPU_SETSIZE - 1, CPU_AFFINITY_CORES_MAX);
}

static bool has(const struct cpu_affinity *cpu_affinity, int core) {
    for (size_t i = 0; i < cpu_affinity->count; i++)
        if (cpu_affinity->cores[i] == core)
            return true;
    return false;
}

int cpu_affinity_parse(const char *text, struct cpu_affinity *ret_cpu_affinity,
                       struct error *ret_error) {
    struct cpu_affinity cpu_affinity = {.count = 0};
    const char *at = text;
    while (*at) {
        int core = 0;
        if (!text_is_digit(*at) || cpu_affinity.count == CPU_AFFINITY_CORES_MAX)
            return refuse(text, ret_error);
        for (; text_is_digit(*at); at++) {
            core = 10 * core + (*at - '0');
            if (core >= CPU_SETSIZE)
                return refuse(text, ret_error);
        }
        if (has(&cpu_affinity, core) || (*at == ',' && at[1] == '\0') || (*at && *at != ','))
            return refuse(text, ret_error);
        cpu_affinity.cores[cpu_affinity.count++] = core;
        at += *at == ',';
    }
    *ret_cpu_affinity = cpu_affinity;
    return 0;
}

int cpu_affinity_take(const struct cpu_affinity *cpu_affinity, struct error *ret_error) {
    cpu_set_t allowed, wanted;
    if (cpu_affinity->count == 0)
        return 0;
    CPU_ZERO(&wanted);
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        return error_set_errno(ret_error, errno, "cannot determine the available cores (cores)");
    for (size_t i = 0; i < cpu_affinity->count; i++) {
        int core = cpu_affinity->cores[i];
        if (!CPU_ISSET(core, &allowed))
            return error_set(ret_error, ERROR_INVALID,
                             "cores: core %d does not exist, or this process may not use it", core);
        if (i > 0 || cpu_affinity->count == 1)
            CPU_SET(core, &wanted);
    }
    if (sched_setaffinity(0, sizeof wanted, &wanted) < 0)
        return error_set_errno(ret_error, errno, "cannot move to the cores (cores)");
    return 0;
}

const int *cpu_affinity_loop(const struct cpu_affinity *cpu_affinity) {
    return cpu_affinity->count > 0 ? &cpu_affinity->cores[0] : NULL;
}

/* cpu_affinity_take() has checked that the process may use the core. If that has changed since, the
 * call fails and the thread stays where it is. */
void cpu_affinity_move(int core) {
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    CPU_SET(core, &wanted);
    pthread_setaffinity_np(pthread_self(), sizeof wanted, &wanted);
}

/* struct sched_attr of the kernel; glibc has no declaration of it before 2.41, and the kernel's
 * header clashes with glibc's. */
struct slice {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

#define SLICE_NS 100000 /* the shortest that the kernel accepts */

/* The default slice is a few milliseconds, and a running thread is not preempted by one whose slice
 * is as long: a decision would wait for the rest of it. */
void cpu_affinity_hasten(void) {
    struct slice slice = {.size = sizeof slice,
                          .policy = SCHED_OTHER,
                          .nice = getpriority(PRIO_PROCESS, (id_t)gettid()),
                          .runtime_ns = SLICE_NS};
    if (sched_getscheduler(0) == SCHED_OTHER) /* else an administrator chose another policy */
        syscall(SYS_sched_setattr, 0, &slice, 0);
}
