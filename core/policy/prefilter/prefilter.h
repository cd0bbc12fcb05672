/* What can be told of a condition at a glance.
 *
 * Most rules do not fire, and mostly because of one plain comparison: a count that is too low, an
 * amount that is too small. A prefilter is the part of a condition that compares names with
 * constants or with each other, as a handful of tests with jumps between them. It answers
 *
 *   PREFILTER_NO     the condition is false or absent: the rule does not fire, and does not fail
 *   PREFILTER_YES    it is true
 *   PREFILTER_MAYBE  evaluate it
 *
 * and never anything that expression_eval() would not. What makes that possible is that && and ||
 * absorb errors and absent values in either order: one operand of && that is false or absent keeps
 * the whole from being true and from being an error, whatever the others are. */
#pragma once

#include "core/base/arena.h"
#include "core/base/value.h"

struct syntax; /* syntax.h */

enum prefilter_answer { PREFILTER_NO, PREFILTER_YES, PREFILTER_MAYBE, PREFILTER_ABSENT };

struct prefilter;

/* Of a checked condition; NULL when nothing can be told. It lives in the arena. */
const struct prefilter *prefilter_build(const struct syntax *condition, struct arena *arena);

/* NULL: PREFILTER_MAYBE. */
enum prefilter_answer prefilter_answer(const struct prefilter *prefilter,
                                       const struct value *frame);
/* The same of the condition's value: PREFILTER_NO says that it is false, PREFILTER_ABSENT that it
 * is absent. */
enum prefilter_answer prefilter_value(const struct prefilter *prefilter, const struct value *frame);

/* The prefilters of many conditions (NULL: none), in runs of 64. Many of them need the same test,
 * as that of `online && …`: it is looked at once. They live in the arena. */
struct prefilter_set;
#define PREFILTER_SET_RUN 64u
const struct prefilter_set *prefilter_set_build(const struct prefilter *const *prefilters,
                                                size_t count, struct arena *arena);
/* Bit i: the answer to condition run × 64 + i may be another than PREFILTER_NO. Of those, *ret_sure
 * are PREFILTER_YES whatever prefilter_answer() would take to say so. */
uint64_t prefilter_set_open(const struct prefilter_set *set, size_t run, const struct value *frame,
                            uint64_t *ret_sure);
/* Likewise: PREFILTER_YES; *ret_maybe: PREFILTER_MAYBE; the others are PREFILTER_NO. */
uint64_t prefilter_set_answer(const struct prefilter_set *set, size_t run,
                              const struct value *frame, uint64_t *ret_maybe);
