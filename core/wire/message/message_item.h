/* Messages Transaction, Outcome, Amendment and Decision of harrier.proto by themselves, as records
 * of a log have them: not as part of a request or a response. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/types/amendment.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

/* Everything read lives in the arena, and is not checked (transaction_check(), outcome_check(),
 * amendment_check()). ERROR_INVALID: not such a message. ERROR_TOO_LARGE: over
 * the arena's limit. */
int message_decode_transaction(const void *bytes, size_t length, struct arena *arena,
                               struct transaction *ret_transaction, struct error *ret_error);
int message_decode_outcome(const void *bytes, size_t length, struct arena *arena,
                           struct outcome *ret_outcome, struct error *ret_error);
int message_decode_amendment(const void *bytes, size_t length, struct arena *arena,
                             struct amendment *ret_amendment, struct error *ret_error);

/* Appends to the buffer. scratch: used and reset. */
void message_encode_decision(const struct decision *decision, struct arena *scratch,
                             struct buffer *buffer);
