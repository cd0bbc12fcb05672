/* The program `harrier`, which runs the console's jobs. */
#pragma once

#include "options.h"

/* Its path without links: --harrier, or beside harrier-console, as both are installed, or in PATH.
 * Heap; NULL: there is none. */
char *harrier_program_find(const struct console_options *options);
