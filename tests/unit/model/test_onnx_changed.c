/* Models of tests/golden/models/onnx_*, each with one thing changed by means of the generated code:
 * what is not supported is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/base/check.h"
#include "core/model/model.h"
#include "tests/unit/model/golden.h"

#include "onnx.pb-c.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS 6

static Onnx__Attribute *attribute_of(Onnx__Model *model, const char *name) {
    for (size_t i = 0; i < model->graph->n_node; i++)
        for (size_t k = 0; k < model->graph->node[i]->n_attribute; k++) {
            Onnx__Attribute *attribute = model->graph->node[i]->attribute[k];
            if (attribute->name.len == strlen(name) &&
                memcmp(attribute->name.data, name, attribute->name.len) == 0)
                return attribute;
        }
    fail_msg("no attribute %s", name);
    return NULL;
}

static ProtobufCBinaryData bytes_of(const char *string) {
    char *copy = check_malloc(strlen(string) + 1);
    memcpy(copy, string, strlen(string) + 1);
    return (ProtobufCBinaryData){.len = strlen(string), .data = (uint8_t *)copy};
}

static void put(ProtobufCBinaryData *bytes, const char *string) {
    free(bytes->data);
    *bytes = bytes_of(string);
}

static void set_string(Onnx__Model *model, const char *name, const char *string) {
    put(&attribute_of(model, name)->s, string);
}

static void other_operator(Onnx__Model *model) {
    put(&model->graph->node[0]->op_type, "TreeEnsemble");
}
static void other_domain(Onnx__Model *model) {
    put(&model->graph->node[0]->domain, "com.example");
}
static void other_link(Onnx__Model *model) {
    set_string(model, "post_transform", "PROBIT");
}
static void softmax_of_one(Onnx__Model *model) {
    set_string(model, "post_transform", "SOFTMAX");
}
static void other_aggregate(Onnx__Model *model) {
    set_string(model, "aggregate_function", "MAX");
}
static void other_mode(Onnx__Model *model) {
    put(&attribute_of(model, "nodes_modes")->strings[0], "BRANCH_MEMBER");
}
static void no_such_child(Onnx__Model *model) {
    attribute_of(model, "nodes_truenodeids")->ints[0] = 77;
}
static void own_child(Onnx__Model *model) {
    attribute_of(model, "nodes_truenodeids")->ints[0] = 0;
}
static void same_children(Onnx__Model *model) { /* then its other leaf is never reached */
    attribute_of(model, "nodes_truenodeids")->ints[0] =
        attribute_of(model, "nodes_falsenodeids")->ints[0];
}
static void node_twice(Onnx__Model *model) {
    attribute_of(model, "nodes_nodeids")->ints[1] = 0;
}
static void other_column(Onnx__Model *model) {
    attribute_of(model, "nodes_featureids")->ints[0] = INPUTS;
}
static void limit_of_nan(Onnx__Model *model) {
    attribute_of(model, "nodes_values")->floats[0] = NAN;
}
static void leaf_of_nan(Onnx__Model *model) {
    attribute_of(model, "target_weights")->floats[0] = NAN;
}
static void too_great(Onnx__Model *model) {
    attribute_of(model, "base_values")->floats[0] = 3e38f;
}
static void leaf_without_weight(Onnx__Model *model) {
    attribute_of(model, "target_nodeids")->ints[0] = 0;
}
static void weight_of_no_leaf(Onnx__Model *model) {
    attribute_of(model, "target_nodeids")->ints[0] = 9;
}
static void two_weights(Onnx__Model *model) {
    attribute_of(model, "target_nodeids")->ints[1] = attribute_of(model, "target_nodeids")->ints[0];
}
static void scattered_tree(Onnx__Model *model) {
    Onnx__Attribute *trees = attribute_of(model, "nodes_treeids");
    trees->ints[trees->n_ints - 1] = 0;
    attribute_of(model, "nodes_nodeids")->ints[trees->n_ints - 1] = 5;
}
static void more_targets(Onnx__Model *model) {
    attribute_of(model, "n_targets")->i = 2;
}
static void fewer_numbers(Onnx__Model *model) {
    attribute_of(model, "nodes_values")->n_floats--;
}
static void other_type(Onnx__Model *model) {
    model->graph->input[0]->type->tensor_type->elem_type = 7;
}
static void unknown_width(Onnx__Model *model) {
    model->graph->input[0]->type->tensor_type->shape->dim[1]->has_dim_value = false;
    model->graph->input[0]->type->tensor_type->shape->dim[1]->dim_value = 0;
}
static void too_wide(Onnx__Model *model) {
    model->graph->input[0]->type->tensor_type->shape->dim[1]->dim_value = 1001;
}
static void unknown_value(Onnx__Model *model) {
    put(&model->graph->node[0]->input[0], "nothing");
}
static void long_name(Onnx__Model *model) {
    char name[300] = "";
    memset(name, 'a', sizeof name - 1);
    put(&model->graph->node[0]->output[0], name);
}
static void no_output(Onnx__Model *model) {
    put(&model->graph->output[0]->name, "nothing");
}
static void other_scale(Onnx__Model *model) {
    attribute_of(model, "scale")->n_floats = 2;
}
static void coefficient_of_nan(Onnx__Model *model) {
    attribute_of(model, "coefficients")->floats[0] =
        attribute_of(model, "coefficients")->floats[7] = NAN;
}
static void fewer_coefficients(Onnx__Model *model) {
    attribute_of(model, "coefficients")->n_floats--;
}
static void normalizer_of_inputs(Onnx__Model *model) {
    put(&model->graph->node[1]->op_type, "Normalizer");
}
static void second_model(Onnx__Model *model) { /* the Cast of labels */
    Onnx__Node *node = model->graph->node[3];
    put(&node->op_type, "LinearRegressor");
    put(&node->input[0], "variable");
}
static void base_of_two(Onnx__Model *model) {
    Onnx__Attribute *base = attribute_of(model, "base_values");
    free(base->floats);
    base->n_floats = 2;
    base->floats = check_calloc(2, sizeof *base->floats);
}

/* The last node is a ZipMap. */
static void shares(Onnx__Model *model) {
    Onnx__Node *node = model->graph->node[model->graph->n_node - 1];
    put(&node->op_type, "Normalizer");
    put(&node->attribute[0]->name, "norm");
    node->attribute[0]->has_s = true;
    put(&node->attribute[0]->s, "L1");
}
static void shares_of_uneven_scores(Onnx__Model *model) { /* no longer x and -x */
    shares(model);
    attribute_of(model, "coefficients")->floats[0] += 1;
}
static void shares_of_uneven_intercepts(Onnx__Model *model) {
    shares(model);
    attribute_of(model, "intercepts")->floats[0] += 1;
}

static void other_constant(Onnx__Model *model) { /* 1 of the pair's 1 - p */
    Onnx__Tensor *one = model->graph->initializer[model->graph->n_initializer - 1];
    assert_int_equal(one->raw_data.len, 4);
    one->raw_data.data[3] = 0x40; /* 2 or more */
}
static void other_first(Onnx__Model *model) { /* 1 - something else */
    put(&model->graph->node[model->graph->n_node - 3]->input[1], "margin");
}
static void shares_of_second_class(Onnx__Model *model) { /* onnxruntime gives 0.5 for the first */
    Onnx__Attribute *classes = attribute_of(model, "class_ids");
    shares(model);
    for (size_t i = 0; i < classes->n_ints; i++)
        classes->ints[i] = 1;
    attribute_of(model, "base_values")->n_floats = 0;
}

/* Lists of one tree: at each of 30 levels a node whose children are the same one; then leaves that
 * nothing leads to, which make the tree long enough for many copies. */
#define LEVELS 30
#define LONG   (LEVELS + 40001)
static int64_t *set_ints(Onnx__Model *model, const char *name, size_t count) {
    Onnx__Attribute *attribute = attribute_of(model, name);
    free(attribute->ints);
    attribute->n_ints = count;
    return attribute->ints = check_calloc(count, sizeof *attribute->ints);
}
static void set_modes(Onnx__Attribute *modes) {
    for (size_t i = 0; i < modes->n_strings; i++)
        free(modes->strings[i].data);
    free(modes->strings);
    modes->n_strings = LONG;
    modes->strings = check_calloc(LONG, sizeof *modes->strings);
    for (size_t i = 0; i < LONG; i++)
        modes->strings[i] = bytes_of(i < LEVELS ? "BRANCH_LT" : "LEAF");
}
static void set_floats(Onnx__Model *model, const char *name, size_t count) {
    Onnx__Attribute *attribute = attribute_of(model, name);
    free(attribute->floats);
    attribute->n_floats = count;
    attribute->floats = check_calloc(count, sizeof *attribute->floats);
}
static void copied_too_often(Onnx__Model *model) {
    int64_t *ids = set_ints(model, "nodes_nodeids", LONG),
            *yes = set_ints(model, "nodes_truenodeids", LONG),
            *no = set_ints(model, "nodes_falsenodeids", LONG),
            *leaves = set_ints(model, "target_nodeids", LONG - LEVELS);
    for (size_t i = 0; i < LONG; i++) {
        ids[i] = (int64_t)i;
        yes[i] = no[i] = i < LEVELS ? (int64_t)i + 1 : 0;
        if (i >= LEVELS)
            leaves[i - LEVELS] = (int64_t)i;
    }
    set_ints(model, "nodes_treeids", LONG);
    set_ints(model, "nodes_featureids", LONG);
    set_ints(model, "nodes_missing_value_tracks_true", LONG);
    set_ints(model, "target_treeids", LONG - LEVELS);
    set_ints(model, "target_ids", LONG - LEVELS);
    set_floats(model, "nodes_values", LONG);
    set_floats(model, "target_weights", LONG - LEVELS);
    set_modes(attribute_of(model, "nodes_modes"));
}

static struct text packed(Onnx__Model *model) {
    uint8_t *bytes = check_malloc(onnx__model__get_packed_size(model));
    return (struct text){.data = (const char *)bytes, .length = onnx__model__pack(model, bytes)};
}

static Onnx__Model *unpacked(const char *name) {
    struct text file = read_golden(name, "onnx");
    Onnx__Model *model = onnx__model__unpack(NULL, file.length, (const uint8_t *)file.data);
    assert_non_null(model);
    drop(file);
    return model;
}

/* Classes whose sums may be less than 0 or more than 1 are not taken for probabilities. */
static void probabilities_are_from_0_to_1(void **state) {
    (void)state;
    static const struct {
        float factor;
        enum forest_link link;
    } cases[] = {{1, FOREST_LINK_PROBABILITY}, {1.1f, FOREST_LINK_NONE}, {-1, FOREST_LINK_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct error error = {.text = "nothing"};
        struct model *model = NULL;
        Onnx__Model *changed = unpacked("onnx_forest");
        Onnx__Attribute *weights = attribute_of(changed, "class_weights");
        for (size_t k = 0; k < weights->n_floats; k++)
            weights->floats[k] *= cases[i].factor;
        struct text file = packed(changed);
        arena_init(&arena, SIZE_MAX / 4);
        assert_int_equal(model_read(MODEL_ONNX, file, &arena, &model, &error), 0);
        assert_int_equal(model_shape(model)->link, cases[i].link);
        arena_deinit(&arena);
        onnx__model__free_unpacked(changed, NULL);
        drop(file);
    }
}

static void unsupported_models_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *model;
        void (*change)(Onnx__Model *);
        const char *said;
    } cases[] = {
        {"onnx_branches", other_operator, "node \"trees\" (TreeEnsemble): not supported"},
        {"onnx_branches", other_domain, "domain \"com.example\""},
        {"onnx_boosting", other_link, "post_transform \"PROBIT\"; expected NONE, LOGISTIC"},
        {"onnx_boosting", softmax_of_one, "post_transform SOFTMAX of a single score"},
        {"onnx_boosting", base_of_two, "base_values has 2 numbers for two classes"},
        {"onnx_branches", other_aggregate, "aggregate_function \"MAX\"; expected SUM or AVERAGE"},
        {"onnx_branches", other_mode, "mode \"BRANCH_MEMBER\" of node 0 of tree 0"},
        {"onnx_branches", no_such_child, "has the child 77, which there is not"},
        {"onnx_branches", own_child, "tree 0 is deeper than 128, or shares"},
        {"onnx_branches", same_children, NULL},
        {"onnx_branches", node_twice, "tree 0 has node 0 twice"},
        {"onnx_branches", other_column, "asks for column 6 of 6"},
        {"onnx_branches", limit_of_nan, "the split's limit is not finite"},
        {"onnx_branches", leaf_of_nan, "the leaf's value is not finite"},
        {"onnx_branches", too_great, "the greatest margin of output 0 is more than"},
        {"onnx_branches", leaf_without_weight, "leaf 1 of tree 0 has no weight"},
        {"onnx_branches", weight_of_no_leaf, "weight 0 is of node 9 of tree 0, which there is not"},
        {"onnx_branches", two_weights, "a leaf has two weights for output 0"},
        {"onnx_branches", scattered_tree, "the nodes of a tree do not follow each other"},
        {"onnx_branches", more_targets, "n_targets is 2; expected 1"},
        {"onnx_branches", fewer_numbers, "nodes_values has 35 numbers; expected 36"},
        {"onnx_branches", other_type, "input \"input\" is of type 7; expected a tensor of floats"},
        {"onnx_branches", unknown_width, "input \"input\" has no known number of columns"},
        {"onnx_branches", too_wide, "input \"input\" has more than 1000 columns"},
        {"onnx_branches", unknown_value, "input \"nothing\" is not the output of an earlier node"},
        {"onnx_branches", long_name, "an output's name is longer than 256 bytes"},
        {"onnx_branches", no_output, "no output with scores"},
        {"onnx_logistic", other_scale, "(Scaler): scale has 2 numbers for 6 columns"},
        {"onnx_logistic", coefficient_of_nan, "is not finite"},
        {"onnx_logistic", fewer_coefficients, "11 coefficients for 2 scores of 6 columns"},
        {"onnx_logistic", normalizer_of_inputs, "(Normalizer): not supported for inputs"},
        {"onnx_branches", copied_too_often, "more than 2000000 nodes without sharing"},
        {"onnx_logistic", shares, NULL},
        {"onnx_logistic", shares_of_uneven_scores, "(Normalizer): shares of two scores"},
        {"onnx_logistic", shares_of_uneven_intercepts, "(Normalizer): shares of two scores"},
        {"onnx_pair", other_constant, "(Normalizer): shares of two scores"},
        {"onnx_pair", other_first, "(Concat): expected two scores along axis 1"},
        {"onnx_boosting", shares, NULL},
        {"onnx_boosting", shares_of_second_class, "(Normalizer): shares of two scores"},
        {"onnx_logistic", second_model, "(LinearRegressor): a second model"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Onnx__Model *changed = unpacked(cases[i].model);
        cases[i].change(changed);
        struct text file = packed(changed);
        struct arena arena;
        struct error error = {.text = "nothing"};
        struct model *model;
        arena_init(&arena, SIZE_MAX / 4);
        model_read(MODEL_ONNX, file, &arena, &model, &error);
        if (!strstr(error.text, cases[i].said ? cases[i].said : "nothing"))
            fail_msg("case %zu: %s; expected \"%s\"", i, error.text, cases[i].said);
        arena_deinit(&arena);
        onnx__model__free_unpacked(changed, NULL);
        drop(file);
    }
}

/* Two bytes of a file, a hundred of memory: messages without fields. */
static void many_empty_messages_are_refused(void **state) {
    (void)state;
    size_t count = 6 << 20;
    char *bytes = check_malloc(2 * count + 5);
    struct arena arena;
    struct error error = {.text = "nothing"};
    struct model *model;
    size_t length = 2 * count; /* of the graph: 4 bytes */
    bytes[0] = 0x3a;
    for (size_t i = 0; i < 4; i++)
        bytes[1 + i] = (char)((length >> (7 * i) & 0x7f) | (i < 3 ? 0x80 : 0));
    for (size_t i = 0; i < count; i++) {
        bytes[5 + 2 * i] = 0x0a;
        bytes[6 + 2 * i] = 0;
    }
    arena_init(&arena, SIZE_MAX / 4);
    assert_true(model_read(MODEL_ONNX, (struct text){.data = bytes, .length = 2 * count + 5},
                           &arena, &model, &error) < 0);
    assert_non_null(strstr(error.text, "unpacked, it takes more than 256 MiB"));
    arena_deinit(&arena);
    free(bytes);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_are_from_0_to_1),
        cmocka_unit_test(unsupported_models_are_refused_by_name),
        cmocka_unit_test(many_empty_messages_are_refused),
    };
    if (argc != 2)
        return 64;
    golden = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
