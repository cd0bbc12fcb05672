/* Which cores the threads run on, and how soon they get them: the first of option `cores` is that
 * of the front's loop, which reads, decides and answers; all other threads share the rest, or the
 * first when it is alone. Without any the kernel chooses. */
#pragma once

#include "core/base/error.h"

#include <stddef.h>

#define PLACEMENT_CORES_MAX 64

struct placement {
    int cores[PLACEMENT_CORES_MAX];
    size_t count; /* 0: the kernel chooses */
};

/* "2" or "2,3,5"; "": none. ERROR_INVALID. */
int placement_parse(const char *text, struct placement *ret_placement, struct error *ret_error);
/* From now on this thread, and those that it starts, run on the cores of all but the loop.
 * ERROR_INVALID: a core is not one that this process may use. */
int placement_take(const struct placement *placement, struct error *ret_error);
/* The loop's; NULL: any. */
const int *placement_loop(const struct placement *placement);
/* This thread from now on. */
void placement_move(int core);
/* This thread answers somebody who waits: when it wakes it is to run at once, also where another
 * one has just begun. Linux 6.12 and newer let it, in exchange for short turns while both have
 * work; others, and where it is not allowed, go on as they were. */
void placement_hasten(void);
