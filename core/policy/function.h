/* The functions and operators of expressions, one row per combination of types. Comparisons, `in`,
 * the logical operators and has() are the evaluator's own. */
#pragma once

#include "../base/arena.h"
#include "../base/text.h"
#include "../base/value.h"

#include <stdbool.h>

#define FUNCTION_PARAMETERS_MAX 3
#define FUNCTION_TEXT_MAX       4096u /* bytes of a text that an expression builds */

enum function_form {
    FUNCTION_OPERATOR, /* a + b; with one parameter: −a */
    FUNCTION_GLOBAL,   /* name(a) */
    FUNCTION_METHOD,   /* a.name(b) */
};

struct function {
    const char *name;
    enum function_form form;
    size_t parameter_count; /* a method's receiver is the first */
    enum value_type parameters[FUNCTION_PARAMETERS_MAX];
    enum value_type result;
    /* Called with values of exactly these types. Returns the result or VALUE_ERROR. */
    struct value (*apply)(const struct value *arguments, struct arena *arena);
};

/* NULL when there is no such combination. */
const struct function *function_find(struct text name, enum function_form form,
                                     const enum value_type *types, size_t count);

bool function_exists(struct text name, enum function_form form);

/* For messages: all rows in turn, NULL behind the last. */
const struct function *function_at(size_t index);

/* What CEL has and this subset does not (yet): "matches", "exists", "uint", … */
bool function_is_later(struct text name);

/* Order of two values of the same type or of an int and a double: −1, 0, 1, or 2 when they are not
 * ordered (NaN). Numbers compare by their exact mathematical values. */
int value_order(struct value a, struct value b);
