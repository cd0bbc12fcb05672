/* The run of `harrier score`: rows of a file → batches → a server → decisions and outcomes. */
#pragma once

#include "clients/c/harrier.h"
#include "clients/cli/io/detection.h"
#include "clients/cli/io/mapped_file.h"
#include "clients/cli/io/row_errors.h"
#include "clients/cli/output/decision_output.h"
#include "clients/cli/terminal/progress_bar.h"
#include "clients/cli/terminal/retry.h"
#include "core/base/error.h"
#include "examples.h"
#include "histogram.h"

#include <stdbool.h>
#include <stdint.h>

/* When the outcome and the amendment that a row states are reported. */
enum scoring_outcomes {
    SCORING_OUTCOMES_DUE, /* once the file's event time has reached its outcome_time or
                             amendment_time: before the first transaction of that time or later.
                             Without a time: NOW */
    SCORING_OUTCOMES_NOW, /* right behind the message with its transaction */
    SCORING_OUTCOMES_NONE,
};

struct scoring_options {
    size_t batch;     /* transactions of a message, 1 to 1,000 */
    size_t in_flight; /* messages under way; 1 keeps the order of the file */
    uint64_t deadline_us;
    uint64_t limit; /* rows to read; 0: all */
    enum scoring_outcomes outcomes;
    bool dry_run, features, strict, quiet;
};

struct scoring_counts {
    uint64_t rows;       /* read, good or bad */
    uint64_t scored;     /* for the first time */
    uint64_t duplicates; /* of those decided before; of these, after sending the same again: */
    uint64_t duplicates_of_retries;
    uint64_t failed; /* rows without a decision; outcomes and amendments that were refused */
    uint64_t unsent; /* of a run that ended early: kept as not known to be done */
    uint64_t outcomes, outcomes_changed;
    uint64_t outcomes_untimed; /* of outcomes due: had no time, so were reported at once */
    uint64_t outcomes_waiting; /* of a whole run: left out, their time had not come at its end */
    uint64_t amendments, amendments_changed, amendments_untimed, amendments_waiting; /* likewise */
    uint64_t degraded;
    uint64_t verdicts[HARRIER_VERDICT_DECLINE + 1];
    struct detection detection;     /* of rows that state the truth */
    struct histogram server_us;     /* per transaction */
    struct histogram round_trip_us; /* per message */
    double seconds;
    uint64_t next_line; /* when it ended early: of the first row that is not known to be done */
    bool input_ended;   /* all rows were read */
};

/* What takes part. All belong to the caller. */
struct scoring_parts {
    struct mapped_file *file;
    struct mapped_file *earlier;   /* whose outcomes and amendments are reported as they come due,
                                      too; NULL: none */
    struct harrier_client *client; /* in_flight_max at least options->in_flight */
    struct decision_output *output;
    struct retry *retry;
    struct row_errors *diagnostics;
    struct progress_bar *bar;
    struct examples *examples; /* NULL: none wanted */
};

/* Blocks until all rows are done. Where diagnostics->rejects keeps rows, the file has begun there
 * (rejects_begin_file()); those of an input that cannot be read again are kept also when the run
 * ends before they are done, and the rest of it too, when it ends because of the server. counts are
 * filled on failure, too, as far as it got: ERROR_UNAVAILABLE (the server was away for too long),
 * ERROR_INTERRUPTED, ERROR_INVALID (strict, and a row is wrong), ERROR_SYSTEM (reading, writing).
 * No callback of the client is left under way. */
int scoring_run(const struct scoring_options *options, const struct scoring_parts *parts,
                struct scoring_counts *ret_counts, struct error *ret_error);
