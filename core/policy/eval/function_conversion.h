/* Functions that convert between types. Private to policy/. */
#pragma once

#include "function_apply.h"

/* A VALUE_TIMESTAMP or VALUE_DURATION within the calendar's range, or EXPRESSION_OVERFLOW.
 * overflow: computing `us` has overflowed already. */
struct value function_time_value(enum value_type type, bool overflow, int64_t us);

APPLY(bool_from_text);
APPLY(int_from_double);
APPLY(int_from_text);
APPLY(int_from_timestamp);
APPLY(double_from_int);
APPLY(double_from_text);
APPLY(text_from_value);
APPLY(timestamp_from_text);
APPLY(timestamp_from_int);
APPLY(duration_from_text);
