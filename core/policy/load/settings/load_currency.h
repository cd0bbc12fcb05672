/* Currencies in a policy's files, wherever one is named. Private to policy/. */
#pragma once

#include "core/policy/load/load.h"

/* Reads an ISO 4217 code and the digits of its minor unit. Hints name the policy's own currencies
 * first. `what`: the key, for messages. False when something was reported. */
bool load_currency(const struct reader *reader, const struct tree_node *node, const char *what,
                   const struct schema *schema, char ret_code[4], uint8_t *ret_digits);
/* Can transactions be in this currency: is there a rate to the base currency? Reports when not. */
bool load_currency_has_rate(const struct load *load, const struct reader *reader,
                            const struct tree_node *node, const char currency[4]);
