/* Functions on lists and maps, and between texts and lists. Private to policy/. */
#pragma once

#include "function_apply.h"

/* Room for `count` values, with none in it yet; NULL when the arena has none. */
struct value_items *function_new_items(size_t count, struct arena *arena);
static inline struct value function_items_value(enum value_type type,
                                                const struct value_items *items) {
    return (struct value){.type = type, .items = items};
}

APPLY(split);
APPLY(split_some);
APPLY(join);
APPLY(join_with);
APPLY(join_lists);
APPLY(list_size);
APPLY(map_size);
