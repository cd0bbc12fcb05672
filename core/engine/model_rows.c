/* Transactions that wait to be judged, because models take much less time for many of them at once
 * (core/model/model_batch.c).
 *
 * Each has a frame of its own, which is in the place of the live judge's while it is prepared, and
 * again from engine_judge_prepared() on. Nothing is computed twice, and nothing is moved: what a
 * row's frame has that belongs to the policy (thresholds, lists) is copied from the judge's own
 * frame only after it may have changed. */
#include "scratch.h"

#include "core/base/check.h"

#include <stdlib.h>

_Static_assert(ENGINE_ROWS_MAX == MODEL_ROWS_MAX, "rows that a model is evaluated for at once");

/* What one model is given in all rows. */
struct model_inputs {
    struct model_batch *batch;
    double *inputs;                       /* [row × input_count] */
    double *margins;                      /* [row × output_count] */
    struct value errors[ENGINE_ROWS_MAX]; /* of rows that have no inputs */
    uint64_t failed;                      /* bit i: row i has none */
};

struct model_rows {
    struct bound own;           /* the judge's; its frame while no row's is in its place */
    struct bound *bounds;       /* [row] */
    struct value *frames;       /* [row × slot_count] */
    bool are_frames_current;    /* they have the thresholds and lists of the judge's own */
    struct decision *decisions; /* [row]: as far as they are */
    struct arena arena;         /* texts of all rows */
    size_t end;                 /* rows from there on are not prepared */
    bool are_evaluated;
    struct model_inputs *models; /* parallel to the rules' */
};

bool engine_prepares(const struct engine *engine) {
    bool gains = false;
    for (size_t i = 0; i < engine->rules->model_count; i++) {
        const struct model_shape *shape = model_shape(engine->rules->models[i].model);
        gains |= !shape->has_categories && !shape->is_linear; /* others take rows one by one */
    }
    return gains && engine->shadow_count == 0 && engine->given_count == 0;
}

static void inputs_init(struct model_inputs *inputs, const struct model *model) {
    const struct model_shape *shape = model_shape(model);
    inputs->batch = model_batch_new(model);
    inputs->inputs =
        check_calloc(ENGINE_ROWS_MAX * (shape->input_count + 1), sizeof *inputs->inputs);
    inputs->margins = check_calloc(ENGINE_ROWS_MAX * shape->output_count, sizeof *inputs->margins);
}

/* memory: most bytes of one row. */
static struct model_rows *rows_new(const struct engine *engine, size_t memory) {
    const struct snapshot *rules = engine->rules;
    struct model_rows *rows = check_calloc(1, sizeof *rows);
    rows->own = engine->live.layout.bound;
    rows->bounds = check_calloc(ENGINE_ROWS_MAX, sizeof *rows->bounds);
    rows->frames = check_calloc(ENGINE_ROWS_MAX * rules->slot_count, sizeof *rows->frames);
    rows->decisions = check_calloc(ENGINE_ROWS_MAX, sizeof *rows->decisions);
    for (size_t i = 0; i < ENGINE_ROWS_MAX; i++) {
        struct bound *bound = &rows->bounds[i];
        *bound = (struct bound){.frame = rows->frames + i * rules->slot_count,
                                .integers = rows->own.integers, /* that judging does not read */
                                .texts = check_calloc(1, sizeof *bound->texts)};
        arena_init(bound->texts, SCHEMA_TEXTS_MAX);
    }
    arena_init(&rows->arena, ENGINE_ROWS_MAX * memory);
    rows->models = check_calloc(rules->model_count, sizeof *rows->models);
    for (size_t i = 0; i < rules->model_count; i++)
        inputs_init(&rows->models[i], rules->models[i].model);
    return rows;
}

void model_rows_free(struct engine *engine) {
    struct model_rows *rows = engine->model_rows;
    if (!rows)
        return;
    model_rows_leave(engine);
    for (size_t i = 0; i < engine->rules->model_count; i++) {
        model_batch_free(rows->models[i].batch);
        free(rows->models[i].inputs);
        free(rows->models[i].margins);
    }
    free(rows->models);
    for (size_t i = 0; i < ENGINE_ROWS_MAX; i++) {
        arena_deinit(rows->bounds[i].texts);
        free(rows->bounds[i].texts);
    }
    free(rows->bounds);
    free(rows->frames);
    free(rows->decisions);
    arena_deinit(&rows->arena);
    free(rows);
    engine->model_rows = NULL;
}

void model_rows_leave(struct engine *engine) {
    if (engine->model_rows)
        engine->live.layout.bound = engine->model_rows->own;
}

void model_rows_forget(struct engine *engine) {
    model_rows_leave(engine);
    if (engine->model_rows)
        engine->model_rows->are_frames_current = false;
}

static void begin_anew(struct engine *engine) {
    struct model_rows *rows = engine->model_rows;
    size_t slots = engine->rules->slot_count;
    for (size_t i = 0; i < ENGINE_ROWS_MAX && !rows->are_frames_current; i++)
        memcpy(rows->bounds[i].frame, rows->own.frame, slots * sizeof *rows->own.frame);
    rows->are_frames_current = true;
    arena_reset(&rows->arena);
    for (size_t i = 0; i < engine->rules->model_count; i++)
        rows->models[i].failed = 0;
    rows->end = 0;
    rows->are_evaluated = false;
}

struct arena *model_rows_enter(struct engine *engine, size_t row, size_t memory) {
    check(row < ENGINE_ROWS_MAX);
    if (!engine->model_rows)
        engine->model_rows = rows_new(engine, memory);
    struct model_rows *rows = engine->model_rows;
    if (row < rows->end || rows->end == 0 || rows->are_evaluated)
        begin_anew(engine);
    engine->live.layout.bound = rows->bounds[row];
    return &rows->arena;
}

void model_rows_keep(struct engine *engine, size_t row, const struct decision *decision) {
    struct model_rows *rows = engine->model_rows;
    rows->decisions[row] = *decision;
    rows->end = row + 1;
    for (size_t i = 0; i < engine->rules->model_count; i++) {
        const struct policy_model *model = &engine->rules->models[i];
        struct model_inputs *inputs = &rows->models[i];
        double *own = inputs->inputs + row * model_shape(model->model)->input_count;
        if (!policy_model_inputs(model, rows->bounds[row].frame, &rows->arena, own,
                                 &inputs->errors[row]))
            inputs->failed |= UINT64_C(1) << row;
    }
}

/* Rows between that are not prepared have some inputs, too: those of an earlier row. */
static void evaluate(struct engine *engine) {
    struct model_rows *rows = engine->model_rows;
    for (size_t i = 0; i < engine->rules->model_count; i++) {
        struct model_inputs *inputs = &rows->models[i];
        model_margins_of_rows(engine->rules->models[i].model, inputs->batch, inputs->inputs,
                              rows->end, inputs->margins);
    }
    rows->are_evaluated = true;
}

struct decision model_rows_take(struct engine *engine, size_t row) {
    struct model_rows *rows = engine->model_rows;
    check(rows && row < rows->end);
    if (!rows->are_evaluated)
        evaluate(engine);
    engine->live.layout.bound = rows->bounds[row];
    for (size_t i = 0; i < engine->rules->model_count; i++) {
        const struct policy_model *model = &engine->rules->models[i];
        const struct model_shape *shape = model_shape(model->model);
        const struct model_inputs *inputs = &rows->models[i];
        struct value *values = &rows->bounds[row].frame[model->slot];
        double *scratch = engine->live.model_rows[i];
        if (inputs->failed >> row & 1)
            policy_model_fail(model, inputs->errors[row], scratch, values);
        else
            policy_model_finish(model, inputs->inputs + row * shape->input_count,
                                inputs->margins + row * shape->output_count, scratch, values);
    }
    return rows->decisions[row];
}
