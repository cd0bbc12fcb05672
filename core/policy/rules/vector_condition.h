/* A condition over features alone, evaluated for many rows at once.
 *
 * A program that runs row by row spends most of its time on dispatch. Here each instruction is
 * dispatched once for up to VECTOR_CONDITION_MOST rows. The result is not an answer for every row,
 * only the rows for which the condition may be true or may fail; for the others it is surely
 * neither. A missing value, an integer overflow or any other doubt puts a row among the former,
 * which are for expression_eval(). */
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

/* NULL: the condition does anything but arithmetic and logic on numbers and bools. */
struct vector_condition *vector_condition_new(const struct expression *expression,
                                              const struct row_places *places);
void vector_condition_free(struct vector_condition *condition); /* NULL is allowed */

/* Row i's values begin at values[i × stride]. Bit i: the condition may be true for it, or fail. */
uint64_t vector_condition_open(const struct vector_condition *condition, const struct value *values,
                               size_t stride, size_t rows);
