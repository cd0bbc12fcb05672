/* SQLite, in the few words that the console needs. The only user of sqlite3.h.
 *
 * One connection, any thread: a call holds the connection's lock while it runs, and so does a whole
 * transaction. Values are bound, never written into the statement.
 *
 * `types` has a letter for each ? of a statement, in their order: i int64_t, t const char * (NULL
 * is SQL's NULL), h 32 bytes, b const struct text * (any bytes; NULL is SQL's NULL). Errors:
 * ERROR_UNAVAILABLE (another process holds the database), ERROR_DAMAGED (not a database, a damaged
 * one, or one whose file was deleted or moved away: what is written to it would be lost),
 * ERROR_EXISTS (a constraint), ERROR_SYSTEM. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct sql;
struct sql_row;

#define SQL_HASH_SIZE 32 /* bytes of a value of type h */

/* The end of a message about a database that is lost. */
#define SQL_WAYS_OUT                                                                               \
    "stop the console, and put a backup back (harrier-console --data DIR restore FILE), or move "  \
    "console.sqlite away and start again: then reviews and reported labels come back from the "    \
    "archive; people, notes and the audit log do not"

/* Opens or creates the file. Everything committed is on disk. application: SQLite's
 * application_id, to know our files by. ERROR_INVALID: it is another program's database. */
int sql_open(const char *path, int32_t application, struct sql **ret_sql, struct error *ret_error);
void sql_close(struct sql *sql); /* NULL is allowed */

/* A statement without rows. Returns the number of rows that it changed. */
int sql_run(struct sql *sql, struct error *ret_error, const char *statement, const char *types,
            ...);
/* A statement with rows: calls take for each. Its result < 0 ends the statement and is returned, a
 * result > 0 ends it as well. Returns the number of rows taken. */
typedef int sql_take(void *user, const struct sql_row *row, struct error *ret_error);
int sql_each(struct sql *sql, struct error *ret_error, sql_take *take, void *user,
             const char *statement, const char *types, ...);
/* Several statements without values: for a schema. */
int sql_script(struct sql *sql, const char *statements, struct error *ret_error);

/* Columns of a row, from 0. Texts are valid until take returns; NULL is "" and 0. */
int64_t sql_integer(const struct sql_row *row, int column);
const char *sql_text(const struct sql_row *row, int column);
struct text sql_bytes(const struct sql_row *row, int column); /* data NULL: NULL */

/* The key of the last row that the thread's transaction has inserted. */
int64_t sql_inserted(const struct sql *sql);

/* Is every page and index as it should be? quick: indexes are not compared with their tables.
 * ERROR_DAMAGED says what is not. */
int sql_check(struct sql *sql, bool quick, struct error *ret_error);
/* Copies all of it as of one moment to another file, which must not be there; readers and writers
 * go on meanwhile. The copy is one file, not synced. */
int sql_copy(struct sql *sql, const char *path, struct error *ret_error);

/* Between begin and end, other threads wait. end with keep false takes everything back. */
int sql_begin(struct sql *sql, struct error *ret_error);
int sql_end(struct sql *sql, bool keep, struct error *ret_error);
