/* Which cores the threads run on, and how soon they get them: the first of option `cores` is that
 * of the front's loop, which reads, decides and answers; all other threads share the rest, or the
 * first when it is alone. Without any the kernel chooses. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>

#define CPU_AFFINITY_CORES_MAX 64

struct cpu_affinity {
    int cores[CPU_AFFINITY_CORES_MAX];
    size_t count; /* 0: the kernel chooses */
};

/* "2" or "2,3,5"; "": none. ERROR_INVALID. */
int cpu_affinity_parse(const char *text, struct cpu_affinity *ret_cpu_affinity,
                       struct error *ret_error);
/* From now on this thread, and those that it starts, run on the cores of all but the loop.
 * ERROR_INVALID: a core is not one that this process may use. */
int cpu_affinity_take(const struct cpu_affinity *cpu_affinity, struct error *ret_error);
/* The loop's; NULL: any. */
const int *cpu_affinity_loop(const struct cpu_affinity *cpu_affinity);
/* This thread from now on. */
void cpu_affinity_move(int core);
/* This thread answers somebody who waits: when it wakes it is to run at once, also where another
 * one has just begun. Linux 6.12 and newer let it, in exchange for short turns while both have
 * work; others, and where it is not allowed, go on as they were. */
void cpu_affinity_hasten(void);
