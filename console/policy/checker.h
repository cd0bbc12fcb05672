/* Checks of policies in processes of their own (check_report.h): at most CHECKS_AT_ONCE at a time,
 * each bounded in time and output. The last reports are kept, so that a policy that many look at is
 * checked once. */
#pragma once

#include "core/base/buffer.h"
#include "file_set.h"

#define CHECKS_AT_ONCE 2

struct checker;

/* folder: of the console's own; the drafts under check are in FOLDER/work, which is emptied now.
 * ERROR_SYSTEM. */
int checker_new(const char *folder, struct checker **ret_checker, struct error *ret_error);
void checker_free(struct checker *checker); /* NULL is allowed */

/* Appends the report, a JSON object. Any thread; takes as long as the policy's cases.
 * ERROR_INVALID: the check was stopped because it took too long or too much memory.
 * ERROR_UNAVAILABLE: too many checks. ERROR_SYSTEM. */
int checker_run(struct checker *checker, const struct file_set *files, struct buffer *out,
                struct error *ret_error);
