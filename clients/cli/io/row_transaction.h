/* A row of a file → a transaction, or the outcome or amendment it states. */
#pragma once

#include "batch/import/import.h"
#include "clients/cli/rows/rows.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"
#include "detection.h"
#include "mapping.h"

/* All of these fill *ret_field on failure, if it is not NULL: the field at fault, unchanged when it
 * is the row as a whole. The name lies in the arena, in the mapping or in the program. */

/* Everything in *ret_transaction is copied into the arena. It has passed transaction_check().
 * ERROR_INVALID begins with the field at fault, and its column where that has another name:
 * "amount (column TX_AMOUNT): …". */
int row_transaction(const struct mapping *mapping, const struct row *row, struct arena *arena,
                    struct transaction *ret_transaction, struct text *ret_field,
                    struct error *ret_error);

/* The column label_fraud; TRUTH_UNKNOWN when there is none or it is empty. */
int row_truth(const struct mapping *mapping, const struct row *row, enum truth *ret_truth,
              struct text *ret_field, struct error *ret_error);

/* LABEL_NONE: the row states no outcome. ERROR_INVALID: the value is not a label. */
int row_label(const struct mapping *mapping, const struct row *row, enum label *ret_label,
              struct text *ret_field, struct error *ret_error);

/* The columns received_time and outcome_time. 1: *ret_us is filled; 0: there is none, or it is
 * empty. ERROR_INVALID: it is not a time. */
int row_received_time(const struct mapping *mapping, const struct row *row, int64_t *ret_us,
                      struct text *ret_field, struct error *ret_error);
int row_outcome_time(const struct mapping *mapping, const struct row *row, int64_t *ret_us,
                     struct text *ret_field, struct error *ret_error);

/* An empty outcome, or one that the mapping's values do not name: there is nothing to report.
 * LABEL_NONE by its own name is something: it takes back what was said. */
bool row_states_no_outcome(const struct mapping *mapping, const struct row *row);

/* The columns of an amendment. 1: it is filled, with the row's id, in the arena; it has passed
 * amendment_check(). 0: the row states none. ERROR_INVALID as row_transaction(). */
int row_amendment(const struct mapping *mapping, const struct row *row, struct arena *arena,
                  struct amendment *ret_amendment, struct text *ret_field, struct error *ret_error);

/* An empty amendment: there is nothing to report. */
bool row_states_no_amendment(const struct mapping *mapping, const struct row *row);

/* All that an import takes of a row. */
int row_import(const struct mapping *mapping, const struct row *row, struct arena *arena,
               struct import_row *ret_row, struct text *ret_field, struct error *ret_error);

/* The transaction's id, in the arena. ERROR_INVALID: there is none. */
int row_id(const struct mapping *mapping, const struct row *row, struct arena *arena,
           struct text *ret_id, struct text *ret_field, struct error *ret_error);
