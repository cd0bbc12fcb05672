/* Message Transaction of harrier.proto, read and written by hand. Internal to core/wire. */
#pragma once

#include "core/base/arena.h"
#include "core/wire/types/transaction.h"
#include "reading.h"

/* *transaction is zeroed, texts stay where they lie. false: it takes the generated code to know. */
bool transaction_read(struct reading reading, struct arena *arena, struct transaction *transaction);

/* The most bytes it can take, with what comes before the message itself. */
size_t transaction_room(const struct transaction *transaction);
/* As field `number` of another message, ending at `at` (writing.h). */
uint8_t *transaction_write(const struct transaction *transaction, uint32_t number, uint8_t *at);
