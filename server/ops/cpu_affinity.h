/* CPU affinity and scheduling of threads. The first core of option `cores` is for the front's loop,
 * which reads, decides and answers; all other threads share the rest, or the first if it is the
 * only one. Without the option the kernel chooses. */
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
/* Moves this thread, and those that it will start, to the cores for everything but the loop. To be
 * called before threads are started. ERROR_INVALID: this process may not use a core. */
int cpu_affinity_take(const struct cpu_affinity *cpu_affinity, struct error *ret_error);
/* The loop's core; NULL: any. Points into the structure. */
const int *cpu_affinity_loop(const struct cpu_affinity *cpu_affinity);
/* Moves this thread to the core. */
void cpu_affinity_move(int core);
/* Makes this thread run as soon as it wakes, even where another one has just begun its slice. Needs
 * Linux 6.12; has no effect on older kernels or without permission. The price: shorter slices while
 * both threads have work. */
void cpu_affinity_hasten(void);
