/* Each step of the schema is applied once, in a transaction; the number of steps done is SQLite's
 * user_version. Steps are only ever added. */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

static const char *const steps[] = {
    "CREATE TABLE people ("
    "  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL,"
    "  password TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0,"
    "  created_us INTEGER NOT NULL) STRICT;"
    /* Of a session's token only the hash is kept: who reads the file cannot use it. */
    "CREATE TABLE sessions ("
    "  hash BLOB PRIMARY KEY, person INTEGER NOT NULL REFERENCES people, csrf TEXT NOT NULL,"
    "  created_us INTEGER NOT NULL, seen_us INTEGER NOT NULL, address TEXT NOT NULL) STRICT;"
    "CREATE TABLE failures ("
    "  name TEXT NOT NULL, address TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT;"
    "CREATE INDEX failures_at ON failures (at_us);"
    "CREATE TABLE audit ("
    "  id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, person TEXT NOT NULL,"
    "  address TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,"
    "  before TEXT NOT NULL, after TEXT NOT NULL) STRICT;"
    "CREATE INDEX audit_person ON audit (person, id);"
    /* position: of the transaction's record. label: '' while open; what a person decided, or what
     * another source reported. reported: the label has reached the archive. */
    "CREATE TABLE reviews ("
    "  position INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL, event_us INTEGER NOT NULL,"
    "  receive_us INTEGER NOT NULL, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL,"
    "  score INTEGER NOT NULL, reasons TEXT NOT NULL, claimed_by TEXT NOT NULL DEFAULT '',"
    "  claimed_until_us INTEGER NOT NULL DEFAULT 0, label TEXT NOT NULL DEFAULT '',"
    "  note TEXT NOT NULL DEFAULT '', decided_by TEXT NOT NULL DEFAULT '',"
    "  decided_us INTEGER NOT NULL DEFAULT 0, reported INTEGER NOT NULL DEFAULT 0,"
    "  problem TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE INDEX reviews_score ON reviews (score DESC, position) WHERE label = '';"
    "CREATE INDEX reviews_amount ON reviews (amount_minor DESC, position) WHERE label = '';"
    "CREATE INDEX reviews_open ON reviews (position) WHERE label = '';"
    "CREATE INDEX reviews_decided ON reviews (decided_us) WHERE label != '';"
    "CREATE INDEX reviews_unreported ON reviews (position) WHERE label != '' AND reported = 0;"
    "CREATE TABLE place (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL,"
    "  chain INTEGER NOT NULL) STRICT;",
    /* Policies as they were, named by the hash of their files; a text that several have is kept
     * once, by its own hash. */
    "CREATE TABLE policy_texts (hash BLOB PRIMARY KEY, text BLOB NOT NULL) STRICT;"
    "CREATE TABLE policy_versions (hash TEXT PRIMARY KEY) STRICT;"
    "CREATE TABLE policy_version_files ("
    "  version TEXT NOT NULL REFERENCES policy_versions, path TEXT NOT NULL,"
    "  text BLOB NOT NULL REFERENCES policy_texts, PRIMARY KEY (version, path)) STRICT;"
    "CREATE INDEX policy_version_files_text ON policy_version_files (text);"
    /* Where the live policy is: the command line's, as of the last start. */
    "CREATE TABLE policy_place (id INTEGER PRIMARY KEY CHECK (id = 1), folder TEXT NOT NULL) "
    "STRICT;"
    /* A draft is its base and what differs from it: a text, or NULL for a file that goes. */
    "CREATE TABLE drafts ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, person TEXT NOT NULL,"
    "  base TEXT NOT NULL REFERENCES policy_versions, revision INTEGER NOT NULL DEFAULT 0,"
    "  created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL, UNIQUE (person, base)) STRICT;"
    "CREATE TABLE draft_files ("
    "  draft INTEGER NOT NULL REFERENCES drafts, path TEXT NOT NULL, text BLOB,"
    "  PRIMARY KEY (draft, path)) STRICT;"
    /* kind: 'change' takes two people, 'rollback' one. state: open, approved, rejected, withdrawn,
     * failed. report: what the check said, as JSON. */
    "CREATE TABLE submissions ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,"
    "  base TEXT NOT NULL REFERENCES policy_versions,"
    "  version TEXT NOT NULL REFERENCES policy_versions, author TEXT NOT NULL,"
    "  message TEXT NOT NULL, report TEXT NOT NULL, backtest INTEGER NOT NULL DEFAULT 0,"
    "  submitted_us INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'open',"
    "  decided_by TEXT NOT NULL DEFAULT '', decided_us INTEGER NOT NULL DEFAULT 0,"
    "  comment TEXT NOT NULL DEFAULT '', result TEXT NOT NULL DEFAULT '') STRICT;"
    "CREATE INDEX submissions_state ON submissions (state, id);"
    /* The one change of the policy's folder that is under way: what a console that is killed then
     * finishes at its next start. */
    "CREATE TABLE policy_change (id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  submission INTEGER NOT NULL REFERENCES submissions, person TEXT NOT NULL,"
    "  address TEXT NOT NULL, comment TEXT NOT NULL, step TEXT NOT NULL) STRICT;",
    /* request: JSON, what the form said. commands: see jobs/jobs.h. AUTOINCREMENT: an id, which is
     * also a folder's name, is never used again. */
    "CREATE TABLE jobs ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, person TEXT NOT NULL,"
    "  state TEXT NOT NULL, request TEXT NOT NULL, commands TEXT NOT NULL,"
    "  problem TEXT NOT NULL DEFAULT '', bytes INTEGER NOT NULL DEFAULT 0,"
    "  made_us INTEGER NOT NULL, started_us INTEGER NOT NULL DEFAULT 0,"
    "  ended_us INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX jobs_state ON jobs (state, id);",
    /* What people keep of their own; and every label that a person gave, of which reviews has the
     * last. */
    "CREATE TABLE views ("
    "  id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people, screen TEXT NOT NULL,"
    "  name TEXT NOT NULL, query TEXT NOT NULL, shared INTEGER NOT NULL,"
    "  created_us INTEGER NOT NULL, UNIQUE (person, screen, name)) STRICT;"
    "CREATE TABLE settings ("
    "  person INTEGER PRIMARY KEY REFERENCES people, zone TEXT NOT NULL,"
    "  theme TEXT NOT NULL) STRICT;"
    "CREATE TABLE review_history ("
    "  id INTEGER PRIMARY KEY, position INTEGER NOT NULL, at_us INTEGER NOT NULL,"
    "  person TEXT NOT NULL, label TEXT NOT NULL, note TEXT NOT NULL) STRICT;"
    "CREATE INDEX review_history_position ON review_history (position, id);"
    "CREATE INDEX review_history_at ON review_history (at_us);"
    "INSERT INTO review_history (position, at_us, person, label, note)"
    "  SELECT position, decided_us, decided_by, label, note FROM reviews"
    "  WHERE label != '' AND decided_by IN (SELECT name FROM people) ORDER BY decided_us;"
    "CREATE INDEX reviews_currency ON reviews (currency, amount_minor) WHERE label = '';"
    "CREATE INDEX reviews_unsure ON reviews (decided_us) WHERE label = 'unsure';",
    /* For how many came today. */
    "CREATE INDEX reviews_received ON reviews (receive_us);",
};

#define STEPS ((int64_t)(sizeof steps / sizeof *steps))

static int take_integer(void *user, const struct sql_row *row, struct error *ret_error) {
    (void)ret_error;
    *(int64_t *)user = sql_integer(row, 0);
    return 0;
}

static int apply_step(struct sql *sql, int64_t step, struct error *ret_error) {
    char mark[64];
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    snprintf(mark, sizeof mark, "PRAGMA user_version = %" PRId64, step + 1);
    r = sql_script(sql, steps[step], ret_error);
    if (r >= 0)
        r = sql_script(sql, mark, ret_error);
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}

static int bring_up_to_date(struct sql *sql, const char *path, struct error *ret_error) {
    int64_t version = 0;
    int r = sql_each(sql, ret_error, take_integer, &version, "PRAGMA user_version", "");
    if (r >= 0 && version > STEPS)
        r = error_set(ret_error, ERROR_UNSUPPORTED,
                      "%s was written by a newer version of harrier-console: start that one", path);
    for (; r >= 0 && version < STEPS; version++)
        r = apply_step(sql, version, ret_error);
    return r < 0 ? r : 0;
}

int database_open(const char *folder, struct sql **ret_sql, struct error *ret_error) {
    char path[PATH_SIZE];
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return error_set_errno(ret_error, errno, "cannot create %s", folder);
    if (snprintf(path, sizeof path, "%s/" DATABASE_FILE, folder) >= (int)sizeof path)
        return error_set(ret_error, ERROR_INVALID, "the path of the data folder is too long");
    return database_open_file(path, ret_sql, ret_error);
}

bool database_is_there(const char *folder) {
    char path[PATH_SIZE];
    return snprintf(path, sizeof path, "%s/" DATABASE_FILE, folder) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

/* A database is written as soon as its file is made. SQLite would take one that was cut to nothing
 * for a new one, unless its log still has all of it. */
static int check_not_empty(const char *path, struct error *ret_error) {
    char log[PATH_SIZE + 8];
    struct stat found;
    if (stat(path, &found) < 0 || found.st_size > 0)
        return 0;
    snprintf(log, sizeof log, "%s-wal", path);
    if (stat(log, &found) == 0 && found.st_size > 0)
        return 0;
    return error_set(ret_error, ERROR_DAMAGED, "%s is empty, and never is by itself: %s", path,
                     SQL_WAYS_OUT);
}

int database_open_file(const char *path, struct sql **ret_sql, struct error *ret_error) {
    struct sql *sql;
    int r = check_not_empty(path, ret_error);
    if (r < 0)
        return r;
    mode_t mask = umask(0077);
    r = sql_open(path, DATABASE_APPLICATION, &sql, ret_error);
    umask(mask);
    if (r < 0)
        return r;
    r = sql_check(sql, true, ret_error);
    if (r < 0)
        error_prefix(ret_error, "%s", path);
    if (r == 0)
        r = bring_up_to_date(sql, path, ret_error);
    if (r < 0) {
        sql_close(sql);
        return r;
    }
    *ret_sql = sql;
    return 0;
}

int database_lock(const char *folder, int *ret_lock, struct error *ret_error) {
    char path[PATH_SIZE];
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return error_set_errno(ret_error, errno, "cannot create %s", folder);
    if (snprintf(path, sizeof path, "%s/lock", folder) >= (int)sizeof path)
        return error_set(ret_error, ERROR_INVALID, "the path of the data folder is too long");
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return error_set_errno(ret_error, errno, "cannot write to the console's folder: %s", path);
    if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
        int number = errno;
        close(lock);
        if (number != EWOULDBLOCK)
            return error_set_errno(ret_error, number, "%s", path);
        return error_set(ret_error, ERROR_EXISTS, "a console runs with --data %s: stop it first",
                         folder);
    }
    *ret_lock = lock;
    return 0;
}

static int take_place(void *user, const struct sql_row *row, struct error *ret_error) {
    struct archive_place *place = user;
    (void)ret_error;
    place->position = (uint64_t)sql_integer(row, 0);
    place->chain = (uint64_t)sql_integer(row, 1);
    return 0;
}

int database_place(struct sql *sql, struct archive_place *ret_place, struct error *ret_error) {
    struct archive_place place = {0};
    int r = sql_each(sql, ret_error, take_place, &place, "SELECT position, chain FROM place", "");
    if (r < 0)
        return r;
    *ret_place = place;
    return 0;
}

int database_set_place(struct sql *sql, struct archive_place place, struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "INSERT INTO place (id, position, chain) VALUES (1, ?, ?) ON CONFLICT (id) "
                    "DO UPDATE SET position = excluded.position, chain = excluded.chain",
                    "ii", (int64_t)place.position, (int64_t)place.chain);
    return r < 0 ? r : 0;
}
