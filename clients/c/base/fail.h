/* Filling the caller's struct harrier_error.
 *
 * Each function returns the negative code, so that a failing function ends with
 * `return fail(ret_error, ...)`. ret_error may be NULL, as in the public API. fail() sets
 * `decided` to NO; when the server may have decided all the same, fail_unsettled() corrects that.
 */
#pragma once

#include "clients/c/harrier.h"

#include "core/base/error.h"

int fail(struct harrier_error *ret_error, enum harrier_error_code code, const char *field,
         const char *format, ...) __attribute__((format(printf, 4, 5)));
int fail_from(struct harrier_error *ret_error, const struct error *error); /* an error of core/ */

/* Marks *ret_error as HARRIER_DECIDED_UNKNOWN and returns `failure`, so that it can wrap fail(). */
int fail_unsettled(struct harrier_error *ret_error, int failure);

/* A code of core/ or of the wire as a public one; INTERNAL for codes that callers do not know. */
enum harrier_error_code public_code(enum error_code code);
