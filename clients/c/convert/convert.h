/* What callers send: structs of harrier.h as structs of core/wire.
 *
 * The arrays are allocated in the arena; the strings are not copied and stay the caller's. Both
 * must live until the request is encoded. Values are not validated beyond what could not be
 * converted: the server has the rules, and message_encode_rest() checks the counts. */
#pragma once

#include "clients/c/harrier_analyst.h"

#include "core/base/arena.h"
#include "core/wire/message/message.h"

/* Fails when a transaction has too many attributes. */
int transactions_from_public(const struct harrier_transaction *in, size_t count,
                             struct arena *arena, const struct transaction **ret_transactions,
                             struct harrier_error *ret_error);

/* Likewise. */
int backfill_from_public(const struct harrier_backfill_item *in, size_t count, struct arena *arena,
                         const struct backfill_item **ret_items, struct harrier_error *ret_error);

/* NULL when count is over the limit of a message, which encoding reports. */
const struct amendment *amendments_from_public(const struct harrier_amendment *in, size_t count,
                                               struct arena *arena);
const struct outcome *outcomes_from_public(const struct harrier_outcome *in, size_t count,
                                           struct arena *arena);
const struct list_change *list_changes_from_public(const struct harrier_list_change *in,
                                                   size_t count, struct arena *arena);

/* Texts are the caller's, and the keys go to `keys`. Fails for a key that names no field, and for
 * too many keys. */
int find_from_public(const struct harrier_find_query *in, struct find_key keys[FIELD_COUNT],
                     struct find_query *ret_query, struct harrier_error *ret_error);

/* Absent when traceparent is NULL or not valid by W3C Trace Context, version 00: a bad trace id
 * must not fail a payment. */
struct text traceparent_from_public(const char *traceparent);
