/* The program that runs at a night's end, for backups and the like. */
#pragma once

#include "core/base/error.h"

#include <stdint.h>

struct night_hook {
    const char *program;
    const char *const *environment; /* "NAME=VALUE" beside the process's own; NULL at the end */
    int64_t timeout_us;
    const volatile int *stop;
};

/* Its status when it has ended: as a shell has it, 128 and the signal's number if one ended it.
 * ERROR_UNAVAILABLE: it did not end in time, and was killed with what it had started.
 * ERROR_NOT_FOUND: there is no such program. ERROR_INTERRUPTED. */
int night_hook_run(const struct night_hook *hook, int *ret_status, struct error *ret_error);
