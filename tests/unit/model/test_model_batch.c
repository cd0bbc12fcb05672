/* Random forests of every depth, in floats and in doubles: many rows at once give the bits that one
 * row gives. Inputs are limits of the trees, their neighbours, and the ends of what floats hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/check.h"
#include "core/model/model.h"
#include "tests/split_mix.h"
#include "tests/unit/asked.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS 5
#define LIMITS 12

static const double ends[] = {HUGE_VAL, -HUGE_VAL, DBL_MAX,   -DBL_MAX, (double)FLT_MAX,
                              -3.5e38,  0x1p-149,  -0x1p-149, 0x1p-150, 1e-300,
                              0.0,      -0.0,      NAN,       0.1};

static uint64_t below(uint64_t *random, uint64_t count) {
    return split_mix(random) % count;
}

static double draw_end(uint64_t *random) {
    return ends[below(random, sizeof ends / sizeof *ends)];
}

/* Those of XGBoost are floats; a limit between two floats must part them, too. */
static double draw_limit(uint64_t *random) {
    double x = below(random, 6) == 0 ? draw_end(random) : (double)below(random, 40) / 7 - 2;
    return isfinite(x) ? x : 0.5;
}

struct draft {
    struct forest_node *nodes;
    size_t count, used;
};

/* Splits a leaf at random, or the last one, which makes a tree deep. */
static void grow(struct draft *draft, uint64_t *random, bool is_deep, const double *limits,
                 uint32_t *levels) {
    static const enum forest_missing kinds[] = {FOREST_MISSING_NAN, FOREST_MISSING_ZERO,
                                                FOREST_MISSING_NONE};
    draft->nodes[0] = (struct forest_node){.value = 0.1, .cover = 1};
    draft->used = 1;
    levels[0] = 0;
    while (draft->used + 2 <= draft->count) {
        size_t at = is_deep ? draft->used - 1 : below(random, draft->used);
        if (draft->nodes[at].test != FOREST_LEAF || levels[at] == 40)
            break;
        draft->nodes[at] =
            (struct forest_node){.test = below(random, 2) ? FOREST_LESS : FOREST_AT_MOST,
                                 .missing = kinds[below(random, 3)],
                                 .default_left = below(random, 2),
                                 .input = (uint32_t)below(random, INPUTS),
                                 .left = draft->used,
                                 .right = draft->used + 1,
                                 .value = limits[below(random, LIMITS)],
                                 .cover = 1};
        for (size_t k = 0; k < 2; k++, draft->used++) {
            double value = (double)below(random, 1000000) / 1e6 - 0.5;
            draft->nodes[draft->used] = (struct forest_node){.value = value, .cover = 1};
            levels[draft->used] = levels[at] + 1;
        }
    }
}

static struct model *draw_model(uint64_t *random, struct arena *arena, const double *limits) {
    static struct text names[INPUTS] = {{.data = "a", .length = 1},
                                        {.data = "b", .length = 1},
                                        {.data = "c", .length = 1},
                                        {.data = "d", .length = 1},
                                        {.data = "e", .length = 1}};
    static double base = 0.25;
    struct forest forest;
    struct error error;
    struct model *model;
    forest_init(&forest, arena);
    forest.is_float = below(random, 2);
    forest.near_zero = forest.is_float || below(random, 2) ? 0 : (double)1e-35f;
    forest.inputs = names;
    forest.input_count = INPUTS;
    forest.output_count = 1;
    forest.base = &base;
    for (size_t trees = 1 + below(random, 12); trees > 0; trees--) {
        struct forest_node nodes[128], *room;
        uint32_t levels[128];
        struct draft draft = {.nodes = nodes, .count = 1 + below(random, 127)};
        grow(&draft, random, below(random, 4) == 0, limits, levels);
        assert_int_equal(forest_add_tree(&forest, 0, draft.used, &room, &error), 0);
        memcpy(room, nodes, draft.used * sizeof *nodes);
    }
    if (model_new(&forest, arena, &model, &error) < 0)
        fail_msg("%s", error.text);
    return model;
}

static double draw_input(uint64_t *random, const double *limits) {
    double limit = limits[below(random, LIMITS)];
    switch (below(random, 6)) {
    case 0:
        return draw_end(random);
    case 1:
        return limit;
    case 2:
        return nextafter(limit, below(random, 2) ? HUGE_VAL : -HUGE_VAL);
    case 3:
        return (double)nextafterf((float)limit, below(random, 2) ? HUGE_VALF : -HUGE_VALF);
    default:
        return (double)below(random, 1000) / 150 - 3;
    }
}

static void rows_at_once_are_as_single_ones(void **state) {
    (void)state;
    uint64_t random = asked_seed(11), steps = asked_steps(400), deep = 0, stumps = 0;
    for (uint64_t step = 0; step < steps; step++) {
        double inputs[MODEL_ROWS_MAX * INPUTS], limits[LIMITS], margins[MODEL_ROWS_MAX], single;
        struct arena arena;
        arena_init(&arena, SIZE_MAX / 4);
        for (size_t i = 0; i < LIMITS; i++)
            limits[i] = draw_limit(&random);
        struct model *model = draw_model(&random, &arena, limits);
        struct model_batch *batch = model_batch_new(model);
        double *scratch = check_calloc(model_shape(model)->column_count + 1, sizeof *scratch);
        deep += model_shape(model)->depth > 8;
        stumps += model_shape(model)->depth < 2;
        for (size_t round = 0; round < 3; round++) {
            size_t rows = 1 + below(&random, MODEL_ROWS_MAX);
            for (size_t i = 0; i < rows * INPUTS; i++)
                inputs[i] = draw_input(&random, limits);
            model_margins_of_rows(model, batch, inputs, rows, margins);
            for (size_t i = 0; i < rows; i++) {
                model_margins(model, &inputs[i * INPUTS], scratch, &single);
                if (memcmp(&single, &margins[i], sizeof single) != 0)
                    fail_msg("step %llu: row %zu of %zu gives %.17g; alone %.17g",
                             (unsigned long long)step, i, rows, margins[i], single);
            }
        }
        model_batch_free(batch);
        free(scratch);
        arena_deinit(&arena);
    }
    assert_true(steps < 400 || (deep > 40 && stumps > 10));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_at_once_are_as_single_ones)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
