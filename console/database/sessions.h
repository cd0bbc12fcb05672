/* Signing in, and what a browser has from then on: a token in a cookie, of which the database has
 * only the hash, and a second secret that each request that changes something must carry in a
 * header (CSRF). */
#pragma once

#include "password.h"
#include "people.h"

#define SESSION_IDLE_US INT64_C(1800000000)  /* 30 minutes without use end it */
#define SESSION_MOST_US INT64_C(43200000000) /* 12 hours end it in any case */

/* Failed sign-ins within SESSION_FAILURES_US, after which none is tried any more. */
#define SESSION_FAILURES_US          INT64_C(900000000)
#define SESSION_FAILURES_OF_BOTH     8  /* of a name from an address */
#define SESSION_FAILURES_PER_ADDRESS 40 /* of any names */
/* From any addresses. So high that a stranger does not easily keep a person out, and still too few
 * to guess a password. */
#define SESSION_FAILURES_PER_NAME 100

struct session {
    struct person person;
    char csrf[SECRET_SIZE];
    uint8_t hash[SECRET_HASH_SIZE];
};

/* Before a password is looked at, so that many tries at once are not more than the limit either:
 * counts a failure, which session_try_was_good() takes back. ERROR_UNAVAILABLE: too many before. */
int session_try(struct sql *sql, const char *name, const char *address, int64_t now_us,
                struct error *ret_error);
int session_try_was_good(struct sql *sql, const char *name, const char *address, int64_t now_us,
                         struct error *ret_error);

/* Checks name and password, and begins a session. The audit log gets an entry either way.
 * ERROR_DENIED: wrong, or disabled; the message does not say which. ERROR_UNAVAILABLE: too many
 * failures before. */
int session_sign_in(struct sql *sql, struct text name, struct text password, const char *address,
                    int64_t now_us, char ret_token[SECRET_SIZE], struct session *ret_session,
                    struct error *ret_error);
/* The same for somebody whose name a proxy has checked. created_as: the role of who is not known
 * yet; ROLE_NONE: they are refused. ERROR_DENIED: so, or disabled; the message says which. */
int session_sign_in_trusted(struct sql *sql, const char *name, enum role created_as,
                            const char *address, int64_t now_us, char ret_token[SECRET_SIZE],
                            struct session *ret_session, struct error *ret_error);
/* 1: the token is of a session that has not ended; 0: it is not. is_use: this keeps it from ending
 * as idle. */
int session_find(struct sql *sql, struct text token, int64_t now_us, bool is_use,
                 struct session *ret_session, struct error *ret_error);
int session_end(struct sql *sql, const struct session *session, const char *address, int64_t now_us,
                struct error *ret_error); /* the audit log gets an entry */
