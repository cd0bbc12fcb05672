/* One record: does it have a value that is to be removed, and what is left of it then? */
#pragma once

#include "erase_keys.h"
#include "erase_policies.h"

#include "core/wire/bytes/list_part.h"
#include "core/wire/bytes/threshold_set.h"

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
/* An entry of a list, as tables have it. */
enum erased_addition { ADDITION_STAYS, ADDITION_CHANGED, ADDITION_GOES };
enum erased_addition erase_record_addition(const struct erase_record *self, struct text list,
                                           struct list_addition *addition);
/* Removes groups of a threshold; false: there are none. */
bool erase_record_groups(const struct erase_record *self, struct threshold_values *threshold,
                         struct arena *arena);
/* Is it the key of such a group? declared: the threshold; NULL: no policy declares it, and any part
 * counts. */
bool erase_record_is_group(const struct erase_record *self, const struct erase_threshold *declared,
                           size_t key_count, struct text key);
/* Appends the payload of what is left of the record. 0: the record stays as it is; 1. The arena has
 * the record. ERROR_TOO_LARGE. */
int erase_record_rewrite(struct erase_record *self, const struct record *record,
                         struct arena *arena, struct buffer *ret_payload, struct error *ret_error);
