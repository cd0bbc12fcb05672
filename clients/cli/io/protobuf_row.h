/* A message Transaction of proto/harrier.proto → a transaction, where one comes instead of a row.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/wire/types/transaction.h"

/* Everything in *ret_transaction is copied into the arena, each text with a NUL behind it. It has
 * passed transaction_check(). ERROR_INVALID, ERROR_TOO_LARGE; *ret_field, which may be NULL, is
 * then the field at fault, unchanged when it is the message as a whole. */
int protobuf_row_transaction(struct text message, struct arena *arena,
                             struct transaction *ret_transaction, struct text *ret_field,
                             struct error *ret_error);
