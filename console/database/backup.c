/* Both ways go through a file of another name beside the target, which gets its name by rename()
 * once it is checked and on disk: a crash leaves what was there before. The database that a restore
 * replaces has its second name by then. */
#include "backup.h"

#include "audit.h"
#include "database.h"
#include "server/ops/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

/* Files that SQLite keeps beside a database. */
static const char *const companions[] = {"-wal", "-shm", "-journal"};
#define COMPANIONS (sizeof companions / sizeof *companions)

static void remove_all(const char *path) {
    char companion[BACKUP_PATH_SIZE];
    unlink(path);
    for (size_t i = 0; i < COMPANIONS; i++) {
        snprintf(companion, sizeof companion, "%s%s", path, companions[i]);
        unlink(companion);
    }
}

/* ---- on disk ---- */

static int sync_path(const char *path, int flags, struct error *ret_error) {
    int descriptor = open(path, flags | O_CLOEXEC);
    int r = descriptor < 0 ? -1 : fsync(descriptor);
    int number = errno;
    if (descriptor >= 0)
        close(descriptor);
    return r < 0 ? error_set_errno(ret_error, number, "cannot sync %s", path) : 0;
}

static int sync_folder_of(const char *path, struct error *ret_error) {
    char copy[BACKUP_PATH_SIZE];
    snprintf(copy, sizeof copy, "%s", path);
    return sync_path(dirname(copy), O_RDONLY | O_DIRECTORY, ret_error);
}

static int put_in_place(const char *made, const char *path, struct error *ret_error) {
    int r = sync_path(made, O_RDONLY, ret_error);
    if (r == 0 && rename(made, path) < 0)
        r = error_set_errno(ret_error, errno, "cannot rename %s to %s", made, path);
    return r < 0 ? r : sync_folder_of(path, ret_error);
}

static int name_beside(const char *path, const char *ending, char ret_name[BACKUP_PATH_SIZE],
                       struct error *ret_error) {
    if (strlen(path) >= PATH_SIZE - 64)
        return error_set(ret_error, ERROR_INVALID, "the path is too long: %.80s…", path);
    snprintf(ret_name, BACKUP_PATH_SIZE, "%s.%s", path, ending);
    return 0;
}

/* ---- making one ---- */

static int copy_checked(struct sql *sql, const char *made, struct error *ret_error) {
    struct sql *copy;
    mode_t mask = umask(0077);
    int r = sql_copy(sql, made, ret_error);
    umask(mask);
    if (r < 0)
        return r;
    r = sql_open(made, DATABASE_APPLICATION, &copy, ret_error);
    if (r < 0)
        return r;
    r = sql_check(copy, false, ret_error);
    if (r == 0) /* one file again, without a log beside it */
        r = sql_script(copy, "PRAGMA journal_mode = DELETE", ret_error);
    sql_close(copy);
    return r;
}

int backup_make(const char *folder, const char *path, struct error *ret_error) {
    char database[PATH_SIZE], made[BACKUP_PATH_SIZE], ending[32];
    struct sql *sql;
    if (!database_is_there(folder))
        return error_set(ret_error, ERROR_NOT_FOUND, "%s has no " DATABASE_FILE, folder);
    snprintf(database, sizeof database, "%s/" DATABASE_FILE, folder);
    snprintf(ending, sizeof ending, "making-%ld", (long)getpid());
    int r = name_beside(path, ending, made, ret_error);
    if (r == 0)
        r = database_open_as_is(database, &sql, ret_error);
    if (r < 0)
        return r;
    r = copy_checked(sql, made, ret_error);
    sql_close(sql);
    if (r == 0)
        r = put_in_place(made, path, ret_error);
    if (r < 0)
        remove_all(made);
    return r;
}

/* ---- putting one back ---- */

static int copy_bytes(int from, int to) {
    char bytes[1 << 16];
    ssize_t count;
    while ((count = read(from, bytes, sizeof bytes)) > 0)
        for (ssize_t done = 0; done < count;) {
            ssize_t written = write(to, bytes + done, (size_t)(count - done));
            if (written < 0)
                return -1;
            done += written;
        }
    return (int)count;
}

static int copy_file(const char *from, const char *to, struct error *ret_error) {
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return error_set_errno(ret_error, errno, "cannot read %s", from);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r = out < 0 ? -1 : copy_bytes(in, out);
    int number = errno;
    close(in);
    if (out >= 0 && close(out) < 0 && r == 0) {
        r = -1;
        number = errno;
    }
    return r < 0 ? error_set_errno(ret_error, number, "cannot copy %s to %s", from, to) : 0;
}

/* Of a database that is in use, a file alone lacks what is in its log. */
static int check_alone(const char *path, struct error *ret_error) {
    char companion[BACKUP_PATH_SIZE];
    struct stat found;
    snprintf(companion, sizeof companion, "%s-wal", path);
    if (stat(companion, &found) == 0 && found.st_size > 0)
        return error_set(ret_error, ERROR_INVALID,
                         "%s is not a backup: a part of it is in %s; make one with backup FILE",
                         path, companion);
    return 0;
}

/* Sessions that ended since the backup would go on. */
static int forget_sessions(struct sql *sql, const char *path, struct error *ret_error) {
    const struct audit_entry entry = {.at_us = clock_wall_us(&clock_system),
                                      .person = "",
                                      .address = "the command line",
                                      .action = "restore",
                                      .subject = path,
                                      .before = "",
                                      .after = ""};
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = sql_run(sql, ret_error, "DELETE FROM sessions", "");
    if (r >= 0)
        r = audit_add(sql, &entry, ret_error);
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}

static int prepare(const char *path, const char *made, struct error *ret_error) {
    struct sql *sql;
    remove_all(made); /* of a restore that was killed */
    int r = check_alone(path, ret_error);
    if (r == 0)
        r = copy_file(path, made, ret_error);
    if (r < 0)
        return r;
    r = database_open_file(made, &sql, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s cannot be restored", path);
    r = sql_check(sql, false, ret_error);
    if (r == 0)
        r = forget_sessions(sql, path, ret_error);
    if (r == 0)
        r = sql_script(sql, "PRAGMA journal_mode = DELETE", ret_error);
    sql_close(sql);
    return r;
}

/* Takes what a console that was killed left in its log into the file, if that can be done. */
static void fold_log(const char *database) {
    struct error ignored;
    struct sql *sql;
    if (sql_open(database, DATABASE_APPLICATION, &sql, &ignored) == 0)
        sql_close(sql);
}

/* Without a moment in which there is none under the old name: a console that starts then would make
 * a new one. Some file systems have no second names. */
static int keep_as(const char *database, const char *aside, struct error *ret_error) {
    if (link(database, aside) == 0 || errno == ENOENT || rename(database, aside) == 0)
        return 0;
    return error_set_errno(ret_error, errno, "cannot rename %s to %s", database, aside);
}

/* The database has a new name as well then, and what is beside it only the new one. */
static int move_aside(const char *database, char ret_aside[BACKUP_PATH_SIZE],
                      struct error *ret_error) {
    char from[BACKUP_PATH_SIZE], to[BACKUP_PATH_SIZE + 16], ending[48];
    snprintf(ending, sizeof ending, "before-%" PRId64, clock_wall_us(&clock_system));
    int r = name_beside(database, ending, ret_aside, ret_error);
    if (r < 0)
        return r;
    if (access(database, F_OK) == 0)
        fold_log(database);
    for (size_t i = 0; i < COMPANIONS; i++) {
        snprintf(from, sizeof from, "%s%s", database, companions[i]);
        snprintf(to, sizeof to, "%s%s", ret_aside, companions[i]);
        if (rename(from, to) < 0 && errno != ENOENT)
            return error_set_errno(ret_error, errno, "cannot rename %s to %s", from, to);
    }
    return keep_as(database, ret_aside, ret_error);
}

static int replace(const char *folder, const char *path, bool force,
                   char ret_aside[BACKUP_PATH_SIZE], struct error *ret_error) {
    char database[PATH_SIZE], made[BACKUP_PATH_SIZE];
    bool is_there = database_is_there(folder);
    if (snprintf(database, sizeof database, "%s/" DATABASE_FILE, folder) >= (int)sizeof database)
        return error_set(ret_error, ERROR_INVALID, "the path of the data folder is too long");
    if (is_there && !force)
        return error_set(ret_error, ERROR_EXISTS,
                         "there is a database already: %s; --force keeps it aside", database);
    int r = name_beside(database, "restoring", made, ret_error);
    if (r == 0)
        r = prepare(path, made, ret_error);
    /* Without a database, too: an old log must not be taken for one of the new file. */
    if (r == 0)
        r = move_aside(database, ret_aside, ret_error);
    if (r == 0)
        r = put_in_place(made, database, ret_error);
    if (r < 0)
        remove_all(made);
    if (!is_there)
        *ret_aside = '\0';
    return r;
}

int backup_restore(const char *folder, const char *path, bool force,
                   char ret_aside[BACKUP_PATH_SIZE], struct error *ret_error) {
    int lock;
    *ret_aside = '\0';
    int r = database_lock(folder, &lock, ret_error);
    if (r < 0)
        return r;
    r = replace(folder, path, force, ret_aside, ret_error);
    close(lock);
    return r;
}
