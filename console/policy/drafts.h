/* Drafts: what a person makes of a policy before others see it. A draft has one person, one base
 * (the policy that was live when it began), and the files that differ from it.
 *
 * Limits: DRAFTS_PER_PERSON, DRAFT_FILE_MAX, DRAFT_CHANGES_MAX, DRAFT_TOTAL_MAX. A path is never
 * one that leads out of a policy's folder, and only one that a policy can have. */
#pragma once

#include "console/database/sql.h"
#include "core/base/buffer.h"
#include "file_set.h"

#define DRAFTS_PER_PERSON 10
#define DRAFT_PATH_MAX    200               /* bytes */
#define DRAFT_FILE_MAX    ((size_t)1 << 20) /* bytes of a file that is edited */
#define DRAFT_CHANGES_MAX 200               /* files that differ from the base */
#define DRAFT_TOTAL_MAX   ((size_t)8 << 20) /* bytes of those */

struct draft {
    int64_t id;
    char person[65];
    char base[POLICY_HASH_SIZE];
    int64_t revision; /* grows with each change */
    int64_t created_us, changed_us;
};

/* Who asks for a change, from where, and when: for the audit log. */
struct draft_author {
    const char *person, *address;
    int64_t now_us;
};

/* May a draft have a file of this path? ERROR_INVALID says why not. */
int draft_path_check(struct text path, struct error *ret_error);

/* The person's draft of the live policy: the one that is there, or a new one. ERROR_TOO_LARGE: the
 * person has too many. */
int draft_begin(struct sql *sql, const struct draft_author *author, int64_t *ret_draft,
                struct error *ret_error);
/* ERROR_NOT_FOUND. */
int draft_find(struct sql *sql, int64_t draft, struct draft *ret_draft, struct error *ret_error);
/* Ends it. ERROR_NOT_FOUND: the person has no such draft. */
int draft_discard(struct sql *sql, const struct draft_author *author, int64_t draft,
                  struct error *ret_error);
/* Appends "drafts": those of a person, the newest first, as a JSON array. */
int drafts_list(struct sql *sql, const char *person, struct buffer *out, struct error *ret_error);

/* All files of a draft; draft 0: the live policy. */
int draft_files(struct sql *sql, int64_t draft, struct file_set *ret_files,
                struct error *ret_error);
/* Writes all of it into an empty folder; draft 0: the live policy as it is. */
int draft_write(struct sql *sql, int64_t draft, const char *folder, struct error *ret_error);

/* A change of one file: `remove` bytes from byte `at` on give way to `insert`. A file that is not
 * there begins empty. */
struct draft_edit {
    int64_t draft, revision; /* the draft as the person knows it */
    const char *path;
    size_t at, remove;
    struct text insert;
};
/* ERROR_EXISTS: the draft is at another revision. ERROR_NOT_FOUND: the person has no such draft.
 * ERROR_INVALID: the path, or the text is not UTF-8 then. ERROR_TOO_LARGE. */
int draft_edit(struct sql *sql, const struct draft_author *author, const struct draft_edit *edit,
               int64_t *ret_revision, struct error *ret_error);
/* Takes a file out, or, if is_back, makes it what it is in the base. */
int draft_remove(struct sql *sql, const struct draft_author *author, const struct draft_edit *edit,
                 bool is_back, int64_t *ret_revision, struct error *ret_error);

/* Is it text that an editor can show and give back as it was? */
bool draft_is_editable(struct text text);

/* Makes the live policy the base of the draft. resolve: what happens to files that both have
 * changed:
 * "" (ERROR_EXISTS names them), "mine" or "live". ERROR_EXISTS: also if the person has a draft of
 * the live policy already. */
int draft_rebase(struct sql *sql, const struct draft_author *author, int64_t draft,
                 const char *resolve, struct error *ret_error);
