/* Bounds of a model's JSON file, checked before it is parsed: each value takes memory before
 * anything can be said of it. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

/* As many values, objects and arrays as a file in UBJ may have (ubj.h). */
int json_size_check(struct text file, struct error *ret_error);
