/* The members of a JSON object as bytes: to take some out, and add some, without touching a byte of
 * the others. Each object given here must have been parsed before: these functions only look for
 * brackets, quotes and commas. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends the object without the members whose names are to be removed. A name is compared as it is
 * written, so one with escapes is another. */
void json_members_remove(struct buffer *buffer, struct text object,
                         bool (*is_removed)(struct text name));

/* Where further members go: behind the last one, in front of the spaces and the closing bracket.
 * *ret_is_empty: there is none, so no comma is needed. Removing what was added there gives the same
 * bytes again. */
size_t json_members_end(struct text object, bool *ret_is_empty);
