/* What the checker suggests to write instead: "" when nothing is obvious. Texts live in scratch. */
#pragma once

#include "core/policy/lang/syntax.h"

static inline bool is_numeric(enum value_type type) {
    return type == VALUE_INT || type == VALUE_DOUBLE;
}

/* For a constant whose type does not fit `other`. Other nodes have no hint. */
const char *hint_for_constant(struct arena *scratch, const struct syntax *constant,
                              enum value_type other);
/* For one of two operands that do not fit each other. */
const char *hint_for_pair(struct arena *scratch, const struct syntax *left,
                          const struct syntax *right);
/* The same where a conversion would do. */
const char *hint_for_arithmetic(struct arena *scratch, const struct syntax *left,
                                const struct syntax *right);
