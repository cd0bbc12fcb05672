/* The reference for feature values: keeps every payment for ever and answers each feature by itself
 * with the loop that its definition spells. Shares no code with the engine beyond the declarations
 * of features and values; slow on purpose. */
#pragma once

#include "scene.h"

struct naive_payment {
    struct payment payment;
    enum scene_label label;
};

struct naive_model {
    struct naive_payment *payments;
    size_t count, capacity;
};

void naive_model_deinit(struct naive_model *model);
void naive_model_clear(struct naive_model *model);
void naive_model_pay(struct naive_model *model, const struct payment *payment);
/* All payments of this id get the label. Returns the label before; −1: no such payment. */
int naive_model_label(struct naive_model *model, uint64_t id_hash, enum scene_label label);

/* current: NULL, or the payment that is asked about, not in the model yet. Texts are static. */
struct value naive_model_value(const struct naive_model *model, const struct feature *feature,
                               int64_t at_us, const struct payment *current);
