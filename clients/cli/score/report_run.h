/* The run of `harrier outcome`, `harrier amend` and `harrier backfill`: one report, or the rows of
 * files → calls of up to REPORTS_MAX → a server. What is reported is the command's. */
#pragma once

#include "clients/cli/io/mapped_file.h"
#include "clients/cli/rows/row_original.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "report_run_options.h"
#include "report_sender.h"

#include <stdbool.h>
#include <stddef.h>

/* `reports` is the array that the command gives to the run. */
struct report_kind {
    const char *command; /* for the progress */
    enum mapped_purpose purpose;
    /* Makes reports[at] of a row, with its texts in the arena. 1: done; 0: the row has nothing to
     * report. ERROR_INVALID, ERROR_TOO_LARGE: the row is refused, and *ret_field is the field at
     * fault, if it is a single one. */
    int (*take)(void *reports, size_t at, const struct mapping *mapping, const struct row *row,
                struct arena *arena, const char *source, struct text *ret_field,
                struct error *ret_error);
    /* Has the row nothing to report? */
    bool (*is_empty)(const struct mapping *mapping, const struct row *row);
    /* As report_sender_outcomes(). */
    int (*send)(struct report_sender *sender, void *reports, struct row_original *rows,
                size_t *count, struct error *ret_error);
    /* Prints counts of its own, a line each, on standard error. NULL: those of reports. */
    void (*print)(const struct report_sender *sender);
};

/* Both return the exit status, and have said on standard error what is wrong. */

/* reports: room for REPORTS_MAX. Ends with a summary on standard error, also when it ends early;
 * what was accepted until then stays reported, and the same again changes nothing. */
int report_run_file(const struct report_kind *kind, const struct report_run_options *options,
                    void *reports);

/* report: of the id options->words[0]. *ret_sender: what came of it, for the command to print, if
 * the status is EXIT_STATUS_OK; its pointers are gone by then. */
int report_run_one(const struct report_kind *kind, const struct report_run_options *options,
                   void *report, struct report_sender *ret_sender);
