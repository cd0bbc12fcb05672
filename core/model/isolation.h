/* Isolation forests: anomaly scores without labels (Liu, Ting and Zhou, "Isolation Forest", ICDM
 * 2008). Each tree splits a sample of rows at random until rows stand alone; a row that needs few
 * splits is unlike the others. With h the splits above the leaf where a row ends, n the rows that
 * the leaf had, and E the mean over the trees:
 *
 *   c(n)    mean path length of a search in a binary tree of n rows: 0 for 1, 1 for 2, else
 *           2 (ln(n − 1) + 0.5772156649015329) − 2 (n − 1) / n
 *   margin  −E(h + c(n)) / c(sample)
 *   score   2^margin, from 0 to 1: about 0.5 is usual, near 1 is not
 *
 * The file is a JSON object:
 *
 *   format    "isolation-forest"
 *   version   1
 *   sample    rows that each tree was grown from, at least 2
 *   inputs    their names
 *   trees     objects of arrays with one element for each node; the root is the first:
 *     left          the node of the left child, behind its parent; the right child is the one
 *                   after it. -1: a leaf
 *     input         which input is split on, from 0; of a leaf, anything
 *     limit         values below it go left; of a leaf, anything
 *     missing_left  1: a missing value goes left, 0: right; of a leaf, anything
 *     rows          rows of the sample that came here: as many as in both children together
 *
 * Other members are notes, and ignored. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stdint.h>

#define ISOLATION_SAMPLE_MAX 1000000u

struct isolation_options {
    size_t trees;  /* 1 to MODEL_TREES_MAX */
    size_t sample; /* rows for each tree, drawn without repetition; of fewer rows, all */
    size_t depth;  /* no more splits above a leaf; 0: the logarithm of the sample, rounded up */
    uint64_t seed;
};
#define ISOLATION_DEFAULTS ((struct isolation_options){.trees = 100, .sample = 256, .seed = 1})

/* rows: row_count × input_count doubles, row by row, NaN where one is missing; ±∞ counts as the
 * greatest double. A missing value follows the greater part of the node's other rows, so that being
 * missing isolates nothing. Appends the file. The same arguments give the same bytes on every
 * machine. Pure. Fails when there are fewer than 2 rows, or options are out of range. */
int isolation_train(const double *rows, size_t row_count, const struct text *inputs,
                    size_t input_count, const struct isolation_options *options,
                    struct buffer *file, struct error *ret_error);

/* c(n) above. */
double isolation_mean_path(double n);
