/* A transaction as members of a JSON object, named and typed as `harrier score` reads them in JSON
 * lines (docs/CLI.md). It need not have passed transaction_check(): a refused one is kept like
 * this. The transaction that is read again is the same one or, where JSON has no words for a value,
 * none: such a value is an object that says why, which the reader refuses by the field's name.
 *
 *   "card":{"masked":"************1111"}    it looks like a card number
 *   "merchant":{"not_text":"caf\ufffd"}     it is not UTF-8, or has a NUL
 *   "ratio":{"not_a_number":"nan"}          it is not finite
 *   "limit":{"missing":true}                an attribute without a value
 *
 * A time that RFC 3339 has no words for is a number, in microseconds, and refused likewise. An
 * attribute that is an empty text is "", which readers take for an absent one. */
#pragma once

#include "core/base/buffer.h"
#include "transaction.h"

#include <stdbool.h>

/* Which values may be card numbers in clear. type: of the attribute as it was sent;
 * ATTRIBUTE_NONE: it is a field that every policy knows, not an attribute. */
struct card_masking {
    bool (*is_clear)(const struct card_masking *self, struct text name, enum attribute_type type);
};

/* Appends the members to an object that has been begun. masking NULL: nothing is masked, as what
 * is in an archive was accepted. */
void transaction_json_add(struct buffer *buffer, const struct transaction *transaction,
                          const struct card_masking *masking);

/* One attribute as a member of an object that has been begun. */
void transaction_json_add_attribute(struct buffer *buffer, const struct attribute *attribute);
