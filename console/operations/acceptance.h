/* What the guard held back in the newest night, and its acceptance by a person: the file that the
 * next night reads, and the entry in the audit log, together. */
#pragma once

#include "console/database/sql.h"
#include "core/base/buffer.h"

#include <jansson.h>

/* Who, from where, when. */
struct acceptance_by {
    const char *person, *address;
    int64_t now_us;
};

/* Appends "thresholds" (the checked file, or null with "problem") and "acceptance" (what waits for
 * the next night, or null). */
void acceptance_write(int folder, struct buffer *out);

/* names and verdicts: JSON arrays of texts, checked here. ERROR_INVALID: nothing, or something that
 * is not held back. ERROR_EXISTS: something is accepted already. */
int acceptance_make(struct sql *sql, int folder, const json_t *names, const json_t *verdicts,
                    const char *reason, const struct acceptance_by *by, struct error *ret_error);
/* ERROR_NOT_FOUND: nothing waits; a night may have taken it. */
int acceptance_take_back(struct sql *sql, int folder, const struct acceptance_by *by,
                         struct error *ret_error);
