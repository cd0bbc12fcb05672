/* Decisions that a server made as CSV or JSON lines; docs/CLI.md lists the columns and members.
 * Those that a replay derives: training_set.h. */
#pragma once

#include "clients/c/harrier.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/types/decision.h"
#include "sent_decision.h"

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
    struct sent_decision sent;
};

/* path NULL or "-": stdout. */
int decision_output_open(struct decision_output *output, const char *path,
                         enum decision_format format, bool features, struct error *ret_error);
/* Fails with ERROR_SYSTEM when the file cannot be written. */
int decision_output_add(struct decision_output *output, const struct harrier_decision *decision,
                        struct error *ret_error);
/* The cells "rules" and "reasons" of CSV: the names of the rules that fired, and their texts. Those
 * without effect are marked. */
void decision_csv_rules(struct buffer *line, const struct decision *decision);
void decision_csv_reasons(struct buffer *line, const struct decision *decision);
/* The same as they are, without quotes. */
void decision_rules(struct buffer *ret_text, const struct decision *decision);
void decision_reasons(struct buffer *ret_text, const struct decision *decision);

/* A decision as a JSON object on one line, without a line feed. */
void decision_json(struct buffer *line, const struct decision *decision, bool features);
/* A reason as a member of an array, as decisions and the archive's records have it in JSON. */
void decision_json_reason(struct buffer *line, const struct reason *reason);
/* Likewise the members about rules that failed: their number, and the names that the decision has.
 */
void decision_json_failures(struct buffer *line, const struct decision *decision);

/* Writes what is held back. Frees everything, also on failure. */
int decision_output_close(struct decision_output *output, struct error *ret_error);
