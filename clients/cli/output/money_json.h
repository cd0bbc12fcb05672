/* Sums of money, and what amendments did to it, in reports for programs. */
#pragma once

#include "batch/base/amendment_tally.h"
#include "core/base/buffer.h"

/* 128 bits, in decimal. */
void money_json_add_sum(struct buffer *out, const char *key, amendment_sum sum);
/* An object with a member for each kind, and without_amount. */
void money_json_add_amendments(struct buffer *out, const char *key,
                               const struct amendment_tally *tally);
