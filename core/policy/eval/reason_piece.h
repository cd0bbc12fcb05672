/* A part of a sentence that a policy declares: words, or a value between them. */
#pragma once

#include "core/base/text.h"

struct expression;

/* Reason texts are literal pieces with values between them: "{card.count_10m} in 10 minutes". */
struct reason_piece {
    struct text literal;                 /* when expression is NULL */
    const struct expression *expression; /* value printed with value_format() */
};
