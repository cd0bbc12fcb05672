/* Target: the file of a model.
 *
 *   input  byte 0: the format; the file
 *
 * It must be refused with a printable message, or give a model that can be evaluated: its margins
 * are numbers, the same every time and in a batch, and the contributions of its inputs add up to
 * them. */
#include "common/target.h"
#include "core/model/contributions.h"
#include "core/model/ubj.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPLITS_MAX                                                                                 \
    20000 /* that contributions are computed for: their cost grows with the depth                  \
           */

#define MODEL_FORMATS ((uint8_t)MODEL_ISOLATION + 1) /* the last one */

static struct arena arena;

void target_start(void) {
    arena_init(&arena, (size_t)1 << 28);
}

static void check_contributions(const struct model *model, const double *inputs, double *scratch,
                                double margin, size_t output) {
    const struct model_shape *shape = model_shape(model);
    double *contributions = calloc(shape->input_count + 1, sizeof *contributions), sum = 0,
           size = 1;
    contributions_of_row(model, inputs, output, scratch, contributions);
    for (size_t i = 0; i <= shape->input_count; i++) {
        sum += contributions[i];
        size += fabs(contributions[i]);
    }
    free(contributions);
    /* Covers that differ by many orders of magnitude leave few digits. */
    property(fabs(sum - margin) <= 1e-3 * size || isinf(size), "sum of contributions");
}

#define BATCH 10

/* Rows of ends of what numbers are, each by itself and all at once. */
static void check_batch(const struct model *model, double *scratch) {
    static const double edges[] = {HUGE_VAL, -HUGE_VAL, 1e300, -1e300,    1e-40, -0.0,
                                   0x1p24,   NAN,       0.5,   0x1p-1074, -1,    65535};
    static double all[BATCH * MODEL_OUTPUTS_MAX], one[MODEL_OUTPUTS_MAX];
    const struct model_shape *shape = model_shape(model);
    struct model_batch *batch = model_batch_new(model);
    double *inputs = calloc(BATCH * shape->input_count + 1, sizeof *inputs);
    for (size_t i = 0; i < BATCH * shape->input_count; i++)
        inputs[i] = edges[i * 7 % (sizeof edges / sizeof *edges)];
    model_margins_of_rows(model, batch, inputs, BATCH, all);
    for (size_t row = 0; row < BATCH; row++) {
        model_margins(model, &inputs[row * shape->input_count], scratch, one);
        property(memcmp(one, &all[row * shape->output_count], shape->output_count * sizeof *one) ==
                     0,
                 "margins of a batch");
    }
    model_batch_free(batch);
    free(inputs);
}

static void check_model(const struct model *model) {
    const struct model_shape *shape = model_shape(model);
    double margins[MODEL_OUTPUTS_MAX], again[MODEL_OUTPUTS_MAX];
    double *inputs = calloc(shape->input_count, sizeof *inputs);
    double *scratch = calloc(contributions_scratch(model) + 1, sizeof *scratch);
    for (size_t row = 0; row < 3; row++) {
        for (size_t i = 0; i < shape->input_count; i++)
            inputs[i] = row == 0 || (i + row) % 5 == 0 ? NAN : (double)(i * row) - 2;
        model_margins(model, inputs, scratch, margins);
        model_margins(model, inputs, scratch, again);
        property(memcmp(margins, again, shape->output_count * sizeof *margins) == 0, "margins");
        for (size_t k = 0; k < shape->output_count; k++) {
            if (shape->is_linear && !isfinite(margins[k])) /* a product is missing or too great */
                continue;
            property(isfinite(margins[k]), "margin %g", margins[k]);
            if (shape->has_covers && contributions_steps(model) < SPLITS_MAX)
                check_contributions(model, inputs, scratch, margins[k], k);
        }
        if (shape->link != FOREST_LINK_NONE)
            model_predict(model, margins);
    }
    check_batch(model, scratch);
    free(inputs);
    free(scratch);
}

bool target_run(const uint8_t *bytes, size_t size) {
    struct model *model;
    struct error error;
    arena_reset(&arena);
    if (size == 0)
        return false;
    const struct text file = {.data = (const char *)bytes + 1, .length = size - 1};
    if (model_read((enum model_format)(*bytes % MODEL_FORMATS), file, &arena, &model, &error) < 0) {
        property(error.text[0] && text_is_clean(text_of(error.text), NULL), "message");
        return false;
    }
    check_model(model);
    return true;
}

/* More objects and arrays than a file may have. */
static void add_brackets(struct seeds *seeds) {
    size_t size = UBJ_CONTAINERS_MAX + 2;
    char *bytes = malloc(size);
    property(bytes, "out of memory");
    memset(bytes, '[', size);
    bytes[0] = (char)MODEL_XGBOOST_JSON;
    seeds->add_any(seeds, bytes, size);
    free(bytes);
}

void target_seeds(struct seeds *seeds, const char *root) {
    static const struct {
        const char *name;
        enum model_format format;
    } files[] = {
        {"xgboost.json", MODEL_XGBOOST_JSON},
        {"xgboost_categories.ubj", MODEL_XGBOOST_UBJ},
        {"xgboost_classes.ubj", MODEL_XGBOOST_UBJ},
        {"lightgbm.txt", MODEL_LIGHTGBM},
        {"lightgbm_categories.txt", MODEL_LIGHTGBM},
        {"lightgbm_regression.txt", MODEL_LIGHTGBM},
        {"onnx_boosting.onnx", MODEL_ONNX},
        {"onnx_forest.onnx", MODEL_ONNX},
        {"onnx_logistic.onnx", MODEL_ONNX},
        {"onnx_linear.onnx", MODEL_ONNX},
        {"onnx_lightgbm.onnx", MODEL_ONNX},
        {"onnx_covers.onnx", MODEL_ONNX},
        {"onnx_catboost.onnx", MODEL_ONNX},
        {"onnx_branches.onnx", MODEL_ONNX},
        {"onnx_sums.onnx", MODEL_ONNX},
        {"onnx_pair.onnx", MODEL_ONNX},
        {"isolation.iforest", MODEL_ISOLATION},
    };
    static char bytes[1 << 16];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/tests/golden/models/%s", root, files[i].name);
        FILE *file = fopen(path, "rb");
        property(file, "%s cannot be read", path);
        bytes[0] = (char)files[i].format;
        size_t size = fread(bytes + 1, 1, sizeof bytes - 1, file);
        fclose(file);
        seeds->add(seeds, bytes, size + 1);
    }
    add_brackets(seeds);
}
