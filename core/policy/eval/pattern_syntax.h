/* What RE2 understands, of what PCRE2 does. */
#pragma once

#include "pattern.h"

#include <stdbool.h>

struct pattern_syntax {
    struct text rewritten; /* in the arena: x+ as xx*, x{n,} as x{n}x*, for PCRE2's DFA matcher
                            * tells the first apart by how often it has matched: a state for each
                            * character of the text */
    uint32_t states;       /* characters to match, repetitions written out */
    uint32_t lasting; /* those that may be waited at for long: what is repeated, alternatives */
};

/* False when the pattern has something that RE2 does not have, or has another meaning there;
 * *ret_diagnostic says what. What is no pattern at all may pass: PCRE2 says so. */
bool pattern_syntax_read(struct text source, struct arena *arena, struct pattern_syntax *ret_syntax,
                         struct pattern_diagnostic *ret_diagnostic);
