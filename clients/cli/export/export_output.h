/* Rows of an export in a file, which appears when it is whole (draft_file.h), or on standard
 * output. Parquet is written by harrier-parquet, a program with pyarrow: parquet/parquet_pipe.h. */
#pragma once

#include "batch/export/export.h"
#include "clients/cli/io/draft_file.h"
#include "export_columns.h"

#include <stdint.h>

enum export_format { EXPORT_CSV, EXPORT_JSONL, EXPORT_PARQUET };

struct export_output {
    enum export_format format;
    const struct export_columns *columns;
    const struct export_attributes *attributes;
    const struct attribute **found; /* of the row, by index in the set; NULL: it lacks it */
    struct draft_file draft;
    struct parquet_pipe *pipe; /* NULL: it is not Parquet */
    struct buffer line, memory;
    uint64_t rows;
    uint64_t amended_further; /* rows whose amendments a row cannot say */
};

/* path "-": standard output, not for Parquet. Columns and attributes must outlive the output.
 * ERROR_SYSTEM; of Parquet also that what writes it is not there: the text says how to get it. */
int export_output_open(struct export_output *output, const char *path, enum export_format format,
                       const struct export_columns *columns,
                       const struct export_attributes *attributes, struct error *ret_error);
/* For struct export_taker; user: the output. ERROR_SYSTEM */
int export_output_take(void *user, const struct export_row *row, struct error *ret_error);
/* Both free it; on failure of the first there is no file. */
int export_output_publish(struct export_output *output, struct error *ret_error);
void export_output_discard(struct export_output *output);
