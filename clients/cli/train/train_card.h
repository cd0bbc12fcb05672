/* A model card: what a model was made from and how good it is, for people (Markdown) and programs
 * (JSON). The same training gives the same bytes: a card has no date of its own. */
#pragma once

#include "batch/train/train_confirm.h"
#include "train_options.h"

struct train_card {
    const struct train_command *command;
    const struct snapshot *policy;    /* that declares the model */
    const struct policy_model *model; /* as it was declared */
    const struct snapshot *trained;   /* that has it */
    const struct train_learned *learned;
    const struct train_confirmed *confirmed; /* NULL: there is no later range */
};

void train_card_json(const struct train_card *card, struct buffer *out);
void train_card_markdown(const struct train_card *card, struct buffer *out);

const char *train_algorithm_name(enum training_algorithm algorithm);
const char *train_metric_name(enum training_metric metric);
