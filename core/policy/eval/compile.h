/* Checked syntax → a program. */
#pragma once

#include "core/policy/lang/syntax.h"
#include "expression.h"

/* The expression and all it needs live in the arena; the lists it reads must live as long. Never
 * fails: the checker has reported whatever can be wrong with an expression. */
const struct expression *expression_build(const struct syntax *syntax, struct arena *arena);
/* Without a prefilter: for what prefilters are made of, and for comparing them with it. */
const struct expression *expression_build_plain(const struct syntax *syntax, struct arena *arena);
/* Evaluates checked syntax that does not read the frame: the argument of prefilter_build(). */
struct value expression_fold(const struct syntax *syntax, struct arena *arena);
