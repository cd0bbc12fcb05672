/* Says on standard error what an archive lacks, before a command reports what it has read: where a
 * pruned one begins, and which records the disk has lost. */
#pragma once

#include <stdbool.h>

/* archive: its folder or the data folder around it. Nothing is printed if the archive begins with
 * record 1 and has lost nothing, or if it cannot be read: the command will say so. quiet: the
 * beginning is not printed; a loss is. */
void beginning_note(const char *archive, bool quiet);
