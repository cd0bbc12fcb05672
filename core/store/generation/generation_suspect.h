/* Tables that were whole when they were opened, and are not any more.
 *
 * Opening reads samples only, so a process that comes upon damage later leaves a note in the
 * generation's folder ("suspect") before it ends or drops the tables: the next opening reads all of
 * it against its hashes. If it is whole after all, the note is removed. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* path: of a tables.mdb. Safe in a signal handler. A folder that cannot be written gets no note. */
void generation_suspect(const char *path);
/* Has the folder, which is open, such a note? */
bool generation_is_suspect(int directory);
void generation_unsuspect(int directory);

/* Notes it, prints what is wrong and that the next start goes on without these tables, and ends the
 * process with 74, as a damaged archive does. Safe in a signal handler. what: a sentence's end,
 * such as "were truncated". */
_Noreturn void generation_give_up(const char *path, const char *what);
/* Is this the path of a tables.mdb? */
bool generation_is_tables(const char *path);

/* Reads the file of the tables against its hash a few bytes at a time, beside a server at work. */
struct generation_scrub;
/* folder: "g-…" in root. Errors as generation_open(). */
int generation_scrub_open(const char *root, const char *folder, struct generation_scrub **ret_scrub,
                          struct error *ret_error);
/* The next bytes. 1: there are more; 0: all were read, and are what was published; ERROR_DAMAGED:
 * they are not, and the folder has the note. After 0 or an error, close it. */
int generation_scrub_step(struct generation_scrub *scrub, size_t bytes, struct error *ret_error);
void generation_scrub_close(struct generation_scrub *scrub); /* NULL is allowed */
