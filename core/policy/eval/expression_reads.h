/* Which slots of the frame an expression reads: for explanations and for binding no more than
 * needed. */
#pragma once

#include "core/policy/lists/list.h"
#include "expression.h"

#include <stdbool.h>

/* Sets reads[slot] of every slot of the frame that the expression may read; thresholds' tables are
 * among them. slot_count flags; those that are set already stay so. */
void expression_reads(const struct expression *expression, bool *reads, size_t slot_count);
/* Sets reads[i] of every lists[i] that the expression looks something up in. */
void expression_reads_lists(const struct expression *expression, const struct list *lists,
                            size_t list_count, bool *reads);
