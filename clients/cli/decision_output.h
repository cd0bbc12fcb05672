/* Decisions as CSV or JSON lines. docs/CLI.md lists the columns and members. */
#pragma once

#include "clients/c/harrier.h"
#include "core/base/buffer.h"
#include "core/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum decision_format { DECISION_CSV, DECISION_JSONL, DECISION_NONE };

/* In CSV each feature is a column, named after the first decision that has features. A server keeps
 * no feature values of transactions that it scored before (duplicates), so rows are held back until
 * their columns are known, up to DECISION_HELD_MAX bytes. */
#define DECISION_HELD_MAX (64u << 20)

struct decision_output {
    enum decision_format format;
    bool features;
    FILE *file;
    const char *name; /* of the file, for messages */
    bool is_stdout;
    struct buffer line;
    struct buffer held; /* CSV rows without the features' columns */
    bool header_done;
    char **columns; /* the features' */
    size_t column_count;
    bool features_dropped; /* some decision had features without a column */
};

/* path NULL or "-": stdout. */
int decision_output_open(struct decision_output *output, const char *path,
                         enum decision_format format, bool features, struct error *ret_error);
/* Fails with ERROR_SYSTEM when the file cannot be written. */
int decision_output_add(struct decision_output *output, const struct harrier_decision *decision,
                        struct error *ret_error);
/* Writes what is held back. Frees everything, also on failure. */
int decision_output_close(struct decision_output *output, struct error *ret_error);
