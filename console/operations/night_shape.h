/* Is a file of a night what it should be? The page shows what is in it, so everything that it reads
 * is of the type that docs/schema says; anything else is told, with the member's name. */
#pragma once

#include "core/base/error.h"

#include <jansson.h>

/* Members, each a path and a type after its colon: s text, n number, N number or null, b true or
 * false; [] goes into each element of an array. What "?" stands behind may be missing. */
extern const char *const night_report_shape[], *const night_thresholds_shape[]; /* NULL ends them */

/* ERROR_DAMAGED names the first member that is not so. */
int night_shape_check(const json_t *object, const char *const *shape, struct error *ret_error);
