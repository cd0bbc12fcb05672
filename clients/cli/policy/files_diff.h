/* The difference between two policies as `diff -ru` prints it: unified, three lines of context,
 * files by path. `patch -p1` in the first policy's folder makes the second of it. */
#pragma once

#include "core/base/buffer.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stddef.h>

/* One side. Files are in the order of their paths. */
struct diff_side {
    const char *label; /* the first part of all paths */
    const struct policy_file *files;
    size_t count;
};

#define FILES_DIFF_LINES_MAX 10000u /* changed lines of one file that are shown unless in_full */

/* Appends the text and returns how many files differ; one that only one side has differs. Of a file
 * with a NUL in it, of one with more changed lines than are shown, and of one with more lines than
 * line_diff.h compares, a line says that it differs. */
size_t files_diff_write(const struct diff_side *a, const struct diff_side *b, bool in_full,
                        struct buffer *out);
