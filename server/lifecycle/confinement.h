/* What the server keeps of the machine once it runs, derived from its options: options sandbox,
 * sandbox_read and core_dumps. */
#pragma once

#include "options.h"
#include "server/ops/log.h"

/* Nobody but root may look at the process's memory, and it ends in no file; unless core_dumps.
 * First of all: what is forked inherits it. */
void confinement_hide_memory(const struct options *options);

/* Enters the sandbox, unless the option says no, and logs what is in force. Called while there is
 * one thread: after all that the sandbox would forbid, before anything is read or listened to. */
void confinement_enter(const struct options *options, struct log *log);

/* After SIGHUP: a warning for each path that the options name now and that the sandbox hides. */
void confinement_report_hidden(const struct options *options, struct log *log);
