/* A cheap test in front of a condition.
 *
 * Most rules do not fire, and mostly because of one plain comparison: a count that is too low, an
 * amount that is too small. A prefilter is the part of a condition that compares names with
 * constants or with each other, as a handful of tests with jumps between them. It answers
 *
 *    PREFILTER_NO     the condition is false or absent: the rule does not fire, and does not fail
 *    PREFILTER_YES    it is true
 *    PREFILTER_MAYBE  evaluate it
 *
 * and never contradicts expression_eval(). This is sound because && and || absorb errors and absent
 * values in either order: one operand of && that is false or absent keeps the whole from being true
 * and from being an error, whatever the others are. */
#pragma once

#include "core/base/value.h"

enum prefilter_answer { PREFILTER_NO, PREFILTER_YES, PREFILTER_MAYBE, PREFILTER_ABSENT };

struct prefilter;

/* Does the condition hold? prefilter NULL: PREFILTER_MAYBE. Pure; needs no memory. */
enum prefilter_answer prefilter_answer(const struct prefilter *prefilter,
                                       const struct value *frame);
/* The same of the condition's value: PREFILTER_NO says that it is false, PREFILTER_ABSENT that it
 * is absent. */
enum prefilter_answer prefilter_value(const struct prefilter *prefilter, const struct value *frame);

/* Follows the tests to the end. PREFILTER_ABSENT instead of PREFILTER_NO when an absent value made
 * a test fail. Not for NULL. */
enum prefilter_answer prefilter_follow(const struct prefilter *prefilter,
                                       const struct value *frame);
