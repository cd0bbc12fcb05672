/* Statements are prepared anew for each call: that takes some ten microseconds, and a call of a
 * browser some milliseconds. */
#include "sql.h"

#include "core/base/check.h"
#include "core/base/lock_order.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_MS 5000 /* how long to wait for another process, such as a backup */

struct sql {
    sqlite3 *connection;
    pthread_mutex_t lock; /* recursive: statements of a transaction take it again */
};

struct sql_row {
    sqlite3_stmt *statement;
};

/* ---- errors ---- */

static enum error_code code_of(int result) {
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERROR_UNAVAILABLE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERROR_DAMAGED;
    case SQLITE_CONSTRAINT:
        return ERROR_EXISTS;
    default:
        return ERROR_SYSTEM;
    }
}

static int fail(const struct sql *sql, int result, struct error *ret_error) {
    if (code_of(result) == ERROR_DAMAGED)
        return error_set(ret_error, ERROR_DAMAGED, "the console's database is damaged (%s): %s",
                         sqlite3_errmsg(sql->connection), SQL_WAYS_OUT);
    return error_set(ret_error, code_of(result), "the console's database: %s",
                     sqlite3_errmsg(sql->connection));
}

/* Whoever deletes the file, or puts another in its place, does not stop the console: its own goes
 * on without a name, and with its end all of it is gone. */
static int check_there(const struct sql *sql, struct error *ret_error) {
    int has_moved = 0;
    sqlite3_file_control(sql->connection, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    if (has_moved)
        return error_set(ret_error, ERROR_DAMAGED,
                         "the console's database was deleted or moved away while the console runs: "
                         "%s",
                         SQL_WAYS_OUT);
    return 0;
}

/* ---- statements ---- */

static int bind(sqlite3_stmt *statement, const char *types, va_list values) {
    int result = SQLITE_OK;
    check((size_t)sqlite3_bind_parameter_count(statement) == strlen(types));
    for (int i = 0; types[i] && result == SQLITE_OK; i++) {
        if (types[i] == 'i') {
            result = sqlite3_bind_int64(statement, i + 1, va_arg(values, int64_t));
        } else if (types[i] == 't') {
            result = sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1,
                                       SQLITE_TRANSIENT);
        } else if (types[i] == 'b') {
            const struct text *bytes = va_arg(values, const struct text *);
            result = bytes ? sqlite3_bind_blob64(statement, i + 1, bytes->data ? bytes->data : "",
                                                 bytes->length, SQLITE_TRANSIENT)
                           : sqlite3_bind_null(statement, i + 1);
        } else {
            check(types[i] == 'h');
            result = sqlite3_bind_blob(statement, i + 1, va_arg(values, const uint8_t *),
                                       SQL_HASH_SIZE, SQLITE_TRANSIENT);
        }
    }
    return result;
}

/* take NULL: rows are not looked at. */
static int step(struct sql *sql, sqlite3_stmt *statement, sql_take *take, void *user,
                struct error *ret_error) {
    const struct sql_row row = {.statement = statement};
    int taken = 0, result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        int r = take ? take(user, &row, ret_error) : 0;
        if (r < 0)
            return r;
        taken++;
        if (r > 0)
            return taken;
    }
    if (result != SQLITE_DONE)
        return fail(sql, result, ret_error);
    return take ? taken : sqlite3_changes(sql->connection);
}

static int run(struct sql *sql, struct error *ret_error, sql_take *take, void *user,
               const char *text, const char *types, va_list values) {
    sqlite3_stmt *statement;
    pthread_mutex_lock(&sql->lock);
    if (check_there(sql, ret_error) < 0) {
        pthread_mutex_unlock(&sql->lock);
        return -(int)ret_error->code;
    }
    int result = sqlite3_prepare_v2(sql->connection, text, -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = bind(statement, types, values);
    int r = result == SQLITE_OK ? step(sql, statement, take, user, ret_error)
                                : fail(sql, result, ret_error);
    sqlite3_finalize(statement);
    pthread_mutex_unlock(&sql->lock);
    return r;
}

int sql_run(struct sql *sql, struct error *ret_error, const char *statement, const char *types,
            ...) {
    va_list values;
    va_start(values, types);
    int r = run(sql, ret_error, NULL, NULL, statement, types, values);
    va_end(values);
    return r;
}

int sql_each(struct sql *sql, struct error *ret_error, sql_take *take, void *user,
             const char *statement, const char *types, ...) {
    va_list values;
    va_start(values, types);
    int r = run(sql, ret_error, take, user, statement, types, values);
    va_end(values);
    return r;
}

int sql_script(struct sql *sql, const char *statements, struct error *ret_error) {
    pthread_mutex_lock(&sql->lock);
    int result = sqlite3_exec(sql->connection, statements, NULL, NULL, NULL);
    int r = result == SQLITE_OK ? 0 : fail(sql, result, ret_error);
    pthread_mutex_unlock(&sql->lock);
    return r;
}

int64_t sql_integer(const struct sql_row *row, int column) {
    return sqlite3_column_int64(row->statement, column);
}

const char *sql_text(const struct sql_row *row, int column) {
    const unsigned char *text = sqlite3_column_text(row->statement, column);
    return text ? (const char *)text : "";
}

/* SQLite gives no address for a value of no bytes. */
struct text sql_bytes(const struct sql_row *row, int column) {
    const void *bytes = sqlite3_column_blob(row->statement, column);
    bool is_null = sqlite3_column_type(row->statement, column) == SQLITE_NULL;
    return (struct text){.data = bytes || is_null ? bytes : "",
                         .length = (size_t)sqlite3_column_bytes(row->statement, column)};
}

int64_t sql_inserted(const struct sql *sql) {
    return sqlite3_last_insert_rowid(sql->connection);
}

/* ---- transactions ---- */

int sql_begin(struct sql *sql, struct error *ret_error) {
    pthread_mutex_lock(&sql->lock);
    int r = sql_script(sql, "BEGIN IMMEDIATE", ret_error);
    if (r < 0)
        pthread_mutex_unlock(&sql->lock);
    return r;
}

int sql_end(struct sql *sql, bool keep, struct error *ret_error) {
    struct error ignored;
    int r = keep ? check_there(sql, ret_error) : 0;
    if (keep && r == 0)
        r = sql_script(sql, "COMMIT", ret_error);
    if (!keep || r < 0)
        sql_script(sql, "ROLLBACK", &ignored); /* it may have been rolled back by itself */
    pthread_mutex_unlock(&sql->lock);
    return r;
}

/* ---- the whole database ---- */

/* What is found: "ok", or the first fault. */
static int take_finding(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)user;
    if (strcmp(sql_text(row, 0), "ok") == 0)
        return 0;
    return error_set(ret_error, ERROR_DAMAGED, "the console's database is damaged (%.200s): %s",
                     sql_text(row, 0), SQL_WAYS_OUT);
}

int sql_check(struct sql *sql, bool quick, struct error *ret_error) {
    int r = sql_each(sql, ret_error, take_finding, NULL,
                     quick ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)", "");
    return r < 0 ? r : 0;
}

/* All pages in one step: in between nobody can write, but with WAL nobody waits for that. */
static int copy_pages(struct sql *sql, sqlite3 *to) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", sql->connection, "main");
    if (!backup)
        return sqlite3_errcode(to);
    sqlite3_backup_step(backup, -1);
    return sqlite3_backup_finish(backup);
}

int sql_copy(struct sql *sql, const char *path, struct error *ret_error) {
    sqlite3 *to;
    int result = sqlite3_open_v2(
        path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE, NULL);
    pthread_mutex_lock(&sql->lock);
    if (result == SQLITE_OK)
        result = copy_pages(sql, to);
    pthread_mutex_unlock(&sql->lock);
    if (result == SQLITE_OK)
        result = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    int r = result == SQLITE_OK ? 0
                                : error_set(ret_error, code_of(result), "copying to %s: %s", path,
                                            sqlite3_errstr(result));
    sqlite3_close(to);
    return r;
}

/* ---- opening ---- */

static int take_integer(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

/* A new file has the id 0 and no tables. */
static int check_application(struct sql *sql, const char *path, int32_t application,
                             struct error *ret_error) {
    int64_t id = 0, tables = 0;
    int r = sql_each(sql, ret_error, take_integer, &id, "PRAGMA application_id", "");
    if (r >= 0)
        r = sql_each(sql, ret_error, take_integer, &tables, "SELECT count(*) FROM sqlite_schema",
                     "");
    if (r < 0 || id == application)
        return r;
    if (id != 0 || tables != 0)
        return error_set(ret_error, ERROR_INVALID, "%s is a database of another program", path);
    char statement[64];
    sqlite3_snprintf(sizeof statement, statement, "PRAGMA application_id = %d", (int)application);
    return sql_script(sql, statement, ret_error);
}

/* WAL: readers, such as a backup, do not wait for the console. FULL: a commit survives the
 * machine. */
static int set_up(struct sql *sql, const char *path, int32_t application, struct error *ret_error) {
    sqlite3_busy_timeout(sql->connection, BUSY_MS);
    int r = check_application(sql, path, application, ret_error);
    if (r >= 0)
        r = sql_script(sql,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                       "PRAGMA cache_size = -32768", /* KiB: a queue of 100,000 with its indexes */
                       ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", path) : 0;
}

int sql_open(const char *path, int32_t application, struct sql **ret_sql, struct error *ret_error) {
    struct sql *sql = check_calloc(1, sizeof *sql);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&sql->lock, &attributes);
    lock_set_rank(&sql->lock, LOCK_CONSOLE_DATABASE);
    pthread_mutexattr_destroy(&attributes);
    int result =
        sqlite3_open_v2(path, &sql->connection,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    int r = result == SQLITE_OK ? set_up(sql, path, application, ret_error)
                                : error_set(ret_error, ERROR_SYSTEM, "%s: %s", path,
                                            sqlite3_errmsg(sql->connection));
    if (r < 0) {
        sql_close(sql);
        return r;
    }
    *ret_sql = sql;
    return 0;
}

void sql_close(struct sql *sql) {
    if (!sql)
        return;
    sqlite3_close(sql->connection);
    pthread_mutex_destroy(&sql->lock);
    free(sql);
}
