/* TreeEnsembleClassifier and TreeEnsembleRegressor: parallel lists with an entry for each node, and
 * for each weight of a leaf. A tree's nodes follow each other, its root first.
 *
 * A leaf may have weights for several outputs. The trees of a forest have one output each: such a
 * tree comes once for each output. onnxruntime adds an output's leaves tree by tree, from 0, and
 * the base value at the end; so it comes out the same. It takes weights for one class of two as a
 * single score, of the second class. */
#include "onnx_ensemble.h"

#include "core/base/check.h"

#include <math.h>
#include <stdlib.h>

static int read_ints(struct ensemble *ensemble, const char *name, bool is_optional,
                     const int64_t **ret_ints, size_t count) {
    const Onnx__Attribute *attribute = onnx_attribute(ensemble->onnx, name);
    if (is_optional && (!attribute || attribute->n_ints == 0)) {
        *ret_ints = NULL;
        return 0;
    }
    if (!attribute || attribute->n_ints != count)
        return onnx_refuse(ensemble->onnx, ERROR_INVALID, "%s has %zu numbers; expected %zu", name,
                           attribute ? attribute->n_ints : 0, count);
    *ret_ints = attribute->ints;
    return 0;
}

/* ---- nodes ---- */

static int sort_nodes(struct ensemble *ensemble) {
    size_t count = ensemble->count, runs = 0, ids = 0;
    ensemble->keys = onnx_room(ensemble->onnx, count, sizeof *ensemble->keys);
    ensemble->trees = onnx_room(ensemble->onnx, count, sizeof *ensemble->trees);
    for (size_t i = 0; i < count; i++) {
        ensemble->keys[i] =
            (struct key){.tree = ensemble->tree_ids[i], .node = ensemble->node_ids[i], .index = i};
        if (i == 0 || ensemble->tree_ids[i] != ensemble->tree_ids[i - 1])
            ensemble->trees[runs++].first = i;
        ensemble->trees[runs - 1].count++;
    }
    ensemble->tree_count = runs;
    qsort(ensemble->keys, count, sizeof *ensemble->keys, ensemble_compare_keys);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && ensemble_compare_keys(&ensemble->keys[i - 1], &ensemble->keys[i]) == 0)
            return onnx_refuse(ensemble->onnx, ERROR_INVALID, "tree %lld has node %lld twice",
                               (long long)ensemble->keys[i].tree,
                               (long long)ensemble->keys[i].node);
        ids += i == 0 || ensemble->keys[i - 1].tree != ensemble->keys[i].tree;
    }
    return ids == runs ? 0
                       : onnx_refuse(ensemble->onnx, ERROR_UNSUPPORTED,
                                     "the nodes of a tree do not follow each other");
}

static int read_nodes(struct ensemble *ensemble) {
    struct onnx *onnx = ensemble->onnx;
    const Onnx__Attribute *modes = onnx_attribute(onnx, "nodes_modes");
    size_t count = modes ? modes->n_strings : 0, limits = 0, hits = 0;
    if (count == 0 || count > MODEL_NODES_MAX)
        return onnx_refuse(onnx, ERROR_TOO_LARGE, "nodes_modes has %zu texts; expected 1 to %u",
                           count, MODEL_NODES_MAX);
    ensemble->count = count;
    ensemble->modes = modes->strings;
    const struct {
        const char *name;
        bool is_optional;
        const int64_t **ints;
    } lists[] = {
        {"nodes_treeids", false, &ensemble->tree_ids},
        {"nodes_nodeids", false, &ensemble->node_ids},
        {"nodes_featureids", false, &ensemble->features},
        {"nodes_truenodeids", false, &ensemble->true_ids},
        {"nodes_falsenodeids", false, &ensemble->false_ids},
        {"nodes_missing_value_tracks_true", true, &ensemble->missing},
    };
    int r = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists && r == 0; i++)
        r = read_ints(ensemble, lists[i].name, lists[i].is_optional, lists[i].ints, count);
    if (r == 0)
        r = onnx_floats(onnx, "nodes_values", &ensemble->limits, &limits);
    if (r == 0)
        r = onnx_floats(onnx, "nodes_hitrates", &ensemble->hits, &hits);
    if (r == 0 && limits != count)
        r = onnx_refuse(onnx, ERROR_INVALID, "nodes_values has %zu numbers; expected %zu", limits,
                        count);
    if (hits != count)
        ensemble->hits = NULL;
    return r < 0 ? r : sort_nodes(ensemble);
}

/* ---- weights of leaves ---- */

static int compare_weights(const void *left, const void *right) {
    const struct weight *a = left, *b = right;
    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    return (a->output > b->output) - (a->output < b->output);
}

/* The weights of one node are adjacent, and have different outputs. */
static int index_weights(struct ensemble *ensemble) {
    size_t at = 0;
    qsort(ensemble->weights, ensemble->weight_count, sizeof *ensemble->weights, compare_weights);
    ensemble->first_weight =
        onnx_room(ensemble->onnx, ensemble->count + 1, sizeof *ensemble->first_weight);
    for (size_t i = 1; i < ensemble->weight_count; i++)
        if (compare_weights(&ensemble->weights[i - 1], &ensemble->weights[i]) == 0)
            return onnx_refuse(ensemble->onnx, ERROR_UNSUPPORTED,
                               "a leaf has two weights for output %zu",
                               ensemble->weights[i].output);
    for (size_t node = 0; node <= ensemble->count; node++) {
        while (at < ensemble->weight_count && ensemble->weights[at].node < node)
            at++;
        ensemble->first_weight[node] = at;
    }
    return 0;
}

static int read_weights(struct ensemble *ensemble) {
    static const char *const names[2][4] = {
        {"target_ids", "target_treeids", "target_nodeids", "target_weights"},
        {"class_ids", "class_treeids", "class_nodeids", "class_weights"}};
    const char *const *of = names[ensemble->is_classifier];
    struct onnx *onnx = ensemble->onnx;
    const double *values;
    const int64_t *outputs = NULL, *trees = NULL, *nodes = NULL;
    size_t count;
    int r = onnx_floats(onnx, of[3], &values, &count);
    if (r == 0)
        r = read_ints(ensemble, of[0], false, &outputs, count);
    if (r == 0)
        r = read_ints(ensemble, of[1], false, &trees, count);
    if (r == 0)
        r = read_ints(ensemble, of[2], false, &nodes, count);
    if (r < 0)
        return r;
    ensemble->weights = onnx_room(onnx, count, sizeof *ensemble->weights);
    for (size_t i = 0; i < count; i++) {
        size_t node = ensemble_find(ensemble, trees[i], nodes[i]);
        if (node == SIZE_MAX)
            return onnx_refuse(onnx, ERROR_INVALID,
                               "weight %zu is of node %lld of tree %lld, "
                               "which there is not",
                               i, (long long)nodes[i], (long long)trees[i]);
        if (outputs[i] < 0 || outputs[i] >= (int64_t)ensemble->outputs)
            return onnx_refuse(onnx, ERROR_INVALID, "weight %zu is for output %lld of %zu", i,
                               (long long)outputs[i], ensemble->outputs);
        if (!ensemble_is_mode(ensemble, node,
                              "LEAF")) /* old exporters write some; nobody reads them */
            continue;
        ensemble->weights[ensemble->weight_count++] =
            (struct weight){.node = node, .output = (size_t)outputs[i], .value = values[i]};
    }
    return index_weights(ensemble);
}

/* ---- what the outputs are ---- */

static int find_outputs(struct ensemble *ensemble, struct outputs *ret_outputs) {
    uint64_t used = 0;
    for (size_t i = 0; i < ensemble->weight_count; i++)
        used |= UINT64_C(1) << ensemble->weights[i].output;
    struct text transform = onnx_string(ensemble->onnx, "post_transform", "NONE");
    bool is_softmax = text_is(transform, "SOFTMAX");
    *ret_outputs = (struct outputs){.count = ensemble->outputs};
    if (!ensemble->is_classifier || ensemble->outputs > 2)
        return ensemble->base_count == 0 || ensemble->base_count == ensemble->outputs
                   ? 0
                   : onnx_refuse(ensemble->onnx, ERROR_INVALID,
                                 "base_values has %zu numbers for %zu outputs",
                                 ensemble->base_count, ensemble->outputs);
    bool is_single = used == 1;
    if (ensemble->base_count > (is_single ? 1 : 0))
        return onnx_refuse(ensemble->onnx, ERROR_UNSUPPORTED,
                           "base_values has %zu numbers for two classes; expected %s",
                           ensemble->base_count,
                           is_single ? "at most one" : "none, as both have weights");
    if (is_softmax && is_single)
        return onnx_refuse(ensemble->onnx, ERROR_UNSUPPORTED,
                           "post_transform SOFTMAX of a single score");
    if (is_softmax)
        return 0;
    *ret_outputs = (struct outputs){.count = 1, .first = !is_single, .is_pair = true};
    return 0;
}

/* ---- the node ---- */

/* Of the sums: their average, the base values, and floats of doubles. */
static void finish_sums(struct ensemble *ensemble, struct onnx_value *scores, bool is_average) {
    struct onnx *onnx = ensemble->onnx;
    size_t outputs = onnx->forest->output_count;
    if (is_average) {
        double *counts = onnx_room(onnx, outputs, sizeof *counts);
        for (size_t i = 0; i < outputs; i++)
            counts[i] = (double)ensemble->tree_count;
        onnx_scores_add(onnx, scores, ONNX_ARITHMETIC, FOREST_STEP_DIVIDE, counts);
    }
    if (ensemble->base_count > 0)
        onnx_scores_add(onnx, scores, ONNX_ARITHMETIC, FOREST_STEP_ADD, ensemble->base);
    if (!scores->is_float)
        onnx_scores_add(onnx, scores, ONNX_ARITHMETIC, FOREST_STEP_ROUND, NULL);
    scores->is_float = true;
}

static int read_attributes(struct ensemble *ensemble, struct text *ret_transform,
                           bool *ret_is_average) {
    struct onnx *onnx = ensemble->onnx;
    struct text transform = onnx_string(onnx, "post_transform", "NONE");
    struct text aggregate = onnx_string(onnx, "aggregate_function", "SUM");
    const Onnx__Attribute *ints = onnx_attribute(onnx, "classlabels_int64s"),
                          *strings = onnx_attribute(onnx, "classlabels_strings");
    size_t labels = strings && strings->n_strings ? strings->n_strings : ints ? ints->n_ints : 0;
    int64_t targets = onnx_int(onnx, "n_targets", 0);
    if (!ensemble->is_classifier && targets != 1)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "n_targets is %lld; expected 1",
                           (long long)targets);
    ensemble->outputs = ensemble->is_classifier ? labels : 1;
    if (ensemble->is_classifier && (labels < 2 || labels > MODEL_OUTPUTS_MAX))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "%zu classes; expected 2 to %u", labels,
                           MODEL_OUTPUTS_MAX);
    bool may_transform = text_is(transform, "NONE") ||
                         (ensemble->is_classifier &&
                          (text_is(transform, "LOGISTIC") || text_is(transform, "SOFTMAX")));
    if (!may_transform)
        return onnx_refuse(onnx, ERROR_UNSUPPORTED, "post_transform \"%.*s\"; expected %s",
                           (int)(transform.length < 20 ? transform.length : 20), transform.data,
                           ensemble->is_classifier ? "NONE, LOGISTIC or SOFTMAX" : "NONE");
    *ret_is_average = text_is(aggregate, "AVERAGE");
    if (!*ret_is_average && !text_is(aggregate, "SUM"))
        return onnx_refuse(onnx, ERROR_UNSUPPORTED,
                           "aggregate_function \"%.*s\"; expected SUM or AVERAGE",
                           (int)(aggregate.length < 20 ? aggregate.length : 20), aggregate.data);
    *ret_transform = transform;
    int r = onnx_floats(onnx, "base_values", &ensemble->base, &ensemble->base_count);
    for (size_t i = 0; i < ensemble->base_count && r == 0; i++)
        if (!isfinite(ensemble->base[i]))
            r = onnx_refuse(onnx, ERROR_INVALID, "base value %zu is not finite", i);
    return r;
}

static int make_forest(struct ensemble *ensemble, const struct outputs *outputs) {
    struct forest *forest = ensemble->onnx->forest;
    forest->is_float = ensemble->columns->is_float;
    forest->output_count = outputs->count;
    forest->base = onnx_room(ensemble->onnx, outputs->count, sizeof *forest->base);
    int r = ensemble_add_trees(ensemble, outputs);
    ensemble->onnx->has_model = ensemble->onnx->has_bounds = true;
    return r;
}

int onnx_trees_node(struct onnx *onnx, const struct onnx_value *columns, bool is_classifier) {
    struct ensemble ensemble = {.onnx = onnx, .columns = columns, .is_classifier = is_classifier};
    struct text transform = {0};
    struct outputs outputs = {0};
    bool is_average = false;
    int r = read_attributes(&ensemble, &transform, &is_average);
    if (r == 0)
        r = read_nodes(&ensemble);
    if (r == 0)
        r = read_weights(&ensemble);
    if (r == 0)
        r = find_outputs(&ensemble, &outputs);
    if (r == 0)
        r = make_forest(&ensemble, &outputs);
    if (r < 0)
        return r;
    struct onnx_value scores = {.kind = ONNX_SCORES,
                                .is_float = columns->is_float,
                                .count = outputs.is_pair ? 2 : outputs.count,
                                .is_pair = outputs.is_pair,
                                .is_of_classes = is_classifier},
                      labels = {.kind = ONNX_LABELS};
    finish_sums(&ensemble, &scores, is_average);
    /* onnxruntime makes the first of a single score. */
    bool is_single = outputs.is_pair && outputs.first == 0;
    if (is_single && text_is(transform, "LOGISTIC"))
        scores.first = ONNX_FIRST_NEGATIVE;
    if (!text_is(transform, "NONE"))
        onnx_scores_add(onnx, &scores,
                        text_is(transform, "LOGISTIC") ? ONNX_LOGISTIC : ONNX_SOFTMAX,
                        FOREST_STEP_ROUND, NULL);
    if (!is_classifier)
        return onnx_give(onnx, 0, scores);
    r = onnx_give(onnx, 0, labels);
    return r < 0 ? r : onnx_give(onnx, 1, scores);
}
