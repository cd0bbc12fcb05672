/* What can go wrong while an expression runs. */
#pragma once

enum expression_error {
    EXPRESSION_OVERFLOW = 1,     /* of an int, or of a conversion */
    EXPRESSION_DIVISION_BY_ZERO, /* int / 0, int % 0 */
    EXPRESSION_BAD_ARGUMENT,     /* a function's argument is outside its range */
    EXPRESSION_TOO_LARGE,        /* a text or list over its limit */
    EXPRESSION_NO_SUCH_KEY,      /* m[key] of a map without it */
    EXPRESSION_OUT_OF_RANGE,     /* l[index] after a list's end */
    EXPRESSION_REPEATED_KEY,     /* {a: …, b: …} where a and b are equal */
    EXPRESSION_ERROR_COUNT
};
