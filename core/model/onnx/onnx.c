/* Models of ONNX as the exporters of scikit-learn, LightGBM, XGBoost and CatBoost write them:
 * inputs that are prepared, one ensemble of trees or linear model, and what its scores go through.
 * What each part computes, and in which order and precision, is as in onnxruntime. */
#include "onnx.h"

#include "core/base/check.h"

static int read_initializers(struct onnx *onnx) {
    const Onnx__Graph *graph = onnx->graph;
    if (graph->n_initializer > ONNX_VALUES_MAX / 2)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "more than %u initializers", ONNX_VALUES_MAX / 2);
    for (size_t i = 0; i < graph->n_initializer; i++) {
        int r = onnx_tensor(onnx, graph->initializer[i], MODEL_INPUTS_MAX * MODEL_OUTPUTS_MAX,
                            &onnx->values[onnx->value_count]);
        if (r < 0)
            return r;
        onnx->value_count++;
    }
    return 0;
}

/* What decides the kind of a node: its first value that is no constant, and no label unless all
 * others are. NULL with an error. */
static const struct onnx_value *find_subject(struct onnx *onnx) {
    const struct onnx_value *found = NULL;
    for (size_t i = 0; i < onnx->node->n_input; i++) {
        const struct onnx_value *value = onnx_input(onnx, i);
        if (!value)
            return NULL;
        if (!found || found->kind == ONNX_CONSTANT ||
            (found->kind == ONNX_LABELS && value->kind != ONNX_CONSTANT))
            found = value;
    }
    if (!found)
        onnx_refuse(onnx, ERROR_UNSUPPORTED, "it has no input");
    return found;
}

static int give_labels(struct onnx *onnx) {
    int r = 0;
    for (size_t i = 0; i < onnx->node->n_output && r == 0; i++)
        r = onnx_give(onnx, i, (struct onnx_value){.kind = ONNX_LABELS});
    return r;
}

static bool is_one_of(struct text type, const char *const *names) {
    for (; *names; names++)
        if (text_is(type, *names))
            return true;
    return false;
}

static int read_node_of_columns(struct onnx *onnx, const struct onnx_value *columns) {
    static const char *const trees[] = {"TreeEnsembleClassifier", "TreeEnsembleRegressor", NULL},
                             *const linear[] = {"LinearClassifier", "LinearRegressor", "MatMul",
                                                "Gemm", NULL};
    struct text type = onnx_text(onnx->node->op_type);
    bool are_trees = is_one_of(type, trees);
    if (!are_trees && !is_one_of(type, linear))
        return onnx_columns_node(onnx, columns);
    if (onnx->has_model)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "a second model; expected one ensemble of trees or linear model");
    if (onnx_text(onnx->node->input[0]).length == 0 || onnx_input(onnx, 0) != columns)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "expected columns as its first input");
    return are_trees ? onnx_trees_node(onnx, columns, text_is(type, "TreeEnsembleClassifier"))
                     : onnx_linear_node(onnx, columns);
}

static int read_node(struct onnx *onnx) {
    struct text domain = onnx_text(onnx->node->domain);
    if (domain.length > 0 && !text_is(domain, "ai.onnx") && !text_is(domain, "ai.onnx.ml"))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "domain \"%.*s\"",
                           (int)(domain.length < 60 ? domain.length : 60), domain.data);
    const struct onnx_value *subject = find_subject(onnx);
    if (!subject)
        return -onnx->error->code;
    switch (subject->kind) {
    case ONNX_CONSTANT:
        break;
    case ONNX_LABELS: /* whatever it does: it cannot lead to scores */
        return give_labels(onnx);
    case ONNX_COLUMNS:
        return read_node_of_columns(onnx, subject);
    case ONNX_SCORES:
    case ONNX_SIZES:
    case ONNX_TOTALS:
        return onnx_scores_node(onnx, subject);
    }
    return onnx_refuse(onnx, ERROR_UNSUPPORTED, "an operation on constants alone");
}

static int read_nodes(struct onnx *onnx) {
    const Onnx__Graph *graph = onnx->graph;
    size_t inputs = 0;
    int r = 0;
    if (graph->n_node > ONNX_NODES_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "more than %u nodes", ONNX_NODES_MAX);
    for (size_t i = 0; i < graph->n_node && r == 0; i++) {
        onnx->node = graph->node[i];
        inputs += onnx->node->n_input + onnx->node->n_attribute;
        r = inputs > ONNX_VALUES_MAX
                ? onnx_refuse(onnx, ERROR_TOO_LARGE, "more than %u inputs and attributes of nodes",
                              ONNX_VALUES_MAX)
                : read_node(onnx);
    }
    onnx->node = NULL;
    return r;
}

/* The one output of the graph that has scores. */
static int read_output(struct onnx *onnx) {
    const struct onnx_value *scores = NULL;
    if (onnx->graph->n_output > ONNX_NODES_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "more than %u outputs", ONNX_NODES_MAX);
    for (size_t i = 0; i < onnx->graph->n_output; i++)
        for (size_t k = onnx->value_count; k-- > 0;) {
            const struct onnx_value *value = &onnx->values[k];
            if (!text_equal(value->name, onnx_text(onnx->graph->output[i]->name)))
                continue;
            if (value->kind == ONNX_SCORES && scores)
                return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                                   "two outputs with scores; expected one, and labels");
            if (value->kind == ONNX_SCORES)
                scores = value;
            break;
        }
    if (!scores)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "no output with scores: probabilities or values of a regression");
    return onnx_scores_keep(onnx, scores);
}

int onnx_read(struct text file, struct forest *forest, struct error *ret_error) {
    const Onnx__Model *model = NULL;
    int r = onnx_unpack(file, forest->arena, &model, ret_error);
    if (r < 0)
        return r;
    if (!model->graph || model->graph->n_node == 0)
        return error_set(ret_error, ERROR_INVALID, "not a model of ONNX: it has no graph of nodes");
    struct onnx onnx = {.forest = forest, .error = ret_error, .graph = model->graph};
    onnx.values = onnx_room(&onnx, ONNX_VALUES_MAX + 1, sizeof *onnx.values);
    r = read_initializers(&onnx);
    if (r == 0)
        r = onnx_columns_inputs(&onnx);
    if (r == 0)
        r = read_nodes(&onnx);
    return r < 0 ? r : read_output(&onnx);
}
