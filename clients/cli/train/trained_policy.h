/* A policy with a model that has just been trained: its files, in memory, and the folder that is
 * made of them. */
#pragma once

#include "batch/train/train.h"
#include "clients/cli/policy/model_cards.h"
#include "core/policy/load/snapshot.h"

struct trained_policy {
    struct arena arena;
    struct policy_file *files;
    size_t count;
    struct snapshot *snapshot;
};

/* Before anything is trained: can models.yaml be edited at this model, and is no other model's file
 * where its own are to be? ERROR_INVALID */
int trained_policy_check(const struct snapshot *policy, const struct policy_model *model,
                         struct error *ret_error);

/* models/NAME.SUFFIX and models/NAME.reference.json in place of what the model named before, and
 * models.yaml edited. Loaded as a server would. ERROR_INVALID: a message of the load. */
int trained_policy_make(const struct train_options *options, const struct train_learned *learned,
                        struct trained_policy *ret_policy, struct error *ret_error);
void trained_policy_deinit(struct trained_policy *policy);

/* The folder, which must not exist, with models/NAME.card.md and models/NAME.card.json beside the
 * policy's files, and the cards of its other models. All of it appears at once. ERROR_SYSTEM */
int trained_policy_write(const struct trained_policy *policy, const struct model_cards *cards,
                         const char *folder, struct text model, struct text markdown,
                         struct text json, struct error *ret_error);
