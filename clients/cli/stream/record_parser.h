/* The value of a record → a transaction, an outcome or an amendment: JSON by a mapping, as files of
 * rows have it, or protobuf by proto/harrier.proto (messages Transaction, Outcome, Amendment). */
#pragma once

#include "batch/import/import.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

enum record_format { RECORD_JSON, RECORD_PROTOBUF };
enum record_kind { RECORD_TRANSACTIONS, RECORD_OUTCOMES, RECORD_AMENDMENTS };

struct record_parser;

/* map: path of a mapping file, or NULL: members are named after the fields. ERROR_NOT_FOUND,
 * ERROR_INVALID, ERROR_SYSTEM: the mapping file. */
int record_parser_new(enum record_format format, enum record_kind kind, const char *map,
                      struct record_parser **ret_parser, struct error *ret_error);
void record_parser_free(struct record_parser *parser); /* NULL is allowed */

/* Everything read is copied into the arena, each text with a NUL behind it. It has passed
 * transaction_check(), outcome_check() or amendment_check(). ERROR_INVALID, ERROR_TOO_LARGE: the
 * record is bad; the text says what and where, without card numbers. */
int record_parser_transaction(struct record_parser *parser, struct text value, struct arena *arena,
                              struct transaction *ret_transaction, struct error *ret_error);
/* All that an import takes; a message Transaction has neither an outcome nor a time of receipt.
 * *ret_field: as row_import() has it. */
int record_parser_import(struct record_parser *parser, struct text value, struct arena *arena,
                         struct import_row *ret_row, struct text *ret_field,
                         struct error *ret_error);
/* 1: the record states no outcome. */
int record_parser_outcome(struct record_parser *parser, struct text value, struct arena *arena,
                          struct outcome *ret_outcome, struct error *ret_error);
/* 1: the record states no amendment. */
int record_parser_amendment(struct record_parser *parser, struct text value, struct arena *arena,
                            struct amendment *ret_amendment, struct error *ret_error);
