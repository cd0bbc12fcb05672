/* Who may use the console, and as what. */
#pragma once

#include "sql.h"

#include "core/base/buffer.h"
#include "core/base/text.h"

/* Each may do what those before it may. */
enum role {
    ROLE_NONE,     /* not signed in */
    ROLE_VIEWER,   /* sees everything but people and the audit log */
    ROLE_ANALYST,  /* decides reviews, changes lists */
    ROLE_AUTHOR,   /* edits rules and submits them */
    ROLE_APPROVER, /* approves what another person submitted */
    ROLE_ADMIN,    /* people, sessions, audit log */
    ROLE_COUNT
};

const char *role_name(enum role role);                  /* "viewer"; "" for ROLE_NONE */
bool role_parse(struct text name, enum role *ret_role); /* not ROLE_NONE */

#define PERSON_NAME_MAX 64 /* bytes */

struct person {
    int64_t id;
    char name[PERSON_NAME_MAX + 1];
    enum role role;
    bool disabled;
};

/* Letters, digits and . _ - @, at most PERSON_NAME_MAX: names stand in the archive as sources. */
int person_check_name(struct text name, struct error *ret_error);

/* ERROR_EXISTS: there is one of this name, or of one that differs only in capital letters: to a
 * sign-on that does not tell them apart, two people would be one, and four eyes two. password: a
 * hash of password_hash(). */
int people_add(struct sql *sql, const char *name, enum role role, const char *password,
               int64_t now_us, struct error *ret_error);
/* ret_password may be NULL, else PASSWORD_HASH_SIZE. ERROR_NOT_FOUND. */
int people_find(struct sql *sql, const char *name, struct person *ret_person, char *ret_password,
                struct error *ret_error);
/* Within a transaction, which the caller takes back on failure. Either ends the person's sessions.
 * ERROR_NOT_FOUND; ERROR_INVALID: no admin who can sign in would be left. */
int people_change(struct sql *sql, const char *name, enum role role, bool disabled,
                  struct error *ret_error);
int people_set_password(struct sql *sql, const char *name, const char *password,
                        struct error *ret_error);
/* Appends "people": all of them as a JSON array, by name. */
int people_list(struct sql *sql, struct buffer *out, struct error *ret_error);
int people_count(struct sql *sql, int64_t *ret_count, struct error *ret_error);
