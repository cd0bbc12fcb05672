/* A line of a list's file: VALUE [until DATE] [# comment]. */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>

/* What a line has, pointing into it, without blanks around: the value is empty for a line without
 * one. has_until: the word "until" is there, at `word`, whatever follows it. */
struct list_line {
    struct text value, word, until;
    bool has_until;
};
struct list_line list_line_split(struct text line);

/* A space, a tab, or the carriage return of a line's end. */
static inline bool list_line_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}
