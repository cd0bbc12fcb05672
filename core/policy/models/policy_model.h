/* A model of models.yaml: a model (core/model), what its inputs are in this policy, and what its
 * margins become: the values of models.NAME, or of models.NAME.CLASS for each class. */
#pragma once

#include "core/base/arena.h"
#include "core/base/value.h"
#include "core/model/model.h"
#include "core/model/model_reference.h"
#include "core/policy/eval/expression.h"
#include "core/policy/eval/reason_piece.h"
#include "model_training.h"

enum policy_model_output {
    MODEL_OUTPUT_MARGIN, /* double: what the library calls the raw score; a scorecard's points */
    MODEL_OUTPUT_PREDICTION, /* double: a probability, calibrated if there is a calibration, or the
                                value of a regression */
    MODEL_OUTPUT_SCORE,      /* int, 0 to 1000 */
};

/* A binary model's probability, corrected. */
enum calibration_kind {
    CALIBRATION_NONE,
    CALIBRATION_PLATT,    /* 1 / (1 + exp(-(a × margin + b))) */
    CALIBRATION_ISOTONIC, /* between the points, by the library's probability */
};
struct calibration_point {
    double from, to; /* `from` ascends, `to` does not descend */
};
struct calibration {
    enum calibration_kind kind;
    double a, b;
    const struct calibration_point *points;
    size_t point_count;
};

/* Where an input's value comes from. Numbers are taken as double, a bool as 0 or 1, a text as its
 * place among the categories. Absent and NaN are missing, and so is a text that is no category. */
struct model_binding {
    const struct expression *expression;
    const struct text *categories; /* of a text; a place is a code */
    const struct model_category *sorted;
    size_t category_count;
};
struct model_category {
    struct text text;
    size_t code;
};

/* Sorts the categories by their texts. Returns the first code whose text an earlier one has, too;
 * SIZE_MAX: all differ. */
size_t model_binding_sort(struct model_binding *binding, struct arena *arena);

/* What a model says of a decision that is not approve: the inputs that contributed most. */
#define MODEL_REASONS_MAX 10
struct model_reasons {
    size_t top;    /* at most so many sentences; 0: none are declared */
    bool are_down; /* those that lowered the margin, as in scorecards where few points are bad */
    size_t output; /* of these classes, which one */
    /* Parallel to the inputs; no pieces: "NAME is VALUE". */
    const struct model_sentence {
        const struct reason_piece *pieces;
        size_t count;
    } *sentences;
};

struct policy_model {
    struct text name, about;
    struct text file; /* empty: a scorecard */
    const struct model *model;
    const struct model_binding *bindings; /* parallel to the model's inputs */
    enum policy_model_output output;
    struct calibration calibration;
    struct model_reasons reasons;
    struct model_training training;
    const struct text *classes; /* names; NULL: there is one output */
    size_t slot;                /* of the first output in a frame */
    size_t slot_count;
    uint64_t definition; /* hash over what its values are computed from */
    /* What training saw; its inputs are parallel to the model's. Of a model with classes, the score
     * is the margin of the class that reasons are for, or of the first. NULL: none is named. */
    const struct model_reference *reference;
    uint64_t reference_hash; /* of its file */
};

/* doubles of scratch memory that an evaluation or an explanation takes */
size_t policy_model_scratch(const struct policy_model *model);

/* The values of the model's slots. If an input fails, all of them are its error; if a linear model
 * needs an input that is missing, EXPRESSION_BAD_ARGUMENT. What evaluating inputs allocates in the
 * arena is released again. Pure. */
void policy_model_eval(const struct policy_model *model, const struct value *frame,
                       struct arena *arena, double *scratch, struct value *ret_values);
/* The parts of policy_model_eval(), for margins of many rows at once: they leave what it leaves, in
 * values and scratch memory. */
void policy_model_finish(const struct policy_model *model, const double *inputs,
                         const double *margins, double *scratch, struct value *ret_values);
void policy_model_fail(const struct policy_model *model, struct value error, double *scratch,
                       struct value *ret_values);
/* What an evaluation has left in its scratch memory, which begins with the inputs: the margin that
 * the reference's score is of. NaN: an input failed. */
double policy_model_margin(const struct policy_model *model, const double *scratch);

/* Of one output: the inputs, what each contributed, and before them all the margin's expected value
 * (core/model/contributions.h). false: an input failed, or is missing in a linear model, or the
 * model has no covers. */
struct model_explanation {
    const double *inputs;        /* NaN: missing */
    const double *contributions; /* parallel; one more: the bias */
};
bool policy_model_explain(const struct policy_model *model, size_t output,
                          const struct value *frame, struct arena *arena, double *scratch,
                          struct model_explanation *ret_explanation);

/* Sets reads[slot] of every slot that the model's inputs or sentences may read. */
void policy_model_reads(const struct policy_model *model, bool *reads, size_t slot_count);

/* The inputs alone, NaN where one is missing; false: one failed, and *ret_error is its value. */
bool policy_model_inputs(const struct policy_model *model, const struct value *frame,
                         struct arena *arena, double *ret_inputs, struct value *ret_error);
