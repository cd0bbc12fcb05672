/* What the expressions of fuzz targets can name: fields, features, computed values and lists of
 * every type, and a frame of values for them. */
#pragma once

#include "target.h"

#include "core/policy/lang/scope.h"

#define NAMES_SLOTS 24

/* Once; the scope is the same afterwards for every expression. */
const struct scope *names_start(void);

/* A value for each slot as bytes describe them: absent, an error, a special or an ordinary one.
 * Texts are clean and lie in the cursor's bytes. */
void names_make_frame(struct cursor *cursor, struct value *ret_frame);

/* The sources of tests/cases/expressions, each with `prefix` in front, as seeds; those only that
 * accept() takes. */
void names_add_cases(struct seeds *seeds, const char *root, const void *prefix, size_t prefix_size,
                     bool (*accept)(const uint8_t *bytes, size_t size));
