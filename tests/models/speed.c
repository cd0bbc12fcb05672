/* How long a model takes: `model_speed FORMAT MODEL ROWS [ROUNDS]`. ROWS as for model_rows.
 *
 * Nanoseconds a row, the best of several rounds: a plain loop over nodes as a straightforward
 * program has it, one row at a time, 64 rows at once, and contributions. */
#include "core/base/check.h"
#include "core/model/contributions.h"
#include "core/model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the plain loop ---- */

/* The reader's nodes, in the order of the file, with missing values asked about at each split. */
static double plain_margin(const struct forest *forest, const double *inputs) {
    float sum = (float)forest->base[0];
    double wide = forest->base[0];
    for (size_t i = 0; i < forest->tree_count; i++) {
        const struct forest_node *nodes = &forest->nodes[forest->trees[i].first_node];
        size_t at = 0;
        while (nodes[at].test != FOREST_LEAF) {
            const struct forest_node *node = &nodes[at];
            double x = inputs[node->input];
            bool left = isnan(x)                    ? node->default_left
                        : node->test == FOREST_LESS ? (float)x < (float)node->value
                                                    : x <= node->value;
            at = left ? node->left : node->right;
        }
        sum += (float)nodes[at].value;
        wide += nodes[at].value;
    }
    return forest->is_float ? (double)sum : wide;
}

/* ---- measuring ---- */

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

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

struct job {
    const struct forest *forest;
    const struct model *model;
    struct model_batch *batch;
    const double *inputs;
    size_t rows;
    double *margins, *scratch;
};

static void run_plain(const struct job *job) {
    for (size_t i = 0; i < job->rows; i++)
        job->margins[i] =
            plain_margin(job->forest, &job->inputs[i * model_shape(job->model)->input_count]);
}
static void run_single(const struct job *job) {
    for (size_t i = 0; i < job->rows; i++)
        model_margins(job->model, &job->inputs[i * model_shape(job->model)->input_count],
                      job->scratch, &job->margins[i]);
}
static void run_batch(const struct job *job) {
    for (size_t i = 0; i + MODEL_ROWS_MAX <= job->rows; i += MODEL_ROWS_MAX)
        model_margins_of_rows(job->model, job->batch,
                              &job->inputs[i * model_shape(job->model)->input_count],
                              MODEL_ROWS_MAX, &job->margins[i]);
}
static void run_contributions(const struct job *job) {
    double *contributions = job->scratch + contributions_scratch(job->model);
    for (size_t i = 0; i < job->rows; i += 16)
        contributions_of_row(job->model, &job->inputs[i * model_shape(job->model)->input_count], 0,
                             job->scratch, contributions);
}

static double measure(const struct job *job, void (*run)(const struct job *), size_t rounds) {
    double best = HUGE_VAL;
    for (size_t round = 0; round < rounds; round++) {
        struct job part = *job; /* little at a time, so that some are not interrupted */
        part.rows = MODEL_ROWS_MAX * 4;
        for (; part.inputs < job->inputs + job->rows * model_shape(job->model)->input_count;
             part.inputs += part.rows * model_shape(job->model)->input_count) {
            double begin = now_ns();
            run(&part);
            double ns = (now_ns() - begin) / (double)part.rows;
            best = ns < best ? ns : best;
        }
    }
    return best;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: model_speed FORMAT MODEL ROWS [ROUNDS]\n");
        return 64;
    }
    struct arena arena;
    struct error error;
    struct forest forest;
    struct model *model;
    struct text file = read_file(argv[2]), rows = read_file(argv[3]);
    int (*read)(struct text, struct forest *, struct error *) =
        strcmp(argv[1], "lightgbm") == 0      ? lightgbm_read
        : strcmp(argv[1], "xgboost-ubj") == 0 ? xgboost_read_ubj
                                              : xgboost_read_json;
    arena_init(&arena, SIZE_MAX / 4);
    forest_init(&forest, &arena);
    if (read(file, &forest, &error) < 0 || model_new(&forest, &arena, &model, &error) < 0) {
        fprintf(stderr, "%s: %s\n", argv[2], error.text);
        return 1;
    }
    const struct model_shape *shape = model_shape(model);
    check(shape->output_count == 1);
    struct job job = {.forest = &forest,
                      .model = model,
                      .batch = model_batch_new(model),
                      .inputs = (const double *)(const void *)rows.data,
                      .rows = rows.length / sizeof(double) / shape->input_count / 256 * 256,
                      .margins = check_calloc(rows.length, sizeof(double)),
                      .scratch = check_calloc(contributions_scratch(model) + shape->input_count + 2,
                                              sizeof(double))};
    size_t rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : 20;
    double plain = measure(&job, run_plain, rounds);
    double single = measure(&job, run_single, rounds);
    double batch = measure(&job, run_batch, rounds);
    double contributions = measure(&job, run_contributions, 1) * 16;
    printf("%.1f %.1f %.1f %.1f\n", plain, single, batch, contributions);
    return 0;
}
