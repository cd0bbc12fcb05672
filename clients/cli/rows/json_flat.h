/* JSON objects whose values are plain, as nearly all records of a stream are: read in one pass over
 * the bytes, without a tree. What is not plain is left to jansson, which has the last word on what
 * is JSON and says what is wrong. Both give the same cells (test_json_flat.c). */
#pragma once

#include "cell.h"
#include "core/base/arena.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>

#define JSON_FLAT_MEMBERS_MAX 48

/* Which wanted column each member of the last object was: records of one producer are alike. Begins
 * with zeros; belongs to one list of wanted columns. */
struct json_flat {
    size_t columns[JSON_FLAT_MEMBERS_MAX];
};

/* The members that are wanted → cells, parallel to `wanted`; CELL_ABSENT: the object lacks it.
 * Texts are copied into the arena. False: the object is not plain, and the cells are undefined.
 * Plain is an object of at most JSON_FLAT_MEMBERS_MAX members with
 *
 *   names, texts   of printable ASCII without escapes; no name twice, and none of refused rows
 *                  (reject_column.h)
 *   numbers        integers of up to 18 digits; or fractions of up to 40 characters without
 * exponent else           true, false, null
 *
 * and in which a member `object_name` (may be NULL), whose own members are wanted, is absent. */
bool json_flat_read(struct json_flat *flat, struct text object, const struct text *wanted,
                    size_t wanted_count, const char *object_name, struct arena *arena,
                    struct cell *cells);

/* The shortest decimal that is the same double, without an exponent where it is short: programs
 * write 0.00001 as 1e-05, which is no less exact. */
struct text json_flat_decimal(struct arena *arena, double number);
