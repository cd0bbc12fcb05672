/* Decisions as CSV or JSON lines: those that a server made, or those that a replay derived.
 * docs/CLI.md lists the columns and members. */
#pragma once

#include "clients/c/harrier.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/wire/decision.h"

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
    bool is_replayed; /* the file is somebody else's, and the columns are a replay's */
    struct buffer line;
    struct buffer held; /* CSV rows without the features' columns */
    bool header_done;
    char **columns; /* the features' */
    size_t column_count;
    bool features_dropped; /* some decision had features without a column */
    /* Room for a libharrier decision as one of core's. */
    struct reason *reasons;
    struct named_value *values;
    struct text *tags;
    size_t reason_room, value_room, tag_room;
};

/* path NULL or "-": stdout. */
int decision_output_open(struct decision_output *output, const char *path,
                         enum decision_format format, bool features, struct error *ret_error);
/* Fails with ERROR_SYSTEM when the file cannot be written. */
int decision_output_add(struct decision_output *output, const struct harrier_decision *decision,
                        struct error *ret_error);
/* A replay's decisions as CSV. All features are known beforehand, in the order of their columns;
 * the file and its name belong to the caller, who also closes it. */
void decision_output_open_replayed(struct decision_output *output, FILE *file, const char *name,
                                   const struct text *features, size_t feature_count);
int decision_output_add_replayed(struct decision_output *output, const struct decision *decision,
                                 int64_t event_time_us, enum label outcome,
                                 struct error *ret_error);

/* A reason as a member of an array, as decisions and the archive's records have it in JSON. */
void decision_json_reason(struct buffer *line, const struct reason *reason);

/* Writes what is held back. Frees everything, also on failure. */
int decision_output_close(struct decision_output *output, struct error *ret_error);
