#include "drift_json.h"

#include "core/base/json_writer.h"

static void add_number(struct buffer *out, const char *key, bool is_known, double number) {
    json_add_value(out, text_of(key), is_known ? value_double(number) : value_absent());
}

static void add_index(struct buffer *out, const struct model_drift *drift) {
    add_number(out, "stability_index", drift->is_compared, drift->index);
    add_number(out, "noise", drift->is_compared, drift->noise);
}

static void add_input(struct buffer *out, const struct model_drift *drift) {
    json_begin_object(out, NULL);
    json_add_text(out, "input", drift->input);
    add_index(out, drift);
    add_number(out, "missing", drift->rows > 0, (double)drift->missing / (double)drift->rows);
    add_number(out, "missing_in_training", drift->rows_before > 0,
               (double)drift->missing_before / (double)drift->rows_before);
    json_end_object(out);
}

/* Returns the first one of the next model. */
static size_t add_model(struct buffer *out, const struct report_model_drift *drifts, size_t count,
                        size_t i) {
    const struct report_model_drift *score = &drifts[i];
    json_begin_object(out, NULL);
    json_add_text(out, "model", score->model);
    json_add_unsigned(out, "rows", score->drift.rows);
    json_add_unsigned(out, "rows_in_training", score->drift.rows_before);
    json_add_text(out, "trained_from", score->reference->from);
    json_add_text(out, "trained_until", score->reference->until);
    json_begin_object(out, "score");
    add_index(out, &score->drift);
    json_end_object(out);
    json_begin_array(out, "inputs");
    for (i++; i < count && drifts[i].drift.input.length > 0; i++)
        add_input(out, &drifts[i].drift);
    json_end_array(out);
    json_end_object(out);
    return i;
}

void drift_json_add_models(struct buffer *out, const char *key,
                           const struct report_model_drift *drifts, size_t count) {
    json_begin_array(out, key);
    for (size_t i = 0; i < count;)
        i = add_model(out, drifts, count, i);
    json_end_array(out);
}
