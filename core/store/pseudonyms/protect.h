/* Pseudonyms in place of protected fields, before anything else looks at them: whoever takes
 * transactions or questions from outside calls this first. What is behind it has no clear values:
 * recognising, deciding, the archive, files of refused transactions.
 *
 * The policy's schema says which fields; `keys` are never NULL where it protects any
 * (protect_needs_keys()). Pure; memory comes from the arena. */
#pragma once

#include "core/base/arena.h"
#include "core/policy/load/snapshot.h"
#include "pseudonym_keys.h"

/* Does the policy protect anything, so that writing under it needs keys? */
bool protect_needs_keys(const struct snapshot *rules);
/* The error of that: names a field and what to do. `option` is how keys are given. */
int protect_missing_keys(const struct snapshot *rules, const char *option, struct error *ret_error);

/* Takes the attributes that are taken from clear values, then replaces the values of protected
 * fields. A value that already has the form of a pseudonym is refused unless the schema accepts
 * them; then its key must be one of `keys` and in force at the event time. ERROR_INVALID:
 * *ret_field is the field; no protected value is left in the transaction then either, so it may be
 * logged. ERROR_TOO_LARGE: the arena is full. What is not about protected fields is left to
 * transaction_check(). */
int protect_transaction(const struct schema *schema, const struct pseudonym_keys *keys,
                        struct transaction *transaction, struct arena *arena,
                        struct text *ret_field, struct error *ret_error);

/* What a question asks for by value: replaces it, unless it is a pseudonym already, by the key of
 * this time. domain empty: it is no protected value. ERROR_INVALID, ERROR_TOO_LARGE. */
int protect_value(struct text domain, const struct pseudonym_keys *keys, int64_t time_us,
                  struct arena *arena, struct text *value, struct error *ret_error);

/* The same by one key. The value is clear. */
int protect_value_by(struct text domain, const struct pseudonym_key *key, struct arena *arena,
                     struct text *value, struct error *ret_error);

/* What the pseudonyms of this text field are of; empty: it is not protected. */
struct text protect_domain(const struct schema *schema, enum transaction_field field);
