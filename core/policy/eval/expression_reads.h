/* Which slots of the frame an expression reads: for explanations and for binding no more than
 * needed. */
#pragma once

#include "expression.h"

#include <stdbool.h>

/* Sets reads[slot] of every slot of the frame that the expression may read; thresholds' tables are
 * among them. slot_count flags; those that are set already stay so. */
void expression_reads(const struct expression *expression, bool *reads, size_t slot_count);
