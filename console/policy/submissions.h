/* What was proposed for the live policy, and what became of it. A change that an author submitted
 * is decided by another person; a rollback has one person, and a reason. What was submitted never
 * changes: it is a version (versions.h).
 *
 * States: open → approved, rejected, withdrawn or failed. */
#pragma once

#include "drafts.h"

#define SUBMISSION_TEXT_MAX      4000 /* bytes of a message, comment or reason */
#define SUBMISSIONS_OPEN_MOST    20   /* of a person */
#define SUBMISSION_KIND_CHANGE   "change"
#define SUBMISSION_KIND_ROLLBACK "rollback"

struct submission {
    int64_t id;
    char kind[16], state[16], author[65];
    char base[POLICY_HASH_SIZE], version[POLICY_HASH_SIZE];
};

struct submission_request {
    const char *kind;
    const struct file_set *base, *files;
    const char *message;
    const char *report; /* JSON: what the check said */
    int64_t backtest;   /* 0: none */
};

/* With its entry in the audit log. ERROR_TOO_LARGE: the person has too many open ones.
 * ERROR_INVALID: nothing differs. */
int submission_add(struct sql *sql, const struct draft_author *author,
                   const struct submission_request *request, int64_t *ret_id,
                   struct error *ret_error);
int submission_find(struct sql *sql, int64_t id, struct submission *ret_submission,
                    struct error *ret_error); /* ERROR_NOT_FOUND */
/* Ends an open one without a change: "rejected", by another person than its author, or "withdrawn",
 * by the author. ERROR_DENIED: not this person. ERROR_EXISTS: it is not open any more. */
int submission_close(struct sql *sql, const struct draft_author *person, int64_t id,
                     const char *state, const char *comment, struct error *ret_error);
/* Appends "submissions": the newest first, without their reports, as a JSON array. */
int submissions_list(struct sql *sql, int64_t most, struct buffer *out, struct error *ret_error);
/* Appends one of them, with its report, as members of an object that has been begun. */
int submission_show(struct sql *sql, int64_t id, struct buffer *out, struct error *ret_error);
