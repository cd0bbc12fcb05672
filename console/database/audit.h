/* The audit log: every change that a person made through the console, and every sign-in. Rows are
 * only ever added. */
#pragma once

#include "sql.h"

#include "core/base/buffer.h"

struct audit_entry {
    int64_t at_us;
    const char *person, *address; /* who, and from where; "": the console itself */
    const char *action;           /* "sign-in", "review", "role", … */
    const char *subject;          /* of what: a transaction's id, a person's name */
    const char *before, *after;   /* "" where there is none */
};

/* Within a transaction, so that the entry and the change are kept together or not at all. */
int audit_add(struct sql *sql, const struct audit_entry *entry, struct error *ret_error);

/* Appends entries as a JSON array, the newest first: at most limit, with ids below `before` (0:
 * from the newest), of one person and action ("": all). */
int audit_list(struct sql *sql, const char *person, const char *action, int64_t before,
               int64_t limit, struct buffer *out, struct error *ret_error);
