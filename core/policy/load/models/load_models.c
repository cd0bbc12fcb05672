/* models.yaml → models, bound. What a model's file calls an input is a field, feature or value of
 * the same name, unless `inputs` says otherwise.
 *
 * The definition of a model is the hash of all that decides its values: the file's bytes, the
 * expressions of its inputs in their canonical form, output and calibration. Thresholds over a
 * model's values have it in their own definition. */
#include "load_models.h"

#include "load_reference.h"
#include "load_scorecard.h"
#include "load_training.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/eval/compile.h"
#include "core/policy/load/rules/load_sentence.h"

#include <math.h>
#include <stdio.h>

enum model_key {
    NAME,
    ABOUT,
    FILE_KEY,
    FORMAT,
    SCORECARD,
    INPUT_NAMES,
    INPUTS,
    OUTPUT,
    CLASSES,
    CALIBRATION,
    REASONS,
    TRAIN,
    REFERENCE,
    MODEL_KEYS
};

struct models_loader {
    struct load *load;
    struct reader reader;
    struct key *keys;           /* of the model being read */
    const struct tree_node *at; /* the model being read */
    struct policy_model *model; /* likewise */
    struct model *file_model;   /* of a file: the same as model->model */
    struct scorecard scorecard; /* .model NULL: it is a file's */
    struct buffer definition;
    size_t reference_bins; /* of all models so far */
};

/* ---- the file ---- */

static bool has_suffix(struct text path, const char *suffix) {
    size_t length = strlen(suffix);
    return path.length > length && memcmp(path.data + path.length - length, suffix, length) == 0;
}

static bool read_format(struct models_loader *loader, struct text path,
                        enum model_format *ret_format) {
    static const char *const names[] = {"xgboost-json", "xgboost-ubj",      "lightgbm",
                                        "onnx",         "isolation-forest", NULL};
    static const enum model_format formats[] = {MODEL_XGBOOST_JSON, MODEL_XGBOOST_UBJ,
                                                MODEL_LIGHTGBM, MODEL_ONNX, MODEL_ISOLATION};
    static const char *const suffixes[] = {".json", ".ubj", ".txt", ".onnx", ".iforest"};
    const struct tree_node *node = loader->keys[FORMAT].node;
    size_t index = 0;
    if (node) {
        if (!read_choice(&loader->reader, node, "format", names, &index))
            return false;
        *ret_format = formats[index];
        return true;
    }
    for (; index < sizeof suffixes / sizeof *suffixes; index++)
        if (has_suffix(path, suffixes[index])) {
            *ret_format = formats[index];
            return true;
        }
    read_diagnostic(&loader->reader, loader->keys[FILE_KEY].node,
                    "the format of \"%" TEXT_FORMAT "\" is unknown; expected a name that ends in "
                    ".json or .ubj (XGBoost), .txt (LightGBM), .onnx or .iforest, or \"format\"",
                    TEXT_ARGS(path));
    return false;
}

static bool read_file(struct models_loader *loader) {
    const struct tree_node *node = loader->keys[FILE_KEY].node;
    struct text path;
    enum model_format format = MODEL_XGBOOST_JSON;
    if (!read_text(&loader->reader, node, "file", 4096, &path))
        return false;
    if (!policy_path_is_inside(path)) {
        read_diagnostic(&loader->reader, node,
                        "\"%" TEXT_FORMAT "\" is not inside of the policy's folder; expected for "
                        "example models/fraud.json",
                        TEXT_ARGS(path));
        return false;
    }
    if (!read_format(loader, path, &format))
        return false;
    const struct source *source = load_source(loader->load, path);
    if (!source) {
        read_diagnostic(&loader->reader, node, "there is no file \"%" TEXT_FORMAT "\"%s",
                        TEXT_ARGS(path),
                        !loader->keys[TRAIN].node             ? ""
                        : loader->load->untrained.length == 0 ? "; harrier train makes it"
                                                              : "; declare this model when the "
                                                                "other one is trained");
        return false;
    }
    struct error error;
    struct model *model;
    if (model_read(format, source->content, loader->load->arena, &model, &error) < 0) {
        read_diagnostic(&loader->reader, node, "%" TEXT_FORMAT ": %s", TEXT_ARGS(path), error.text);
        return false;
    }
    uint8_t digest[32];
    struct sha256 *sha = sha256_new();
    sha256_add(sha, source->content.data, source->content.length);
    sha256_finish(sha, digest);
    buffer_printf(&loader->definition, "file ");
    for (size_t i = 0; i < sizeof digest; i++)
        buffer_printf(&loader->definition, "%02x", digest[i]);
    loader->model->file = path;
    loader->model->model = loader->file_model = model;
    return true;
}

/* The text of a scorecard is in the policy's files as it is; as part of a definition it is hashed
 * as the tree that YAML gives. */
static void define_tree(struct buffer *out, const struct tree_node *node) {
    if (node->key)
        buffer_printf(out, "%zu:%" TEXT_FORMAT "=", node->key->text.length,
                      TEXT_ARGS(node->key->text));
    if (node->kind == TREE_TEXT)
        buffer_printf(out, "%zu:%" TEXT_FORMAT ",", node->text.length, TEXT_ARGS(node->text));
    else
        buffer_printf(out, "%s", node->kind == TREE_LIST ? "[" : "{");
    for (const struct tree_node *child = node->first; child; child = child->next)
        define_tree(out, child);
    if (node->kind != TREE_TEXT)
        buffer_printf(out, "%s", node->kind == TREE_LIST ? "]" : "}");
}

/* Of a model that is to be trained, neither the file nor what belongs to it is read. */
static bool is_untrained(const struct models_loader *loader) {
    return text_equal(loader->model->name, loader->load->untrained);
}

static bool read_untrained(struct models_loader *loader) {
    struct model *model;
    if (!load_untrained(loader->load, &loader->reader, loader->at, loader->keys[INPUTS].node,
                        loader->model->training.algorithm, &model))
        return false;
    loader->model->model = loader->file_model = model;
    loader->model->file = TEXT_LITERAL("untrained"); /* not a scorecard */
    return true;
}

static bool read_trees(struct models_loader *loader) {
    const struct tree_node *file = loader->keys[FILE_KEY].node,
                           *scorecard = loader->keys[SCORECARD].node;
    loader->scorecard = (struct scorecard){0};
    if (scorecard && loader->keys[TRAIN].node) {
        read_diagnostic(&loader->reader, loader->keys[TRAIN].node,
                        "a scorecard is written by hand and cannot be trained");
        return false;
    }
    if (!scorecard && is_untrained(loader))
        return read_untrained(loader);
    if (!file == !scorecard) {
        read_diagnostic(&loader->reader, loader->at,
                        "expected either \"file\" or \"scorecard\" of the model");
        return false;
    }
    if (file)
        return read_file(loader);
    if (loader->keys[FORMAT].node)
        read_diagnostic(&loader->reader, loader->keys[FORMAT].node, "a scorecard has no format");
    define_tree(&loader->definition, scorecard);
    if (!load_scorecard(loader->load, &loader->reader, scorecard, &loader->scorecard))
        return false;
    loader->model->model = loader->scorecard.model;
    return true;
}

/* ---- inputs ---- */

/* Names for inputs that have none in the file, as in ONNX: one for each, in the file's order. */
static bool read_input_names(struct models_loader *loader) {
    const struct tree_node *node = loader->keys[INPUT_NAMES].node;
    size_t count = model_shape(loader->model->model)->input_count, read = 0;
    if (!node)
        return true;
    if (loader->scorecard.model) {
        read_diagnostic(&loader->reader, node, "a scorecard's inputs have their names in points");
        return false;
    }
    if (!read_list(&loader->reader, node, "input_names"))
        return false;
    if (node->child_count != count) {
        read_diagnostic(&loader->reader, node, "%zu names; the model has %zu inputs",
                        node->child_count, count);
        return false;
    }
    struct text *names = arena_calloc(loader->load->arena, count, sizeof *names);
    check(names);
    for (const struct tree_node *item = node->first; item; item = item->next) {
        if (!read_text(&loader->reader, item, "an input's name", MODEL_NAME_MAX, &names[read]))
            return false;
        for (size_t i = 0; i < read; i++)
            if (text_equal(names[i], names[read])) {
                read_diagnostic(&loader->reader, item, "input \"%" TEXT_FORMAT "\" twice",
                                TEXT_ARGS(names[read]));
                return false;
            }
        read++;
    }
    model_name_inputs(loader->file_model, names);
    return true;
}

static size_t find_input(const struct model_shape *shape, struct text name) {
    for (size_t i = 0; i < shape->input_count; i++)
        if (text_equal(shape->inputs[i], name))
            return i;
    return SIZE_MAX;
}

/* Every key of the mapping must be an input of the file. */
static bool check_input_names(struct models_loader *loader, const struct tree_node *inputs,
                              const char *what) {
    const struct model_shape *shape = model_shape(loader->model->model);
    bool good = read_mapping(&loader->reader, inputs, what);
    for (const struct tree_node *child = good ? inputs->first : NULL; child; child = child->next) {
        if (child->key->broken || find_input(shape, child->key->text) != SIZE_MAX)
            continue;
        struct near near = near_to(child->key->text);
        char hint[NEAR_HINT_SIZE];
        for (size_t i = 0; i < shape->input_count; i++)
            near_try(&near, shape->inputs[i]);
        read_diagnostic(&loader->reader, child->key,
                        "the model has no input \"%" TEXT_FORMAT "\"%s",
                        TEXT_ARGS(child->key->text), near_hint(&near, hint));
        good = false;
    }
    return good;
}

static bool read_categories(struct models_loader *loader, const struct tree_node *node,
                            struct model_binding *binding) {
    if (!read_list(&loader->reader, node, "categories"))
        return false;
    struct text *texts = arena_calloc(loader->load->arena, node->child_count + 1, sizeof *texts);
    check(texts);
    if (node->child_count > MODEL_CATEGORIES_MAX) {
        read_diagnostic(&loader->reader, node, "%zu categories; expected at most %u",
                        node->child_count, MODEL_CATEGORIES_MAX);
        return false;
    }
    for (const struct tree_node *item = node->first; item; item = item->next) {
        struct text *t = &texts[binding->category_count];
        if (!read_text(&loader->reader, item, "a category", 1000, t))
            return false;
        binding->category_count++;
        buffer_printf(&loader->definition, "%zu:%" TEXT_FORMAT ",", t->length, TEXT_ARGS(*t));
    }
    binding->categories = texts;
    size_t twice = model_binding_sort(binding, loader->load->arena);
    if (twice == SIZE_MAX)
        return true;
    const struct tree_node *item = node->first;
    for (size_t i = 0; i < twice; i++)
        item = item->next;
    read_diagnostic(&loader->reader, item, "category \"%" TEXT_FORMAT "\" twice",
                    TEXT_ARGS(texts[twice]));
    return false;
}

/* What the input is bound to: the text of an expression. */
static const struct syntax *read_input_expression(struct models_loader *loader, size_t input,
                                                  const struct tree_node *node) {
    struct load *load = loader->load;
    struct text name = model_shape(loader->model->model)->inputs[input];
    if (node)
        return load_expression_node(load, loader->reader.source, node, "an input", SCOPE_MODEL,
                                    VALUE_ABSENT);
    if (!scope_find(&load->scope, name)) {
        if (!load->scope.incomplete)
            read_diagnostic(&loader->reader, loader->keys[NAME].node,
                            "input \"%" TEXT_FORMAT "\" of the model is no field, feature or "
                            "value; bind it under \"inputs\"",
                            TEXT_ARGS(name));
        return NULL;
    }
    /* The name stands in the model's file; errors are shown where the model is declared. */
    struct tree_node *named = arena_calloc(&load->scratch, 1, sizeof *named);
    check(named);
    *named = *loader->keys[NAME].node;
    named->text = name;
    return load_expression_node(load, loader->reader.source, named, "an input", SCOPE_MODEL,
                                VALUE_ABSENT);
}

static bool check_input_type(struct models_loader *loader, const struct tree_node *at, size_t input,
                             enum value_type type, bool has_categories) {
    struct text name = model_shape(loader->model->model)->inputs[input];
    if (type == VALUE_ERROR)
        return false;
    bool is_text = type == VALUE_TEXT;
    if (is_text && !has_categories)
        read_diagnostic(&loader->reader, at,
                        "input \"%" TEXT_FORMAT "\" is a string; expected its \"categories\", in "
                        "the order of the codes that the model was trained with",
                        TEXT_ARGS(name));
    else if (!is_text && has_categories)
        read_diagnostic(&loader->reader, at,
                        "input \"%" TEXT_FORMAT "\" has categories, but is of type %s; expected a "
                        "string",
                        TEXT_ARGS(name), value_type_name(type));
    else if (!is_text && type != VALUE_INT && type != VALUE_DOUBLE && type != VALUE_BOOL)
        read_diagnostic(&loader->reader, at,
                        "input \"%" TEXT_FORMAT "\" is of type %s; expected int, double, bool or "
                        "string",
                        TEXT_ARGS(name), type_code_name(type).string);
    else
        return true;
    return false;
}

/* node: what stands under "inputs" for it; NULL: nothing. */
static bool read_input(struct models_loader *loader, size_t input, const struct tree_node *node,
                       struct model_binding *binding) {
    const struct tree_node *value = node, *categories = NULL;
    struct key keys[] = {{"value", false, NULL}, {"categories", false, NULL}};
    if (node && node->kind == TREE_MAPPING) {
        if (!read_keys(&loader->reader, node, "an input", keys, 2))
            return false;
        value = keys[0].node;
        categories = keys[1].node;
    }
    struct text name = model_shape(loader->model->model)->inputs[input];
    buffer_printf(&loader->definition, "\ninput %zu:%" TEXT_FORMAT " ", name.length,
                  TEXT_ARGS(name));
    const struct syntax *syntax = read_input_expression(loader, input, value);
    if (!syntax)
        return false;
    syntax_print_definition(syntax, &loader->definition);
    bool good = true;
    if (categories)
        good = read_categories(loader, categories, binding);
    else if (loader->scorecard.model && loader->scorecard.category_counts[input] > 0) {
        binding->categories = loader->scorecard.categories[input];
        binding->category_count = loader->scorecard.category_counts[input];
        model_binding_sort(binding, loader->load->arena); /* no text is in two bins */
    }
    if (categories && loader->scorecard.model) {
        read_diagnostic(&loader->reader, categories, "a scorecard's bins name the categories");
        return false;
    }
    good = good && check_input_type(loader, node ? node : loader->keys[NAME].node, input,
                                    syntax->type, binding->category_count > 0);
    binding->expression = expression_build(syntax, loader->load->arena);
    return good;
}

static bool read_inputs(struct models_loader *loader) {
    const struct model_shape *shape = model_shape(loader->model->model);
    const struct tree_node *inputs = loader->keys[INPUTS].node;
    struct model_binding *bindings =
        arena_calloc(loader->load->arena, shape->input_count, sizeof *bindings);
    check(bindings);
    bool good = !inputs || check_input_names(loader, inputs, "inputs");
    for (size_t i = 0; i < shape->input_count; i++) {
        const struct tree_node *node =
            inputs && inputs->kind == TREE_MAPPING ? inputs->first : NULL;
        while (node && !text_equal(node->key->text, shape->inputs[i]))
            node = node->next;
        good &= read_input(loader, i, node, &bindings[i]);
    }
    loader->model->bindings = bindings;
    return good;
}

/* ---- output ---- */

static bool is_probability(const struct models_loader *loader) {
    enum forest_link link = model_shape(loader->model->model)->link;
    return link == FOREST_LINK_LOGISTIC || link == FOREST_LINK_SOFTMAX ||
           link == FOREST_LINK_ONE_VERSUS_ALL || link == FOREST_LINK_PROBABILITY;
}

/* The default is what the library's predict() gives; of a scorecard, its points. */
static bool read_output(struct models_loader *loader) {
    static const char *const names[] = {"margin", "probability", "value", "score", NULL};
    const struct tree_node *node = loader->keys[OUTPUT].node;
    enum forest_link link = model_shape(loader->model->model)->link;
    bool is_scorecard = loader->scorecard.model != NULL, has_probability = is_probability(loader);
    bool has_value = link == FOREST_LINK_IDENTITY || link == FOREST_LINK_EXP ||
                     link == FOREST_LINK_SQUARE || link == FOREST_LINK_ANOMALY;
    bool has_score = has_probability || is_scorecard || link == FOREST_LINK_ANOMALY;
    size_t index = 0;
    if (!node) {
        loader->model->output =
            has_probability || has_value ? MODEL_OUTPUT_PREDICTION : MODEL_OUTPUT_MARGIN;
        return true;
    }
    if (!read_choice(&loader->reader, node, "output", names, &index))
        return false;
    static const enum policy_model_output outputs[] = {MODEL_OUTPUT_MARGIN, MODEL_OUTPUT_PREDICTION,
                                                       MODEL_OUTPUT_PREDICTION, MODEL_OUTPUT_SCORE};
    bool fits[] = {true, has_probability, has_value, has_score};
    loader->model->output = outputs[index];
    if (!fits[index])
        read_diagnostic(&loader->reader, node, "the model's objective gives no %s; expected %s",
                        index == 3 ? "probability to make a score of" : names[index],
                        has_probability          ? "margin, probability or score"
                        : has_value && has_score ? "margin, value or score"
                        : has_value              ? "margin or value"
                        : is_scorecard           ? "margin or score"
                                                 : "margin");
    return fits[index];
}

static bool read_classes(struct models_loader *loader) {
    size_t count = model_shape(loader->model->model)->output_count;
    const struct tree_node *node = loader->keys[CLASSES].node;
    if (!node && count == 1)
        return true;
    if (!node || count == 1) {
        read_diagnostic(&loader->reader, node ? node : loader->at,
                        count == 1 ? "the model has one output; expected no classes"
                                   : "the model has %zu classes; expected their names, as "
                                     "classes: [legit, stolen, takeover]",
                        count);
        return false;
    }
    if (!read_list(&loader->reader, node, "classes"))
        return false;
    if (node->child_count != count) {
        read_diagnostic(&loader->reader, node, "%zu classes; the model has %zu", node->child_count,
                        count);
        return false;
    }
    struct text *classes = arena_calloc(loader->load->arena, count, sizeof *classes);
    check(classes);
    size_t read = 0;
    for (const struct tree_node *item = node->first; item; item = item->next) {
        if (!read_name(&loader->reader, item, "class", false, &classes[read]))
            return false;
        buffer_printf(&loader->definition, "\nclass %" TEXT_FORMAT, TEXT_ARGS(classes[read]));
        read++;
    }
    loader->model->classes = classes;
    return true;
}

/* ---- calibration ---- */

static bool read_point(struct models_loader *loader, const struct tree_node *node,
                       const struct calibration_point *before,
                       struct calibration_point *ret_point) {
    struct calibration_point point;
    if (!read_list(&loader->reader, node, "a point"))
        return false;
    if (node->child_count != 2) {
        read_diagnostic(&loader->reader, node,
                        "expected a point as [probability, calibrated probability]");
        return false;
    }
    if (!read_double(&loader->reader, node->first, "a probability", &point.from) ||
        !read_double(&loader->reader, node->last, "a calibrated probability", &point.to))
        return false;
    if (!(point.from >= 0 && point.from <= 1 && point.to >= 0 && point.to <= 1) ||
        (before && (point.from <= before->from || point.to < before->to))) {
        read_diagnostic(&loader->reader, node,
                        "expected probabilities from 0 to 1; the first of each point must "
                        "increase, and the second must not decrease");
        return false;
    }
    *ret_point = point;
    return true;
}

static bool read_isotonic(struct models_loader *loader, const struct tree_node *node,
                          struct calibration *calibration) {
    if (!read_list(&loader->reader, node, "isotonic"))
        return false;
    if (node->child_count < 2 || node->child_count > 10000) {
        read_diagnostic(&loader->reader, node, "%zu points; expected 2 to 10000",
                        node->child_count);
        return false;
    }
    struct calibration_point *points =
        arena_calloc(loader->load->arena, node->child_count, sizeof *points);
    check(points);
    calibration->kind = CALIBRATION_ISOTONIC;
    calibration->points = points;
    for (const struct tree_node *item = node->first; item; item = item->next) {
        size_t i = calibration->point_count++;
        if (!read_point(loader, item, i > 0 ? &points[i - 1] : NULL, &points[i]))
            return false;
    }
    return true;
}

static bool read_platt(struct models_loader *loader, const struct tree_node *node,
                       struct calibration *calibration) {
    struct key keys[] = {{"a", true, NULL}, {"b", true, NULL}};
    calibration->kind = CALIBRATION_PLATT;
    return read_keys(&loader->reader, node, "platt", keys, 2) &&
           read_double(&loader->reader, keys[0].node, "a", &calibration->a) &&
           read_double(&loader->reader, keys[1].node, "b", &calibration->b);
}

static bool read_calibration(struct models_loader *loader) {
    const struct tree_node *node = loader->keys[CALIBRATION].node;
    struct key keys[] = {{"platt", false, NULL}, {"isotonic", false, NULL}};
    if (!node)
        return true;
    if (!read_keys(&loader->reader, node, "calibration", keys, 2))
        return false;
    if (!keys[0].node == !keys[1].node) {
        read_diagnostic(&loader->reader, node, "expected either \"platt\" or \"isotonic\"");
        return false;
    }
    if (!is_probability(loader) || model_shape(loader->model->model)->output_count > 1 ||
        loader->model->output == MODEL_OUTPUT_MARGIN) {
        read_diagnostic(&loader->reader, node,
                        "only the probability or score of a model with two classes can be "
                        "calibrated");
        return false;
    }
    buffer_printf(&loader->definition, "\ncalibration ");
    define_tree(&loader->definition, node);
    return keys[0].node ? read_platt(loader, keys[0].node, &loader->model->calibration)
                        : read_isotonic(loader, keys[1].node, &loader->model->calibration);
}

/* ---- reasons ---- */

static void read_sentences(struct models_loader *loader, const struct tree_node *node) {
    const struct model_shape *shape = model_shape(loader->model->model);
    struct model_sentence *sentences =
        arena_calloc(loader->load->arena, shape->input_count, sizeof *sentences);
    check(sentences);
    loader->model->reasons.sentences = sentences;
    if (!node || !check_input_names(loader, node, "sentences"))
        return;
    for (const struct tree_node *child = node->first; child; child = child->next) {
        size_t input = find_input(shape, child->key->text);
        if (input != SIZE_MAX)
            load_sentence(loader->load, &loader->reader, child, "a sentence", SCOPE_MODEL,
                          &sentences[input].pieces, &sentences[input].count);
    }
}

/* Of a model with classes, which one is explained. */
static bool read_reasons_class(struct models_loader *loader, const struct tree_node *reasons,
                               const struct tree_node *node) {
    size_t count = model_shape(loader->model->model)->output_count;
    struct text name;
    if (!node && count == 1)
        return true;
    if (!node || count == 1) {
        read_diagnostic(&loader->reader, node ? node : reasons,
                        count == 1 ? "the model has one output; expected no class"
                                   : "expected the \"class\" that the reasons are for");
        return false;
    }
    if (!read_text(&loader->reader, node, "class", NAME_SIZE_MAX, &name))
        return false;
    for (size_t i = 0; i < count; i++)
        if (text_equal(loader->model->classes[i], name)) {
            loader->model->reasons.output = i;
            return true;
        }
    read_diagnostic(&loader->reader, node, "the model has no class \"%" TEXT_FORMAT "\"",
                    TEXT_ARGS(name));
    return false;
}

static bool read_reasons(struct models_loader *loader, const struct tree_node *node) {
    static const char *const directions[] = {"up", "down", NULL};
    struct key keys[] = {{"top", false, NULL},
                         {"direction", false, NULL},
                         {"class", false, NULL},
                         {"sentences", false, NULL}};
    int64_t top = 3;
    size_t direction = 0;
    if (!read_keys(&loader->reader, node, "reasons", keys, 4) ||
        (keys[0].node &&
         !read_int(&loader->reader, keys[0].node, "top", 1, MODEL_REASONS_MAX, &top)) ||
        (keys[1].node &&
         !read_choice(&loader->reader, keys[1].node, "direction", directions, &direction)) ||
        !read_reasons_class(loader, node, keys[2].node))
        return false;
    const struct model_shape *shape = model_shape(loader->model->model);
    if (!shape->has_covers) {
        read_diagnostic(
            &loader->reader, node,
            shape->is_linear
                ? "the linear model's file lacks a Scaler of all its inputs, and so their means: "
                  "what inputs contribute cannot be computed"
                : "the model's file lacks the counts of its nodes, or some are 0: what inputs "
                  "contribute cannot be computed");
        return false;
    }
    loader->model->reasons.top = (size_t)top;
    loader->model->reasons.are_down = direction == 1;
    read_sentences(loader, keys[3].node);
    return true;
}

/* ---- a model ---- */

static bool declare_output(struct models_loader *loader, struct text full, size_t slot, bool good) {
    struct load *load = loader->load;
    struct text canonical = arena_printf(load->arena, "%" TEXT_FORMAT ":%016llx", TEXT_ARGS(full),
                                         (unsigned long long)loader->model->definition);
    check(full.data && canonical.data);
    enum value_type type = loader->model->output == MODEL_OUTPUT_SCORE ? VALUE_INT : VALUE_DOUBLE;
    struct name name = {.text = full,
                        .canonical = canonical,
                        .kind = NAME_MODEL,
                        .type = good ? (type_code)type : (type_code)VALUE_ERROR,
                        .slot = slot};
    return load_declare(load, &loader->reader, loader->keys[NAME].node, name) != NULL;
}

/* Declared even if it has errors, so that rules that use it are not reported. */
static bool declare(struct models_loader *loader, bool good) {
    struct load *load = loader->load;
    struct policy_model *model = loader->model;
    model->slot = load->snapshot->first_model + load->snapshot->model_slot_count;
    model->slot_count = model->classes ? model_shape(model->model)->output_count : 1;
    struct text whole = arena_printf(load->arena, "models.%" TEXT_FORMAT, TEXT_ARGS(model->name));
    if (!good || !model->classes)
        return declare_output(loader, whole, model->slot, good) && good;
    for (size_t i = 0; i < model->slot_count; i++)
        good &= declare_output(loader,
                               arena_printf(load->arena, "%" TEXT_FORMAT ".%" TEXT_FORMAT,
                                            TEXT_ARGS(whole), TEXT_ARGS(model->classes[i])),
                               model->slot + i, true);
    return good;
}

static void read_model(struct models_loader *loader, const struct tree_node *node) {
    struct load *load = loader->load;
    struct key keys[MODEL_KEYS] = {
        [NAME] = {"name", true, NULL},
        [ABOUT] = {"about", false, NULL},
        [FILE_KEY] = {"file", false, NULL},
        [FORMAT] = {"format", false, NULL},
        [SCORECARD] = {"scorecard", false, NULL},
        [INPUT_NAMES] = {"input_names", false, NULL},
        [INPUTS] = {"inputs", false, NULL},
        [OUTPUT] = {"output", false, NULL},
        [CLASSES] = {"classes", false, NULL},
        [CALIBRATION] = {"calibration", false, NULL},
        [REASONS] = {"reasons", false, NULL},
        [TRAIN] = {"train", false, NULL},
        [REFERENCE] = {"reference", false, NULL},
    };
    struct policy_model model = {0};
    bool good = read_keys(&loader->reader, node, "a model", keys, MODEL_KEYS);
    if (!keys[NAME].node ||
        !read_name(&loader->reader, keys[NAME].node, "model", false, &model.name)) {
        load->scope.incomplete = true;
        return;
    }
    loader->keys = keys;
    loader->at = node;
    loader->model = &model;
    loader->definition.length = 0;
    if (keys[ABOUT].node)
        good &=
            read_text(&loader->reader, keys[ABOUT].node, "about", POLICY_ABOUT_MAX, &model.about);
    good = load_training(&loader->reader, keys[TRAIN].node, &model.training) && good;
    if (good && read_trees(loader)) {
        good = read_input_names(loader) && read_inputs(loader);
        good &= read_output(loader);
        good &= read_classes(loader);
        good = good && read_calibration(loader);
        good = good && (!keys[REASONS].node || read_reasons(loader, keys[REASONS].node));
        good = good && (!keys[REFERENCE].node || is_untrained(loader) ||
                        load_reference(load, &loader->reader, keys[REFERENCE].node,
                                       &loader->reference_bins, &model));
        buffer_printf(&loader->definition, "\noutput %d", (int)model.output);
    } else {
        good = false;
    }
    model.definition = hash64(loader->definition.bytes, loader->definition.length, 0);
    if (!declare(loader, good))
        return;
    load->snapshot->models[load->snapshot->model_count++] = model;
    load->snapshot->model_slot_count += model.slot_count;
}

/* The model that is to be trained must be there. */
static void check_untrained(struct models_loader *loader, const struct tree_node *list) {
    struct text wanted = loader->load->untrained;
    struct near near = near_to(wanted);
    char hint[NEAR_HINT_SIZE];
    for (const struct tree_node *item = list->first; item; item = item->next) {
        const struct tree_node *name = tree_child(item, "name");
        if (!name || name->kind != TREE_TEXT)
            continue;
        if (text_equal(name->text, wanted))
            return;
        near_try(&near, name->text);
    }
    diagnostic_add(&loader->load->diagnostics, loader->reader.source, (struct position){0},
                   "no model \"%" TEXT_FORMAT "\"%s", TEXT_ARGS(wanted), near_hint(&near, hint));
}

static void read_models(struct models_loader *loader, const struct tree_node *root) {
    struct load *load = loader->load;
    struct key keys[] = {{"models", true, NULL}};
    if (!read_keys(&loader->reader, root, "models.yaml", keys, 1) ||
        !read_list(&loader->reader, keys[0].node, "models")) {
        load->scope.incomplete = true;
        return;
    }
    const struct tree_node *list = keys[0].node;
    if (list->child_count > POLICY_MODELS_MAX) {
        read_diagnostic(&loader->reader, list, "%zu models; expected at most %u", list->child_count,
                        POLICY_MODELS_MAX);
        load->scope.incomplete = true;
        return;
    }
    load->snapshot->models =
        arena_calloc(load->arena, list->child_count, sizeof *load->snapshot->models);
    check(load->snapshot->models);
    for (const struct tree_node *item = list->first; item; item = item->next)
        read_model(loader, item);
    if (load->untrained.length > 0)
        check_untrained(loader, list);
}

void load_models(struct load *load) {
    struct snapshot *snapshot = load->snapshot;
    struct tree_node *root;
    snapshot->first_model = snapshot->first_computed + snapshot->computed_count;
    const struct source *source = load_find(load, FILE_MODELS, &root);
    if (!source)
        return;
    struct models_loader loader = {.load = load, .reader = load_reader(load, source)};
    buffer_init(&loader.definition);
    read_models(&loader, root);
    buffer_deinit(&loader.definition);
}
