/* What all functions' apply() have in common: their prototype, as the table of function_table.c
 * has it, and their errors. Private to policy/. */
#pragma once

#include "expression.h"
#include "function.h"

#define APPLY(name) struct value function_##name(const struct value *a, struct arena *arena)

static inline struct value error_value(enum expression_error code) {
    return (struct value){.type = VALUE_ERROR, .error_code = code};
}
