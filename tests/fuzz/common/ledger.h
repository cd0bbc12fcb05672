/* The naive side of a stream of records: every payment of every card and every pair of card and
 * merchant, kept for ever (tests/unit/feature/naive_model.h), and the value that a feature must
 * have. */
#pragma once

#include "drawn_policy.h"

struct ledger;

struct ledger *ledger_new(void);
/* Empty again, for another policy, which must outlive its use. */
void ledger_begin(struct ledger *ledger, const struct drawn_policy *policy);

/* Is the transaction so late that features of this entity may miss something? */
bool ledger_is_late(const struct ledger *ledger, enum drawn_entity entity,
                    const struct transaction *transaction);
/* Is it what the feature must be for this transaction, which is not in the ledger yet? If not, says
 * so in `complaint`. */
bool ledger_agrees(struct ledger *ledger, size_t feature, const struct transaction *transaction,
                   struct value value, char *complaint, size_t size);

void ledger_pay(struct ledger *ledger, const struct transaction *transaction);
void ledger_label(struct ledger *ledger, const struct transaction *transaction, enum label label);
/* previous and now: the amount that counts, -1: the transaction is voided. */
void ledger_amend(struct ledger *ledger, const struct transaction *transaction,
                  int64_t previous_minor, int64_t now_minor);
