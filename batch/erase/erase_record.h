/* One record: does it have a value that is to be removed, and what is left of it then? */
#pragma once

#include "erase_keys.h"
#include "erase_policies.h"

struct erase_record {
    struct erase_keys *keys;
    const struct erase_policies *policies;
    const struct text *personal; /* fields that go with a person, and are no key of any entity */
    size_t personal_count;
    uint64_t policies_kept; /* records of policies whose files hold a value: they stay */
};

/* Is the record, which has no transaction, to be changed? Those that have one are asked with
 * erase_record_concerns(). */
bool erase_record_is_rare_hit(struct erase_record *self, const struct record *record);
/* Has the transaction a value that is to be removed? */
bool erase_record_concerns(const struct erase_record *self, const struct transaction *transaction);
/* Appends the payload of what is left of the record. 0: the record stays as it is; 1. The arena has
 * the record. ERROR_TOO_LARGE. */
int erase_record_rewrite(struct erase_record *self, const struct record *record,
                         struct arena *arena, struct buffer *ret_payload, struct error *ret_error);
