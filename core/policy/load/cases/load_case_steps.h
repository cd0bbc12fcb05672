/* The history of a case and the transaction that is decided after it. Private to policy/. */
#pragma once

#include "load_case_transaction.h"

/* "transaction" and "history" (NULL: none). False when something was reported. */
bool case_read_steps(struct case_loader *loader, const struct tree_node *transaction,
                     const struct tree_node *history, struct policy_case *ret_case);
