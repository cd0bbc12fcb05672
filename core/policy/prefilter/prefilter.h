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

#include "core/base/value.h"

enum prefilter_answer { PREFILTER_NO, PREFILTER_YES, PREFILTER_MAYBE, PREFILTER_ABSENT };

struct prefilter;

/* NULL: PREFILTER_MAYBE. */
enum prefilter_answer prefilter_answer(const struct prefilter *prefilter,
                                       const struct value *frame);
/* The same of the condition's value: PREFILTER_NO says that it is false, PREFILTER_ABSENT that it
 * is absent. */
enum prefilter_answer prefilter_value(const struct prefilter *prefilter, const struct value *frame);

/* What all of it comes to, however many jumps that takes. PREFILTER_ABSENT where it is PREFILTER_NO
 * and an absent value made a test fail. */
enum prefilter_answer prefilter_follow(const struct prefilter *prefilter,
                                       const struct value *frame);
