/* What the console keeps of the machine once it runs, derived from its options: --sandbox and
 * --sandbox-read. Its jobs and checks, which are programs of their own, inherit it. */
#pragma once

#include "options.h"
#include "server/ops/log.h"

/* Temporary files, ours and those of jobs, are made in the console's own folder from now on, which
 * must be there. Enters the sandbox, unless the option says no, and logs what is in force. Called
 * while there is one thread, before anything of the archive is read. */
void confine_console(const struct console_options *options, struct log *log);
