#include "placement.h"

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
                     text, CPU_SETSIZE - 1, PLACEMENT_CORES_MAX);
}

static bool has(const struct placement *placement, int core) {
    for (size_t i = 0; i < placement->count; i++)
        if (placement->cores[i] == core)
            return true;
    return false;
}

int placement_parse(const char *text, struct placement *ret_placement, struct error *ret_error) {
    struct placement placement = {.count = 0};
    const char *at = text;
    while (*at) {
        int core = 0;
        if (!text_is_digit(*at) || placement.count == PLACEMENT_CORES_MAX)
            return refuse(text, ret_error);
        for (; text_is_digit(*at); at++) {
            core = 10 * core + (*at - '0');
            if (core >= CPU_SETSIZE)
                return refuse(text, ret_error);
        }
        if (has(&placement, core) || (*at == ',' && at[1] == '\0') || (*at && *at != ','))
            return refuse(text, ret_error);
        placement.cores[placement.count++] = core;
        at += *at == ',';
    }
    *ret_placement = placement;
    return 0;
}

int placement_take(const struct placement *placement, struct error *ret_error) {
    cpu_set_t allowed, wanted;
    if (placement->count == 0)
        return 0;
    CPU_ZERO(&wanted);
    if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        return error_set_errno(ret_error, errno, "cannot tell which cores there are (cores)");
    for (size_t i = 0; i < placement->count; i++) {
        int core = placement->cores[i];
        if (!CPU_ISSET(core, &allowed))
            return error_set(ret_error, ERROR_INVALID,
                             "cores: core %d is not there, or this process may not use it", core);
        if (i > 0 || placement->count == 1)
            CPU_SET(core, &wanted);
    }
    if (sched_setaffinity(0, sizeof wanted, &wanted) < 0)
        return error_set_errno(ret_error, errno, "cannot move to the cores (cores)");
    return 0;
}

const int *placement_loop(const struct placement *placement) {
    return placement->count > 0 ? &placement->cores[0] : NULL;
}

/* That it may was seen when the placement was taken; should it not be so any more, it runs where it
 * is. */
void placement_move(int core) {
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    CPU_SET(core, &wanted);
    pthread_setaffinity_np(pthread_self(), sizeof wanted, &wanted);
}

/* As the kernel has it; libraries came to have it late, and headers under other names. */
struct turns {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

#define TURN_NS 100000 /* the shortest that there is */

/* A turn of a few milliseconds is what a thread gets otherwise, and it is not taken from it for one
 * with as long a turn: a decision would wait for all of it. */
void placement_hasten(void) {
    struct turns turns = {.size = sizeof turns,
                          .policy = SCHED_OTHER,
                          .nice = getpriority(PRIO_PROCESS, (id_t)gettid()),
                          .runtime_ns = TURN_NS};
    if (sched_getscheduler(0) == SCHED_OTHER) /* else somebody knows better */
        syscall(SYS_sched_setattr, 0, &turns, 0);
}
