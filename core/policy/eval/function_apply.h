/* What the functions on texts, addresses, lists and maps and the conversions do: apply() of their
 * rows in the table of function_table.c. Private to policy/. */
#pragma once

#include "expression.h"
#include "function.h"

static inline struct value error_value(enum expression_error code) {
    return (struct value){.type = VALUE_ERROR, .error_code = code};
}

/* Room for `count` values, with none in it yet; NULL when the arena has none. */
struct value_items *function_new_items(size_t count, struct arena *arena);
/* The map's value of this key; NULL when it is not there. */
const struct value *function_find_key(const struct value_items *map, const struct value *key);
static inline struct value function_items_value(enum value_type type,
                                                const struct value_items *items) {
    return (struct value){.type = type, .items = items};
}

/* A VALUE_TIMESTAMP or VALUE_DURATION within the calendar's range, or the error that it is not. */
struct value function_time_value(enum value_type type, bool overflow, int64_t us);

#define APPLY(name) struct value function_##name(const struct value *a, struct arena *arena)
APPLY(concatenate);
APPLY(text_size);
APPLY(contains);
APPLY(starts_with);
APPLY(ends_with);
APPLY(lower_ascii);
APPLY(upper_ascii);
APPLY(trim);
APPLY(char_at);
APPLY(substring_to_end);
APPLY(substring);
APPLY(index_of);
APPLY(index_of_from);
APPLY(last_index_of);
APPLY(last_index_of_from);
APPLY(replace);
APPLY(replace_some);

APPLY(network);
APPLY(email_domain);

APPLY(split);
APPLY(split_some);
APPLY(join);
APPLY(join_with);
APPLY(join_lists);
APPLY(list_size);
APPLY(map_size);

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
#undef APPLY
