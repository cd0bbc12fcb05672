/* Generates expressions from bytes, well-typed by construction, so that most pass the checker. */
#pragma once

#include "target.h"

#include "core/policy/lang/scope.h"

/* Appends the source of an expression of this type to `source`. Every byte string gives one. */
void maker_expression(struct cursor *cursor, const struct scope *scope, type_code type,
                      struct buffer *source);
