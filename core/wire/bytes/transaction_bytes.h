/* Message Transaction of harrier.proto by the fast reader and writer (reading.h, writing.h).
 * Internal to core/wire. */
#pragma once

#include "core/base/arena.h"
#include "core/wire/types/transaction.h"
#include "reading.h"

/* *transaction is zeroed by the caller; texts stay in the bytes. false: leave the message to the
 * generated code. */
bool transaction_read(struct reading reading, struct arena *arena, struct transaction *transaction);

/* An upper bound of its bytes, with its own tag and length. */
size_t transaction_room(const struct transaction *transaction);
/* As field `number` of another message, ending at `at` (writing.h). */
uint8_t *transaction_write(const struct transaction *transaction, uint32_t number, uint8_t *at);
