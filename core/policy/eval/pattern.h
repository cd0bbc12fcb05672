/* Regular expressions, as CEL's matches() defines them: RE2's syntax, matched without backtracking.
 *
 * The syntax is checked by us (pattern_syntax.c), so that what RE2 does not have is refused, and
 * compiled and matched by PCRE2, whose DFA matcher goes through the text once and follows all ways
 * through the pattern side by side: its time grows with the text's length and at most with the
 * square of the pattern's states, and no text can make it explode. */
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"
#include "pattern_syntax.h"

#include <stdint.h>

#define PATTERN_USUAL_SUBJECT 128u /* bytes; as long as the fields of a transaction can be */

struct pattern; /* all of it lives in the arena it was compiled in */

/* NULL when it is not a valid pattern; *ret_diagnostic says why. */
const struct pattern *pattern_compile(struct text source, struct arena *arena,
                                      struct pattern_diagnostic *ret_diagnostic);

/* Does it match somewhere in the text? 1 or 0, or −1 when the text is longer than
 * PATTERN_SUBJECT_MAX. Pure; needs no memory but its stack. */
int pattern_matches(const struct pattern *pattern, struct text subject);

/* What matching a text of PATTERN_USUAL_SUBJECT bytes takes, in steps of cost.h. */
uint32_t pattern_steps(const struct pattern *pattern);
