/* Reading a mapped file that was truncated, or whose disk fails, raises SIGBUS. Without a handler
 * the process dies without a word, and its next start may open the same tables again. So it may
 * after a failed check or a crash (SIGSEGV): damaged bytes of a table are one reason for that. */
#pragma once

/* For the whole process. A fault in a generation's tables ends it with 74 and a line that names the
 * file (generation_give_up()); any other ends it as before. Before an abort or a crash all tables
 * in use are noted, so that the next start reads them against their hashes. */
void mapped_tables_watch(void);
