/* A reference is made from the training rows of its model, so it must know each of the model's
 * inputs and no others. It decides nothing: no definition depends on it. */
#include "load_reference.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/policy/load/policy_limits.h"

static size_t find_input(const struct model_reference *reference, struct text name) {
    for (size_t i = 0; i < reference->input_count; i++)
        if (text_equal(reference->inputs[i].name, name))
            return i;
    return SIZE_MAX;
}

/* As many inputs as the model has, each of them found: so none is there twice, and none is left. */
static bool order_inputs(struct load *load, const struct reader *reader,
                         const struct tree_node *node, const struct model_shape *shape,
                         struct model_reference *reference) {
    struct model_bins *inputs = arena_calloc(load->arena, shape->input_count, sizeof *inputs);
    check(inputs);
    for (size_t i = 0; i < shape->input_count; i++) {
        size_t found = find_input(reference, shape->inputs[i]);
        if (found == SIZE_MAX) {
            read_diagnostic(reader, node,
                            "%" TEXT_FORMAT " has no input \"%" TEXT_FORMAT
                            "\"; expected each input of the model",
                            TEXT_ARGS(node->text), TEXT_ARGS(shape->inputs[i]));
            return false;
        }
        inputs[i] = reference->inputs[found];
    }
    if (reference->input_count != shape->input_count) {
        read_diagnostic(reader, node, "%" TEXT_FORMAT " has %zu inputs; the model has %zu",
                        TEXT_ARGS(node->text), reference->input_count, shape->input_count);
        return false;
    }
    reference->inputs = inputs;
    return true;
}

static bool check_bins(const struct reader *reader, const struct tree_node *node,
                       const struct model_reference *reference, size_t *bins) {
    *bins += model_bins_count(&reference->score);
    for (size_t i = 0; i < reference->input_count; i++)
        *bins += model_bins_count(&reference->inputs[i]);
    if (*bins <= POLICY_REFERENCE_BINS_MAX)
        return true;
    read_diagnostic(reader, node,
                    "%zu counts in the references so far; expected at most %u of all models", *bins,
                    POLICY_REFERENCE_BINS_MAX);
    return false;
}

bool load_reference(struct load *load, const struct reader *reader, const struct tree_node *node,
                    size_t *bins, struct policy_model *model) {
    struct text path;
    if (!read_text(reader, node, "reference", 4096, &path))
        return false;
    const struct source *source = load_source(load, path);
    struct model_reference *reference = arena_calloc(load->arena, 1, sizeof *reference);
    struct error error;
    check(reference);
    if (!source) {
        read_diagnostic(reader, node,
                        "there is no file \"%" TEXT_FORMAT "\"; expected one inside of the "
                        "policy's folder, for example models/fraud.reference.json",
                        TEXT_ARGS(path));
        return false;
    }
    if (model_reference_read(source->content, load->arena, reference, &error) < 0) {
        read_diagnostic(reader, node, "%" TEXT_FORMAT ": %s", TEXT_ARGS(path), error.text);
        return false;
    }
    if (!order_inputs(load, reader, node, model_shape(model->model), reference) ||
        !check_bins(reader, node, reference, bins))
        return false;
    model->reference = reference;
    model->reference_hash = hash64(source->content.data, source->content.length, 0);
    return true;
}
