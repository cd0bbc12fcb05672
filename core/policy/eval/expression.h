/* Conditions and computed values: a typed, total subset of CEL (docs/POLICY.md).
 *
 * Source → lexer → parser → type checker → a flat program that reads a frame of values. Every
 * expression ends; its worst-case cost is known when it is compiled. */
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/base/value.h"
#include "core/policy/lang/expression_error.h"
#include "core/policy/lang/type.h"

#include <stdbool.h>
#include <stdint.h>

const char *expression_error_name(enum expression_error error); /* "overflow", … */

/* Bytes of lists and texts that one evaluation may build, its temporary ones included. The arena
 * must have so many left, or an evaluation may fail sooner. */
#define EXPRESSION_MEMORY_MAX ((size_t)512 << 10)
/* Most bytes that an evaluation leaves in the arena when its value is not a list or map. */
#define EXPRESSION_LEFT_MAX ((size_t)2 * 4096 + 64)

struct expression; /* lives in its snapshot */
struct prefilter;

/* Evaluates. Absent names make the result absent and run-time errors make it VALUE_ERROR, but &&
 * and || absorb both when the other side decides (CEL's commutative logic). Texts live in the
 * frame, the snapshot or the arena. Pure. */
struct value expression_eval(const struct expression *expression, const struct value *frame,
                             struct arena *arena);

/* The same without its prefilter, for callers that have asked it already. */
struct value expression_run(const struct expression *expression, const struct value *frame,
                            struct arena *arena);
/* The condition's prefilter (prefilter.h); NULL: none. Lives as long as the expression. */
const struct prefilter *expression_prefilter(const struct expression *expression);

/* Is its value a true bool? */
bool expression_is_true(const struct expression *expression, const struct value *frame,
                        struct arena *arena);

/* Is it network(name, v4_bits, v6_bits) and nothing else? */
struct expression_network {
    size_t slot; /* of the name, a text */
    unsigned v4_bits, v6_bits;
};
bool expression_is_network(const struct expression *expression,
                           struct expression_network *ret_network);

/* Are both the same program, so that they give the same value for every frame? May be false for
 * expressions that are equal in another way. */
bool expression_is_same(const struct expression *a, const struct expression *b);

type_code expression_type(const struct expression *expression);
/* Worst case, in the steps of cost.h. */
uint32_t expression_cost(const struct expression *expression);
