/* Outcomes and amendments that wait until the file's event time reaches theirs: of the rows that
 * are being scored and, with --outcomes-of, of a file that was scored earlier. Where refused rows
 * are kept, the rows of what waits are in a temporary file, since their messages are long gone by
 * then. */
#pragma once

#include "batch/base/outcome_delay.h"
#include "clients/cli/io/mapped_file.h"
#include "clients/cli/io/row_errors.h"
#include "clients/cli/rows/row_original.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"
#include "report_sender.h"
#include "row_spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct due_outcomes {
    struct outcome_delay delay; /* not before their time */
    int64_t newest_us;          /* the file's event time; INT64_MIN: no row yet */
    struct report_sender *own;  /* of the rows that are being scored */
    struct report_sender earlier;
    struct row_errors earlier_diagnostics;
    struct row_spool *spool;              /* NULL: rows are not kept */
    uint64_t spooled_line, spooled_place; /* the row that was added to it last */
};

/* own: sends what is stated by the rows that are being scored; must outlive *due. earlier: the name
 * of the other file; NULL: there is none. ERROR_SYSTEM; close it then, too. */
int due_outcomes_open(struct due_outcomes *due, struct report_sender *own, const char *earlier,
                      struct error *ret_error);
void due_outcomes_close(struct due_outcomes *due);

/* Moves the file's event time on. */
void due_outcomes_advance(struct due_outcomes *due, int64_t event_time_us);
/* Is there anything whose time has come? */
bool due_outcomes_has_due(const struct due_outcomes *due);

/* What a row states; texts are copied. An amendment waits for its known_time_us.
 * ERROR_TOO_LARGE: too many wait; ERROR_SYSTEM: the row cannot be kept. */
int due_outcomes_add(struct due_outcomes *due, struct text id, enum label label, int64_t time_us,
                     const struct row_original *row, uint64_t *ret_number, struct error *ret_error);
int due_outcomes_add_amendment(struct due_outcomes *due, const struct amendment *amendment,
                               const struct row_original *row, uint64_t *ret_number,
                               struct error *ret_error);
void due_outcomes_withdraw(struct due_outcomes *due, uint64_t number);

/* What the earlier file states with a time: outcomes, and the amendments that its own event time
 * does not reach. *stop: ERROR_INTERRUPTED. */
int due_outcomes_read(struct due_outcomes *due, struct mapped_file *earlier,
                      const volatile int *stop, struct error *ret_error);

/* Reports those whose time has come. After a failure, those not known to be done wait again. */
int due_outcomes_report(struct due_outcomes *due, struct error *ret_error);

/* ---- at the end: both drop all that waits ---- */

void due_outcomes_count_waiting(struct due_outcomes *due, uint64_t *ret_outcomes,
                                uint64_t *ret_amendments);
/* Where the rows of what waits are, each once, in the order in which they were added; those of the
 * earlier file have none. The caller frees them. */
size_t due_outcomes_take_places(struct due_outcomes *due, uint64_t **ret_places);
/* Texts are in the arena. ERROR_SYSTEM, ERROR_TOO_LARGE. */
int due_outcomes_read_row(struct due_outcomes *due, uint64_t place, struct arena *arena,
                          struct row_original *ret_row, struct error *ret_error);
