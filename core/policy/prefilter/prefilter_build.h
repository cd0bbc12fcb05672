/* From a checked condition to its prefilter. */
#pragma once

#include "core/base/arena.h"
#include "core/base/value.h"
#include "core/policy/lang/syntax.h"
#include "prefilter.h"

/* Evaluates a part of a condition that reads neither the frame nor a macro's variable. The compiler
 * passes itself: it builds prefilters, and prefilters are built below it. */
typedef struct value prefilter_fold(const struct syntax *node, struct arena *arena);

/* NULL when no part of the condition can be tested. It lives in the arena; lists must live as long.
 */
const struct prefilter *prefilter_build(const struct syntax *condition, prefilter_fold *fold,
                                        struct arena *arena);
