/* What is written beside a policy's models about their training: NAME.card.json and NAME.card.md,
 * which `harrier train` makes, and NAME.reference.json, which drift is measured against. JSON says
 * of which event times the training rows were; a comparison of models must not use those again. */
#pragma once

#include "core/base/error.h"
#include "core/wire/record/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_CARDS_MAX      256
#define MODEL_CARD_BYTES_MAX (4u << 20)

struct model_cards {
    bool is_trained;           /* a range is known */
    int64_t from_us, until_us; /* the earliest and the latest of all */
    char *latest;              /* the file that has the latest; heap */
    /* The cards, with paths in the policy's folder. They are not files of the policy, which has
     * another id with them, and must be carried along. */
    struct policy_file *files;
    size_t count;
};

/* Reads models/ in the folder, but no folders in it. Without any there are no cards.
 * ERROR_INVALID: a file that is no JSON, or a range that is none. ERROR_TOO_LARGE, ERROR_SYSTEM. */
int model_cards_read(const char *folder, struct model_cards *ret_cards, struct error *ret_error);
void model_cards_deinit(struct model_cards *cards);
