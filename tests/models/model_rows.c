/* Evaluates a model on rows of another program: `model_rows FORMAT MODEL ROWS [contributions]`.
 *
 * ROWS has the inputs as doubles, NaN for missing. For each row, the margins and then what
 * predict() makes of them (NaN where the objective has nothing) go to standard output, as doubles.
 * Stops where rows in batches are not evaluated to the same bits.
 */
#include "core/base/check.h"
#include "core/model/contributions.h"
#include "core/model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct text read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) < 0) {
        perror(path);
        exit(1);
    }
    size_t size = (size_t)ftell(file);
    char *bytes = check_malloc(size + 1);
    rewind(file);
    check(fread(bytes, 1, size, file) == size);
    fclose(file);
    return (struct text){.data = bytes, .length = size};
}

static enum model_format format_of(const char *name) {
    return strcmp(name, "lightgbm") == 0           ? MODEL_LIGHTGBM
           : strcmp(name, "xgboost-ubj") == 0      ? MODEL_XGBOOST_UBJ
           : strcmp(name, "onnx") == 0             ? MODEL_ONNX
           : strcmp(name, "isolation-forest") == 0 ? MODEL_ISOLATION
                                                   : MODEL_XGBOOST_JSON;
}

static void put_predictions(const struct model *model, double *margins) {
    size_t count = model_shape(model)->output_count;
    if (model_shape(model)->link == FOREST_LINK_NONE)
        for (size_t i = 0; i < count; i++)
            margins[i] = NAN;
    else
        model_predict(model, margins);
    fwrite(margins, sizeof *margins, count, stdout);
}

static void put_contributions(const struct model *model, const double *inputs, double *scratch) {
    double contributions[MODEL_INPUTS_MAX + 1];
    for (size_t i = 0; i < model_shape(model)->output_count; i++) {
        contributions_of_row(model, inputs, i, scratch, contributions);
        fwrite(contributions, sizeof *contributions, model_shape(model)->input_count + 1, stdout);
    }
}

/* Some rows, each by itself; all at once must give the same bits. */
static void put_rows(const struct model *model, const double *inputs, size_t rows,
                     struct model_batch *batch, double *columns) {
    static double of_all[MODEL_ROWS_MAX * MODEL_OUTPUTS_MAX];
    const struct model_shape *shape = model_shape(model);
    size_t size = shape->output_count * sizeof(double);
    model_margins_of_rows(model, batch, inputs, rows, of_all);
    for (size_t i = 0; i < rows; i++) {
        double margins[MODEL_OUTPUTS_MAX];
        model_margins(model, inputs + i * shape->input_count, columns, margins);
        check(memcmp(margins, &of_all[i * shape->output_count], size) == 0);
        fwrite(margins, 1, size, stdout);
        put_predictions(model, margins);
    }
}

int main(int argc, char **argv) {
    struct arena arena;
    struct error error;
    struct model *model;
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: model_rows FORMAT MODEL ROWS [contributions]\n");
        return 64;
    }
    struct text file = read_file(argv[2]), rows = read_file(argv[3]);
    arena_init(&arena, SIZE_MAX / 4);
    if (model_read(format_of(argv[1]), file, &arena, &model, &error) < 0) {
        fprintf(stderr, "%s: %s\n", argv[2], error.text);
        return 1;
    }
    const struct model_shape *shape = model_shape(model);
    size_t count = rows.length / sizeof(double) / shape->input_count;
    double *inputs = check_calloc(count * shape->input_count + 1, sizeof *inputs);
    double *columns = check_calloc(contributions_scratch(model) + 1, sizeof *columns);
    struct model_batch *batch = model_batch_new(model);
    memcpy(inputs, rows.data, count * shape->input_count * sizeof *inputs);
    for (size_t i = 0; i < count && argc == 5; i++)
        put_contributions(model, &inputs[i * shape->input_count], columns);
    for (size_t i = 0; i < count && argc == 4; i += MODEL_ROWS_MAX)
        put_rows(model, &inputs[i * shape->input_count],
                 count - i < MODEL_ROWS_MAX ? count - i : MODEL_ROWS_MAX, batch, columns);
    model_batch_free(batch);
    free(inputs);
    free(columns);
    free((void *)(uintptr_t)file.data);
    free((void *)(uintptr_t)rows.data);
    arena_deinit(&arena);
    return fflush(stdout) == 0 ? 0 : 1;
}
