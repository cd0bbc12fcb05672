/* Expressions out of bytes: well-typed by construction, so that most get past the checker. */
#pragma once

#include "target.h"

#include "core/policy/lang/scope.h"

/* Appends the source of an expression of this type. Every byte string makes one. */
void maker_expression(struct cursor *cursor, const struct scope *scope, type_code type,
                      struct buffer *source);
