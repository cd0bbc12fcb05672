/* seccomp: the system calls that our programs need once they run; every other one fails. There is
 * no way back. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>

/* Is the filter known for this machine, and is the program one that can live with it? A program
 * built with a sanitizer cannot: it traces itself at its end. */
bool syscall_filter_is_possible(void);

/* For the calling thread and all that it starts. starts_programs: processes may be started, and
 * become other programs, which have the same filter. The process must have given up new privileges
 * (PR_SET_NO_NEW_PRIVS). ERROR_SYSTEM: the kernel refuses, or it is not possible; nothing has
 * changed then. */
int syscall_filter_enter(bool starts_programs, struct error *ret_error);
