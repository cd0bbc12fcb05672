/* A program that a night starts: the hook at its end, the training of a model. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define NIGHT_TRY_LATER 75 /* the exit status that asks for another attempt */

struct night_program {
    const char *what;               /* for messages: "the hook" */
    const char *const *arguments;   /* the program's path or name first; NULL at the end */
    const char *const *environment; /* "NAME=VALUE" beside the process's own; NULL at the end */
    int output;                     /* where both its outputs go; -1: standard error */
    int64_t output_most;            /* bytes of `output`, which is a file then; 0: any number */
    int64_t timeout_us;
    bool takes_all; /* what it leaves running when it ends is killed */
    const volatile int *stop;
};

/* Its status when it has ended: as a shell has it, 128 and the signal's number if one ended it.
 * ERROR_UNAVAILABLE: it did not end in time or printed too much, and was killed with what it had
 * started. ERROR_NOT_FOUND: there is no such program. ERROR_INTERRUPTED. */
int night_program_run(const struct night_program *program, int *ret_status,
                      struct error *ret_error);
