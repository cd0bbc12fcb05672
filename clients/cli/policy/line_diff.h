/* Which lines of two texts differ: the shortest edit, by Myers' algorithm in linear space ("An
 * O(ND) difference algorithm and its variations", 1986). Lines that only one of the texts has are
 * set aside first, which changes no result and makes a rewritten file cheap.
 *
 * Where the texts differ in very many places, the edit is right, but may be longer than necessary:
 * time stays proportional to the length of the texts. */
#pragma once

#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>

#define LINE_DIFF_LINES_MAX 4000000u /* of both texts together */

/* One text's lines, each with its line feed; only the last one may lack it. They point into the
 * text. */
struct diff_lines {
    struct text *lines;
    bool *is_changed; /* removed from the first text, or added in the second */
    size_t count, changed;
};

/* The lines that are not changed are the same in both, in the same order. */
struct line_diff {
    struct diff_lines a, b;
};

/* false: the texts have too many lines, and there is nothing to deinit. */
bool line_diff_make(struct text a, struct text b, struct line_diff *ret_diff);
void line_diff_deinit(struct line_diff *diff);
