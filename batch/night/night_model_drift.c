#include "night_model_drift.h"

#include "core/model/stability.h"

#include <stdio.h>

static void find_score_drift(struct finder *finder, struct text model,
                             const struct model_drift *drift, enum night_severity severity,
                             double expected) {
    struct night_finding *finding =
        finder_add(finder, severity, "model_score_drift", model, drift->index, expected);
    finder_say(finding,
               "The scores of the model %" TEXT_FORMAT
               " are distributed differently from its training: stability index %.2f",
               TEXT_ARGS(model), drift->index);
    finder_advise(finding,
                  "Cut-offs may no longer give the alerts that they were chosen for. Replay the "
                  "policy on newer outcomes; train the model again if it finds less fraud.");
}

static void find_input_drift(struct finder *finder, struct text model,
                             const struct model_drift *drift, enum night_severity severity,
                             double expected) {
    struct night_finding *finding =
        finder_add(finder, severity, "model_input_drift", (struct text){0}, drift->index, expected);
    snprintf(finding->subject, sizeof finding->subject, "%" TEXT_FORMAT ": %" TEXT_FORMAT,
             TEXT_ARGS(model), TEXT_ARGS(drift->input));
    finder_say(
        finding,
        "The input %" TEXT_FORMAT " of the model %" TEXT_FORMAT
        " is distributed differently from its training: stability index %.2f; missing in %.1f %%, "
        "in training in %.1f %%",
        TEXT_ARGS(drift->input), TEXT_ARGS(model), drift->index,
        100 * (double)drift->missing / (double)drift->rows,
        100 * (double)drift->missing_before / (double)drift->rows_before);
    finder_advise(finding,
                  "Has a producer changed the fields that it is made from? If it is customers "
                  "who have changed, train the model again on newer data.");
}

/* Against training, not the week before: reported every night until the model is trained again. */
void night_model_drift_find(struct finder *finder) {
    const struct night_drift *drift = finder->evidence->drift;
    for (size_t i = 0; i < drift->model_count; i++) {
        const struct report_model_drift *own = &drift->models[i];
        enum model_drift_level level = model_drift_level(&own->drift);
        if (level == MODEL_DRIFT_STABLE)
            continue;
        bool is_shift = level == MODEL_DRIFT_SHIFT;
        (own->drift.input.length == 0 ? find_score_drift : find_input_drift)(
            finder, own->model, &own->drift, is_shift ? NIGHT_WARNING : NIGHT_NOTE,
            is_shift ? STABILITY_SHIFT : STABILITY_STABLE);
    }
}
