/* A child process that works: `harrier` with some words, in a folder, beside people who wait for
 * answers. It has the lowest priority for processor and disk, limits of memory and of the size of
 * its files, and a process group of its own. It never outlives the thread that started it. */
#pragma once

#include "core/base/error.h"

#include <stdint.h>
#include <sys/types.h>

struct child_settings {
    const char *program;   /* a path */
    const char *folder;    /* where it works */
    const char *output;    /* file in the folder that its standard output goes to, made anew */
    uint64_t memory_bytes; /* of data; 0: no limit */
    uint64_t file_bytes;   /* of each file; 0: no limit */
};

/* words: NULL behind the last; argv[0] is the program. *ret_errors is the reading end of its
 * standard error, which does not block. The calling thread must live until the child has ended: the
 * system kills it otherwise. ERROR_SYSTEM. */
int child_start(const struct child_settings *settings, char *const *words, pid_t *ret_pid,
                int *ret_errors, struct error *ret_error);

/* Sends it, and all that it started, a signal. */
void child_signal(pid_t pid, int number);
/* 0: it runs. 1: it has ended, nothing of its group is left, and *ret_status is as of waitpid(). */
int child_reap(pid_t pid, int *ret_status);
