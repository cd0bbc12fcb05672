/* The scope of the fuzz targets' expressions: fields, features, computed values and lists of every
 * type, and frames of values for them. */
#pragma once

#include "target.h"

#include "core/policy/lang/scope.h"

#define NAMES_SLOTS 24

/* Call once. The scope is the same for every expression and lives until the process ends. */
const struct scope *names_start(void);

/* Makes NAMES_SLOTS values from bytes: absent, errors, limits and ordinary values. Texts are clean
 * and point into the cursor's bytes. */
void names_make_frame(struct cursor *cursor, struct value *ret_frame);

/* Adds the expressions of tests/cases/expressions as seeds, with `prefix` in front of each, unless
 * accept() refuses them. */
void names_add_cases(struct seeds *seeds, const char *root, const void *prefix, size_t prefix_size,
                     bool (*accept)(const uint8_t *bytes, size_t size));
