/* A transaction with its decision, as the page's lists show it. */
#pragma once

#include "core/base/buffer.h"
#include "core/wire/types/decision.h"
#include "core/wire/types/transaction.h"

/* Appends an object: position, id, time, received, amount ("57.16", or minor units if the currency
 * has no known digits), currency, verdict, score, reasons, entities. */
void row_json_add(struct buffer *out, const struct transaction *transaction,
                  const struct decision *decision, uint64_t position, int64_t receive_time_us);
/* Appends an array of objects: rule, text, score, shadow. Only reasons with effect, unless all. */
void row_json_add_reasons(struct buffer *out, const char *key, const struct decision *decision,
                          bool all);
/* Appends an object: those fields of the transaction that name somebody or something whose history
 * is worth a look. */
void row_json_add_entities(struct buffer *out, const char *key,
                           const struct transaction *transaction);
