/* What a model's inputs and its score looked like in training: a histogram of each, in a file
 * beside the model's own. Later values are counted in the same bins, and the population stability
 * index (stability.h) of both counts says how far they have drifted.
 *
 *   {"format": "harrier-reference-1", "rows": 120000,
 *    "from": "2025-01-01T00:00:00Z", "until": "2025-07-01T00:00:00Z",
 *    "inputs": [{"name": "amount", "missing": 12, "edges": [0, 9.5, 80], "counts": [0, 4, …]}, …],
 *    "score": {"missing": 0, "edges": […], "counts": […]}}
 *
 * Edges are finite and ascend. k edges make k + 1 bins: a value v falls into bin i with
 * edges[i−1] ≤ v < edges[i]; the first and last bin are open. NaN is missing and has a bin of its
 * own. The score is the model's margin; of a model with classes, that of one class. `from` and
 * `until` say when the rows were; they may be left out, and are only shown here. */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stddef.h>
#include <stdint.h>

#define MODEL_REFERENCE_FORMAT    "harrier-reference-1"
#define MODEL_REFERENCE_EDGES_MAX 31
#define MODEL_REFERENCE_BINS_MAX  (MODEL_REFERENCE_EDGES_MAX + 2) /* with the one of missing */
#define MODEL_REFERENCE_BYTES_MAX (2u << 20)
#define MODEL_REFERENCE_ROWS_MAX  UINT64_C(1000000000000)

struct model_bins {
    struct text name;    /* of the input; the score has none */
    const double *edges; /* [edge_count] */
    size_t edge_count;
    const uint64_t *counts; /* [edge_count + 2]: missing, then the bins */
};

struct model_reference {
    uint64_t rows; /* the sum of the counts of each */
    struct text from, until;
    const struct model_bins *inputs;
    size_t input_count;
    struct model_bins score;
};

/* The bytes may be anything. Everything is in `arena`. ERROR_INVALID, ERROR_TOO_LARGE: which part
 * is wrong, and what was expected. */
int model_reference_read(struct text file, struct arena *arena,
                         struct model_reference *ret_reference, struct error *ret_error);
/* Appends the file's text, which ends with a newline. */
void model_reference_write(const struct model_reference *reference, struct buffer *out);

/* Bins for these values, NaN where one is missing; they are sorted in place. Up to twenty different
 * values have a bin each; more are cut where each bin has at least a tenth of them. One bin more on
 * each side counts what is outside of the range: it is empty here. The name is kept, not copied. */
void model_bins_make(struct text name, double *values, size_t count, struct arena *arena,
                     struct model_bins *ret_bins);

/* With missing: of counts like those of the reference. */
static inline size_t model_bins_count(const struct model_bins *bins) {
    return bins->edge_count + 2;
}
/* Where in such counts the value belongs. */
size_t model_bins_of(const struct model_bins *bins, double value);

/* The population stability index of these counts against training. 0: there are none. */
double model_bins_drift(const struct model_bins *bins, const uint64_t *counts);
