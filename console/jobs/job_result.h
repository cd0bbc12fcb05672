/* What a backtest leaves: the report of `harrier replay` in two parts, so that a page of changed
 * decisions is read without the rest. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/types/decision.h"

#include <stdint.h>

#define JOB_REPORT  "report.json"  /* of the replay; split, and then removed */
#define JOB_FIGURES "figures.json" /* without the list of changes */
#define JOB_CHANGES "changes"      /* a line each, by position; see job_result.c */
#define JOB_PAGE    "report.html"  /* the replay's own page */
#define JOB_TUNED   "tuned"        /* a folder: the policy that a tuning found */
#define JOB_OUTPUT  "output"       /* what the last command printed: a tuning's result */

/* Splits the report in the job's folder. ERROR_DAMAGED: it is none. ERROR_SYSTEM. */
int job_result_split(const char *folder, struct error *ret_error);

struct job_changes_query {
    unsigned before, after; /* bits 1 << enum verdict; 0: any */
    int step;               /* > 0: only stricter than before, < 0: only milder; 0: both */
    uint64_t at;            /* where to go on: *ret_next of the page before, or 0 */
    size_t limit;
};

/* Appends the array `changes` and, unless it is the last page, `next`. path: of JOB_CHANGES.
 * ERROR_NOT_FOUND, ERROR_INVALID (at), ERROR_SYSTEM. */
int job_result_changes(const char *path, const struct job_changes_query *query, struct buffer *out,
                       struct error *ret_error);
/* Appends a whole file, which is JSON, as the member. ERROR_TOO_LARGE: beyond 32 MiB. */
int job_result_add(const char *path, const char *key, struct buffer *out, struct error *ret_error);
/* Appends a whole file. Errors likewise. */
int job_result_read(const char *path, struct buffer *out, struct error *ret_error);
