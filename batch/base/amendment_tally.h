/* Amendments counted by kind, with their money, for reports. */
#pragma once

#include "core/policy/load/schema.h"
#include "core/wire/record/record.h"

#include <stdint.h>

__extension__ typedef __int128 amendment_sum; /* minor units of a policy's base currency */

struct amendment_tally {
    /* Of a void what was taken and not refunded until then, of a restore likewise; of a capture
     * what it adds to the amount before, which may be negative; of a refund what it adds to those
     * before. */
    amendment_sum amounts[AMENDMENT_KIND_COUNT];
    uint64_t counts[AMENDMENT_KIND_COUNT];
    uint64_t without_amount; /* none, or in a currency without a rate */
};

/* schema: has the base currency; NULL: no amounts. A record that takes several amendments at once,
 * as a replay in the order of event times makes up, counts for each kind. */
void amendment_tally_add(struct amendment_tally *tally, const struct schema *schema,
                         const struct amendment_record *record);
void amendment_tally_merge(struct amendment_tally *tally, const struct amendment_tally *more);
