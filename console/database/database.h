/* The console's database: people and their sessions, reviews, the audit log. What it holds is the
 * console's own; transactions, decisions and outcomes are the archive's. */
#pragma once

#include "core/store/archive/archive_place.h"
#include "sql.h"

#define DATABASE_FILE        "console.sqlite"
#define DATABASE_APPLICATION INT32_C(0x48617272) /* "Harr": SQLite's application_id */

/* Opens FOLDER/console.sqlite with today's tables; creates the folder (mode 0700) and the file.
 * ERROR_UNSUPPORTED: a newer version of the console made it. ERROR_DAMAGED: the message says what
 * to do. */
int database_open(const char *folder, struct sql **ret_sql, struct error *ret_error);

/* The same for a file of any name, in a folder that is there. */
int database_open_file(const char *path, struct sql **ret_sql, struct error *ret_error);
bool database_is_there(const char *folder);
/* Held by a console while it runs, and by what puts a database in place; ends with close() or the
 * process. Creates the folder. ERROR_EXISTS: another process has it. */
int database_lock(const char *folder, int *ret_lock, struct error *ret_error);

/* How far the archive has been read for reviews. Position 0: not at all. */
int database_place(struct sql *sql, struct archive_place *ret_place, struct error *ret_error);
int database_set_place(struct sql *sql, struct archive_place place, struct error *ret_error);
