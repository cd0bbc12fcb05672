/* Errors on their way out of the library. */
#pragma once

#include "core/base/error.h"

#include <string.h>

/* error: HARRIER_SPARK_ERROR bytes. Returns the result. */
static inline int library_fail(const struct error *from, int result, char *error) {
    memcpy(error, from->text, sizeof from->text);
    return result;
}
