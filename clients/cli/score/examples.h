/* A few decisions worth showing to a person: of each verdict the one with the most reasons. */
#pragma once

#include "clients/c/harrier.h"
#include "clients/cli/io/detection.h"

#include <stdio.h>

#define EXAMPLE_REASONS_MAX 4
#define EXAMPLE_TEXT_MAX    160 /* bytes of a line */

struct example {
    size_t reason_count; /* of the decision, also those that are not kept */
    bool taken;
    char head[EXAMPLE_TEXT_MAX];
    char reasons[EXAMPLE_REASONS_MAX][EXAMPLE_TEXT_MAX];
};

struct examples {
    struct example of[HARRIER_VERDICT_DECLINE + 1]; /* by verdict */
};

/* Copies what it keeps. */
void examples_add(struct examples *examples, const struct harrier_transaction *transaction,
                  const struct harrier_decision *decision, enum truth truth);

/* At most `most`, the severest first. */
void examples_print(const struct examples *examples, size_t most, FILE *to);
