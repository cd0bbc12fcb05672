/* The rows of a sample count as often as those that they stand for. So bins are cut over the rows,
 * and then counted by weight. */
#include "train.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <time.h>

static void count_weights(const struct train_rows *rows, const double *values,
                          struct model_bins *bins, struct arena *arena) {
    uint64_t *counts = arena_calloc(arena, model_bins_count(bins), sizeof *counts);
    check(counts);
    for (size_t i = 0; i < rows->count; i++)
        counts[model_bins_of(bins, values[i])] += (uint64_t)rows->rows[i].weight;
    bins->counts = counts;
}

/* values: of each row; scratch: room for as many. */
static void make_bins(const struct train_rows *rows, struct text name, const double *values,
                      double *scratch, struct arena *arena, struct model_bins *ret_bins) {
    memcpy(scratch, values, rows->count * sizeof *scratch);
    model_bins_make(name, scratch, rows->count, arena, ret_bins);
    count_weights(rows, values, ret_bins, arena);
}

static struct text time_text(struct arena *arena, int64_t us) {
    time_t seconds = (time_t)(us / 1000000 - (us % 1000000 < 0));
    struct tm tm;
    char string[32];
    gmtime_r(&seconds, &tm);
    strftime(string, sizeof string, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_text(arena, text_of(string));
}

void train_reference_write(const struct train_options *options, const struct train_learned *learned,
                           struct buffer *out) {
    const struct train_rows *rows = &learned->rows;
    const struct model_shape *shape = model_shape(options->model->model);
    struct arena arena;
    arena_init(&arena, SIZE_MAX / 4);
    double *values = check_calloc(2 * rows->count + 1, sizeof *values);
    double *scratch = values + rows->count;
    struct model_bins *inputs = arena_calloc(&arena, rows->input_count, sizeof *inputs);
    struct model_reference reference = {.from = time_text(&arena, rows->first_us),
                                        .until = time_text(&arena, rows->last_us + 1000000),
                                        .inputs = inputs,
                                        .input_count = rows->input_count};
    check(inputs);
    for (size_t i = 0; i < rows->count; i++)
        reference.rows += (uint64_t)rows->rows[i].weight;
    for (size_t k = 0; k < rows->input_count; k++) {
        for (size_t i = 0; i < rows->count; i++)
            values[i] = rows->values[i * rows->input_count + k];
        make_bins(rows, shape->inputs[k], values, scratch, &arena, &inputs[k]);
    }
    make_bins(rows, (struct text){0}, learned->margins, scratch, &arena, &reference.score);
    model_reference_write(&reference, out);
    free(values);
    arena_deinit(&arena);
}
