/* What can be told of a condition at a glance.
 *
 * Most rules do not fire, and mostly because of one plain comparison: a count that is too low, an
 * amount that is too small. A screen is the part of a condition that compares names with constants
 * or with each other, as a handful of tests with jumps between them. It answers
 *
 *   SCREEN_NO     the condition is false or absent: the rule does not fire, and does not fail
 *   SCREEN_YES    it is true
 *   SCREEN_MAYBE  evaluate it
 *
 * and never anything that expression_eval() would not. What makes that possible is that && and ||
 * absorb errors and absent values in either order: one operand of && that is false or absent keeps
 * the whole from being true and from being an error, whatever the others are. */
#pragma once

#include "../base/arena.h"
#include "../base/value.h"

struct syntax; /* syntax.h */

enum screen_answer { SCREEN_NO, SCREEN_YES, SCREEN_MAYBE, SCREEN_ABSENT };

struct screen;

/* Of a checked condition; NULL when nothing can be told. It lives in the arena. */
const struct screen *screen_build(const struct syntax *condition, struct arena *arena);

/* NULL: SCREEN_MAYBE. */
enum screen_answer screen_answer(const struct screen *screen, const struct value *frame);
/* The same of the condition's value: SCREEN_NO says that it is false, SCREEN_ABSENT that it is
 * absent. */
enum screen_answer screen_value(const struct screen *screen, const struct value *frame);

/* The screens of many conditions (NULL: none), in runs of 64. Many of them need the same test, as
 * that of `online && …`: it is looked at once. They live in the arena. */
struct screen_set;
#define SCREEN_SET_RUN 64u
const struct screen_set *screen_set_build(const struct screen *const *screens, size_t count,
                                          struct arena *arena);
/* Bit i: the answer to condition run × 64 + i may be another than SCREEN_NO. Of those, *ret_sure
 * are SCREEN_YES whatever screen_answer() would take to say so. */
uint64_t screen_set_open(const struct screen_set *set, size_t run, const struct value *frame,
                         uint64_t *ret_sure);
/* Likewise: SCREEN_YES; *ret_maybe: SCREEN_MAYBE; the others are SCREEN_NO. */
uint64_t screen_set_answer(const struct screen_set *set, size_t run, const struct value *frame,
                           uint64_t *ret_maybe);
