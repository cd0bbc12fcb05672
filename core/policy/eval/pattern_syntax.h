/* What RE2 understands, of what PCRE2 does. */
#pragma once

#include "core/base/arena.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define PATTERN_SOURCE_MAX  512u  /* bytes */
#define PATTERN_STATES_MAX  200u  /* characters to match, repetitions written out */
#define PATTERN_SUBJECT_MAX 1024u /* bytes */

struct pattern_diagnostic {
    size_t offset, length; /* in the pattern */
    char text[200];
};

struct pattern_syntax {
    struct text rewritten; /* in the arena: x+ as xx*, x{n,} as x{n}x*, because PCRE2's DFA
                            * matcher counts the repetitions of the first form: a state for each
                            * character of the text */
    uint32_t states;       /* characters to match, repetitions written out */
    uint32_t lasting; /* those that may be waited at for long: what is repeated, alternatives */
};

/* False when the pattern has something that RE2 does not have, or has another meaning there;
 * *ret_diagnostic says what. What is not a pattern at all may pass: PCRE2 says so. */
bool pattern_syntax_read(struct text source, struct arena *arena, struct pattern_syntax *ret_syntax,
                         struct pattern_diagnostic *ret_diagnostic);
