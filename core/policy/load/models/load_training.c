/* Numbers have a row each in a table: name, where it goes, least and most. */
#include "load_training.h"

#include "core/base/check.h"
#include "core/model/isolation.h"

#include <stddef.h>

#define ROUNDS_MAX 5000 /* a model has at most MODEL_TREES_MAX trees */

enum training_key {
    ALGORITHM,
    METRIC,
    CALIBRATION,
    CLASS_WEIGHT,
    FIRST_NUMBER, /* in the order of `numbers` */
};

static const struct number {
    const char *name;
    bool is_whole;
    size_t offset;      /* of an int64_t, or of a double */
    double least, most; /* `least` itself only if the number is whole or may be it */
    bool is_above;      /* least is excluded */
    double preset;
    enum training_algorithm algorithm;
} numbers[] = {
#define WHOLE(algorithm, member, least, most, preset)                                              \
    {#member,                                                                                      \
     true,                                                                                         \
     offsetof(struct model_training, member),                                                      \
     least,                                                                                        \
     most,                                                                                         \
     false,                                                                                        \
     preset,                                                                                       \
     TRAINING_##algorithm}
#define REAL(name, member, least, most, is_above, preset)                                          \
    {name,   false,           offsetof(struct model_training, member), least, most, is_above,      \
     preset, TRAINING_XGBOOST}
    REAL("validation_share", validation_share, 0, 0.5, true, 0.15),
    REAL("calibration_share", calibration_share, 0, 0.5, true, 0.15),
    WHOLE(XGBOOST, rounds, 1, ROUNDS_MAX, 500),
    WHOLE(XGBOOST, early_stopping, 0, ROUNDS_MAX, 50),
    WHOLE(XGBOOST, max_depth, 1, 16, 6),
    WHOLE(XGBOOST, max_bin, 2, 65535, 256),
    REAL("eta", eta, 0, 1, true, 0.1),
    REAL("min_child_weight", min_child_weight, 0, 1e9, false, 1),
    REAL("subsample", subsample, 0, 1, true, 1),
    REAL("columns", columns, 0, 1, true, 1),
    REAL("lambda", lambda, 0, 1e9, false, 1),
    REAL("alpha", alpha, 0, 1e9, false, 0),
    REAL("gamma", gamma, 0, 1e9, false, 0),
    WHOLE(ISOLATION_FOREST, trees, 1, MODEL_TREES_MAX, 100),
    WHOLE(ISOLATION_FOREST, sample, 2, ISOLATION_SAMPLE_MAX, 256),
    WHOLE(ISOLATION_FOREST, depth, 0, MODEL_DEPTH_MAX, 0),
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static void put(struct model_training *training, const struct number *number, double value) {
    char *at = (char *)training + number->offset;
    if (number->is_whole)
        *(int64_t *)(void *)at = (int64_t)value;
    else
        *(double *)(void *)at = value;
}

static bool read_number(const struct reader *reader, const struct tree_node *node,
                        const struct number *number, struct model_training *training) {
    double value;
    int64_t whole;
    if (number->is_whole) {
        if (!read_int(reader, node, number->name, (int64_t)number->least, (int64_t)number->most,
                      &whole))
            return false;
        put(training, number, (double)whole);
        return true;
    }
    if (!read_double(reader, node, number->name, &value))
        return false;
    if (!(value <= number->most) || value < number->least ||
        (number->is_above && value <= number->least)) {
        read_diagnostic(reader, node, "%s is %" TEXT_FORMAT "; expected %s %g, at most %g",
                        number->name, TEXT_ARGS(node->text),
                        number->is_above ? "a number above" : "at least", number->least,
                        number->most);
        return false;
    }
    put(training, number, value);
    return true;
}

/* "balanced", "none", or what a fraud weighs. */
static bool read_class_weight(const struct reader *reader, const struct tree_node *node,
                              double *ret_weight) {
    double weight;
    if (node->kind == TREE_TEXT && text_is(node->text, "balanced")) {
        *ret_weight = TRAINING_BALANCED;
        return true;
    }
    if (node->kind == TREE_TEXT && text_is(node->text, "none")) {
        *ret_weight = 1;
        return true;
    }
    if (node->kind == TREE_TEXT && node->text.length > 0 &&
        (node->text.data[0] < '0' || node->text.data[0] > '9')) {
        read_diagnostic(reader, node,
                        "class_weight is \"%" TEXT_FORMAT
                        "\"; expected balanced, none, or the weight of a fraud",
                        TEXT_ARGS(node->text));
        return false;
    }
    if (!read_double(reader, node, "class_weight", &weight))
        return false;
    if (!(weight > 0 && weight <= 1e6)) {
        read_diagnostic(reader, node, "class_weight must be above 0 and at most 1000000");
        return false;
    }
    *ret_weight = weight;
    return true;
}

static bool read_words(const struct reader *reader, const struct key *keys,
                       struct model_training *training) {
    static const char *const algorithms[TRAINING_ALGORITHMS + 1] = {"xgboost", "isolation-forest",
                                                                    NULL};
    static const char *const metrics[] = {"average_precision", "auc", "log_loss", NULL};
    static const char *const calibrations[] = {"platt", "isotonic", "none", NULL};
    size_t algorithm = training->algorithm, metric = training->metric,
           calibration = training->calibration;
    bool good = true;
    if (keys[ALGORITHM].node)
        good &= read_choice(reader, keys[ALGORITHM].node, "algorithm", algorithms, &algorithm);
    if (keys[METRIC].node)
        good &= read_choice(reader, keys[METRIC].node, "metric", metrics, &metric);
    if (keys[CALIBRATION].node)
        good &=
            read_choice(reader, keys[CALIBRATION].node, "calibration", calibrations, &calibration);
    if (keys[CLASS_WEIGHT].node)
        good &= read_class_weight(reader, keys[CLASS_WEIGHT].node, &training->positive_weight);
    training->algorithm = (enum training_algorithm)algorithm;
    training->metric = (enum training_metric)metric;
    training->calibration = (enum training_calibration)calibration;
    return good;
}

/* What the algorithm has no use for is refused: it would be taken for granted. */
static bool check_use(const struct reader *reader, const struct key *keys,
                      const struct model_training *training) {
    bool good = true;
    for (size_t i = METRIC; i < FIRST_NUMBER + NUMBERS; i++) {
        enum training_algorithm of =
            i < FIRST_NUMBER ? TRAINING_XGBOOST : numbers[i - FIRST_NUMBER].algorithm;
        if (!keys[i].node || of == training->algorithm)
            continue;
        read_diagnostic(reader, keys[i].node, "\"%s\" has no use with this algorithm",
                        keys[i].name);
        good = false;
    }
    return good;
}

bool load_training(const struct reader *reader, const struct tree_node *node,
                   struct model_training *ret_training) {
    struct key keys[FIRST_NUMBER + NUMBERS] = {[ALGORITHM] = {"algorithm", false, NULL},
                                               [METRIC] = {"metric", false, NULL},
                                               [CALIBRATION] = {"calibration", false, NULL},
                                               [CLASS_WEIGHT] = {"class_weight", false, NULL}};
    struct model_training training = {.positive_weight = 1};
    for (size_t i = 0; i < NUMBERS; i++) {
        put(&training, &numbers[i], numbers[i].preset);
        keys[FIRST_NUMBER + i].name = numbers[i].name;
    }
    bool good = true;
    if (node) {
        if (!read_keys(reader, node, "train", keys, FIRST_NUMBER + NUMBERS))
            return false;
        good = read_words(reader, keys, &training) && check_use(reader, keys, &training);
        for (size_t i = 0; i < NUMBERS; i++)
            if (keys[FIRST_NUMBER + i].node)
                good &= read_number(reader, keys[FIRST_NUMBER + i].node, &numbers[i], &training);
    }
    *ret_training = training;
    return good;
}

/* One leaf of 0 with all rows: it has everything that a declaration may ask of a model. */
bool load_untrained(struct load *load, const struct reader *reader, const struct tree_node *at,
                    const struct tree_node *inputs, enum training_algorithm algorithm,
                    struct model **ret_model) {
    struct forest forest;
    struct forest_node *leaf;
    struct error error;
    double base = 0;
    if (!inputs) {
        read_diagnostic(reader, at,
                        "expected \"inputs\": a model that is trained here declares all of them");
        return false;
    }
    if (!read_mapping(reader, inputs, "inputs"))
        return false;
    if (inputs->child_count == 0 || inputs->child_count > MODEL_INPUTS_MAX) {
        read_diagnostic(reader, inputs, "%zu inputs; expected 1 to %u", inputs->child_count,
                        MODEL_INPUTS_MAX);
        return false;
    }
    forest_init(&forest, &load->scratch);
    forest.output_count = 1;
    forest.base = &base;
    forest.is_float = algorithm == TRAINING_XGBOOST;
    forest.link = algorithm == TRAINING_XGBOOST ? FOREST_LINK_LOGISTIC : FOREST_LINK_ANOMALY;
    forest.inputs = arena_calloc(&load->scratch, inputs->child_count, sizeof *forest.inputs);
    check(forest.inputs);
    for (const struct tree_node *child = inputs->first; child; child = child->next) {
        struct text name = child->key->text;
        if (name.length == 0 || name.length > MODEL_NAME_MAX) {
            read_diagnostic(reader, child->key, "an input's name has %zu bytes; expected 1 to %u",
                            name.length, MODEL_NAME_MAX);
            return false;
        }
        forest.inputs[forest.input_count++] = name;
    }
    int r = forest_add_tree(&forest, 0, 1, &leaf, &error);
    if (r == 0) {
        *leaf = (struct forest_node){.test = FOREST_LEAF, .cover = 1};
        r = model_new(&forest, load->arena, ret_model, &error);
    }
    if (r < 0)
        read_diagnostic(reader, inputs, "%s", error.text);
    return r == 0;
}
