/* struct transaction → the struct that libharrier sends. */
#pragma once

#include "clients/c/harrier.h"
#include "core/base/arena.h"
#include "core/wire/types/transaction.h"

#include <stdbool.h>

/* Points into the transaction, whose texts must each have a NUL behind them (arena_text()), and
 * into the arena. False: the arena's limit is reached. */
bool outgoing_transaction(const struct transaction *transaction, struct arena *arena,
                          struct harrier_transaction *ret_outgoing);
