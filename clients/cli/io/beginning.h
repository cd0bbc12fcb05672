/* Says on standard error where a pruned archive begins, before a command reports what it has read.
 */
#pragma once

#include <stdbool.h>

/* archive: its folder or the data folder around it. Nothing is printed if the archive begins with
 * record 1, or if it cannot be read: the command will say so. quiet: nothing either. */
void beginning_note(const char *archive, bool quiet);
