/* How a row counts: its class and its amount. */
#pragma once

#include "core/policy/load/snapshot.h"
#include "core/wire/types/transaction.h"
#include "report_tally.h"

/* Transactions that are later than immature_from_us are immature, whatever is known of them: frauds
 * are known first, so those among them would make fraud look too frequent. */
enum report_class report_class_of(enum label label, int64_t at_us, int64_t immature_from_us);

/* How to read amounts in one currency from rows of one policy. */
struct report_amount {
    const char *currency; /* as of report_amount_of() */
    size_t slot;          /* in the frame; SIZE_MAX: no amount in this currency */
    double minor_per_major;
};

/* currency must live as long as the result. */
struct report_amount report_amount_of(const struct snapshot *snapshot, const char *currency);

/* In minor units of the currency. One sent in that currency is used as it is; another one was
 * converted for the rules, so the frame has it in major units. That value is a whole number below
 * 10^13 divided by a power of ten, so multiplying and rounding gives back exactly that number.
 * false: there is none. */
bool report_amount_read(const struct report_amount *amount, const struct transaction *transaction,
                        const struct value *frame, int64_t *ret_minor);
