/* A condition over features alone, asked about many rows at once.
 *
 * A program that runs row by row spends most of its time on finding out what to do next. Here that
 * is found out once for up to VECTOR_CONDITION_MOST rows: each instruction goes through all of
 * them. What comes out is no answer for every row, only which of them the condition is surely not
 * true for, and surely no error either; the others are for expression_eval(). A value that is
 * missing, an integer that overflows, a condition of any other kind: all of that is left to it. */
#pragma once

#include "core/base/value.h"
#include "core/policy/eval/expression.h"

#include <stddef.h>
#include <stdint.h>

#define VECTOR_CONDITION_MOST 64

/* Where the values of a row's names are: that of slot first + i at place places[i] of the row;
 * SIZE_MAX: not there. */
struct row_places {
    size_t first, count;
    const size_t *places;
};

struct vector_condition;

/* NULL: nothing can be told of it that way. */
struct vector_condition *vector_condition_new(const struct expression *expression,
                                              const struct row_places *places);
void vector_condition_free(struct vector_condition *condition); /* NULL is allowed */

/* Row i's values begin at values[i × stride]. Bit i: the condition may be true for it, or fail. */
uint64_t vector_condition_open(const struct vector_condition *condition, const struct value *values,
                               size_t stride, size_t rows);
