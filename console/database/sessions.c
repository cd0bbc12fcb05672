#include "sessions.h"

#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_EVERY_US INT64_C(60000000) /* how exactly the time of the last request is kept */

/* ---- throttling ---- */

struct failures {
    int64_t of_name, of_address, of_both;
};

static int take_failures(void *user, const struct sql_row *row, struct error *ret_error) {
    struct failures *failures = user;
    (void)ret_error;
    failures->of_name = sql_integer(row, 0);
    failures->of_address = sql_integer(row, 1);
    failures->of_both = sql_integer(row, 2);
    return 0;
}

static int check_failures(struct sql *sql, const char *name, const char *address, int64_t now_us,
                          struct error *ret_error) {
    struct failures failures = {0};
    /* Those of the future are of a clock that was wrong, and would never end. */
    int r = sql_run(sql, ret_error, "DELETE FROM failures WHERE at_us < ? OR at_us > ?", "ii",
                    now_us - SESSION_FAILURES_US, now_us + SESSION_FAILURES_US);
    if (r >= 0)
        r = sql_each(sql, ret_error, take_failures, &failures,
                     "SELECT coalesce(sum(name = ?1), 0), coalesce(sum(address = ?2), 0), "
                     "coalesce(sum(name = ?1 AND address = ?2), 0) FROM failures",
                     "tt", name, address);
    if (r >= 0 && (failures.of_name >= SESSION_FAILURES_PER_NAME ||
                   failures.of_address >= SESSION_FAILURES_PER_ADDRESS ||
                   failures.of_both >= SESSION_FAILURES_OF_BOTH))
        r = error_set(ret_error, ERROR_UNAVAILABLE,
                      "too many failed sign-ins: try again in a quarter of an hour");
    return r;
}

int session_try(struct sql *sql, const char *name, const char *address, int64_t now_us,
                struct error *ret_error) {
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = check_failures(sql, name, address, now_us, ret_error);
    if (r >= 0)
        r = sql_run(sql, ret_error, "INSERT INTO failures (name, address, at_us) VALUES (?, ?, ?)",
                    "tti", name, address, now_us);
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}

int session_try_was_good(struct sql *sql, const char *name, const char *address, int64_t now_us,
                         struct error *ret_error) {
    int r = sql_run(sql, ret_error,
                    "DELETE FROM failures WHERE rowid = (SELECT max(rowid) FROM failures "
                    "WHERE name = ? AND address = ? AND at_us = ?)",
                    "tti", name, address, now_us);
    return r < 0 ? r : 0;
}

/* ---- signing in ---- */

static int take_in(struct sql *sql, const char *address, int64_t now_us, const char *token,
                   struct session *session, struct error *ret_error) {
    secret_hash(text_of(token), session->hash);
    secret_new(session->csrf);
    int r = sql_run(sql, ret_error, "DELETE FROM sessions WHERE seen_us < ? OR created_us < ?",
                    "ii", now_us - SESSION_IDLE_US, now_us - SESSION_MOST_US);
    if (r >= 0)
        r = sql_run(sql, ret_error,
                    "INSERT INTO sessions (hash, person, csrf, created_us, seen_us, address) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    "hitiit", session->hash, session->person.id, session->csrf, now_us, now_us,
                    address);
    return r;
}

/* One transaction: the session, or that there is none, with its entry in the audit log. */
static int record_sign_in(struct sql *sql, const char *name, const char *address, int64_t now_us,
                          bool is_good, const char *token, struct session *session,
                          struct error *ret_error) {
    const struct audit_entry entry = {.at_us = now_us,
                                      .person = name,
                                      .address = address,
                                      .action = is_good ? "sign-in" : "sign-in failed",
                                      .subject = "",
                                      .before = "",
                                      .after = ""};
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    if (is_good)
        r = session_try_was_good(sql, name, address, now_us, ret_error);
    if (r >= 0 && is_good)
        r = take_in(sql, address, now_us, token, session, ret_error);
    if (r >= 0)
        r = audit_add(sql, &entry, ret_error);
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}

int session_sign_in(struct sql *sql, struct text name, struct text password, const char *address,
                    int64_t now_us, char ret_token[SECRET_SIZE], struct session *ret_session,
                    struct error *ret_error) {
    char shown[PERSON_NAME_MAX + 1], hash[PASSWORD_HASH_SIZE];
    struct error unknown;
    *ret_session = (struct session){0};
    /* What cannot be a name is counted, and noted, under none. */
    bool is_name = person_check_name(name, &unknown) == 0;
    snprintf(shown, sizeof shown, "%" TEXT_FORMAT, is_name ? (int)name.length : 0, name.data);
    int r = session_try(sql, shown, address, now_us, ret_error);
    if (r < 0)
        return r;
    r = people_find(sql, shown, &ret_session->person, hash, ret_error);
    if (r < 0 && r != -(int)ERROR_NOT_FOUND)
        return r;
    bool is_good = password_verify(r < 0 ? NULL : hash, password) && !ret_session->person.disabled;
    secret_new(ret_token);
    r = record_sign_in(sql, shown, address, now_us, is_good, ret_token, ret_session, ret_error);
    if (r >= 0 && !is_good)
        r = error_set(ret_error, ERROR_DENIED, "name or password is wrong");
    return r;
}

static int create_unknown(struct sql *sql, const char *name, enum role role, const char *address,
                          int64_t now_us, struct error *ret_error) {
    const struct audit_entry entry = {.at_us = now_us,
                                      .person = "",
                                      .address = address,
                                      .action = "person",
                                      .subject = name,
                                      .before = "",
                                      .after = role_name(role)};
    struct person found;
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = people_find(sql, name, &found, NULL, ret_error);
    if (r == -(int)ERROR_NOT_FOUND) {
        r = people_add(sql, name, role, PASSWORD_NONE, now_us, ret_error);
        if (r == 0)
            r = audit_add(sql, &entry, ret_error);
    }
    int ended = sql_end(sql, r == 0, ret_error);
    return r < 0 ? r : ended;
}

int session_sign_in_trusted(struct sql *sql, const char *name, enum role created_as,
                            const char *address, int64_t now_us, char ret_token[SECRET_SIZE],
                            struct session *ret_session, struct error *ret_error) {
    *ret_session = (struct session){0};
    int r = session_try(sql, name, address, now_us, ret_error);
    if (r == 0 && created_as != ROLE_NONE)
        r = create_unknown(sql, name, created_as, address, now_us, ret_error);
    if (r < 0)
        return r;
    int found = people_find(sql, name, &ret_session->person, NULL, ret_error);
    if (found < 0 && found != -(int)ERROR_NOT_FOUND)
        return found;
    bool is_good = found == 0 && !ret_session->person.disabled;
    secret_new(ret_token);
    r = record_sign_in(sql, name, address, now_us, is_good, ret_token, ret_session, ret_error);
    if (r >= 0 && !is_good)
        r = error_set(ret_error, ERROR_DENIED, "%s may not use the console: an admin %s", name,
                      found == 0 ? "has disabled this person" : "must add this person first");
    return r;
}

/* ---- from then on ---- */

struct found {
    struct session *session;
    int64_t seen_us;
};

static int take_session(void *user, const struct sql_row *row, struct error *ret_error) {
    struct found *found = user;
    struct session *session = found->session;
    session->person = (struct person){.id = sql_integer(row, 0)};
    snprintf(session->person.name, sizeof session->person.name, "%s", sql_text(row, 1));
    if (!role_parse(text_of(sql_text(row, 2)), &session->person.role))
        return error_set(ret_error, ERROR_DAMAGED, "the console's database has no role for %s",
                         session->person.name);
    snprintf(session->csrf, sizeof session->csrf, "%s", sql_text(row, 3));
    found->seen_us = sql_integer(row, 4);
    return 0;
}

int session_find(struct sql *sql, struct text token, int64_t now_us, bool is_use,
                 struct session *ret_session, struct error *ret_error) {
    struct found found = {.session = ret_session};
    if (token.length != SECRET_SIZE - 1)
        return 0;
    secret_hash(token, ret_session->hash);
    int r = sql_each(sql, ret_error, take_session, &found,
                     "SELECT people.id, name, role, csrf, seen_us FROM sessions "
                     "JOIN people ON people.id = person WHERE hash = ? AND seen_us >= ? AND "
                     "sessions.created_us >= ? AND NOT disabled",
                     "hii", ret_session->hash, now_us - SESSION_IDLE_US, now_us - SESSION_MOST_US);
    if (r <= 0)
        return r;
    /* If it cannot be kept, the disk is full, say: then people can still look. */
    struct error ignored;
    if (is_use && now_us - found.seen_us > SEEN_EVERY_US)
        sql_run(sql, &ignored, "UPDATE sessions SET seen_us = ? WHERE hash = ?", "ih", now_us,
                ret_session->hash);
    return 1;
}

int session_end(struct sql *sql, const struct session *session, const char *address, int64_t now_us,
                struct error *ret_error) {
    const struct audit_entry entry = {.at_us = now_us,
                                      .person = session->person.name,
                                      .address = address,
                                      .action = "sign-out",
                                      .subject = "",
                                      .before = "",
                                      .after = ""};
    int r = sql_begin(sql, ret_error);
    if (r < 0)
        return r;
    r = sql_run(sql, ret_error, "DELETE FROM sessions WHERE hash = ?", "h", session->hash);
    if (r > 0) /* 0: another request ended it meanwhile */
        r = audit_add(sql, &entry, ret_error);
    int ended = sql_end(sql, r >= 0, ret_error);
    return r < 0 ? r : ended;
}
