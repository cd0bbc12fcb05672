/* A file of rows together with the mapping that gives them meaning. */
#pragma once

#include "clients/cli/rows/input.h"
#include "clients/cli/rows/rows.h"
#include "core/base/error.h"
#include "mapping.h"

#include <argp.h>
#include <stdbool.h>

struct mapped_file {
    struct input *input;
    struct rows *rows;
    struct mapping *mapping;
    bool note_unused; /* not yet said which columns are not used */
    bool is_protobuf; /* rows are messages Transaction, kept as raw: no cells, no mapping */
};

/* What the rows are read for: decides which fields a file must have. */
enum mapped_purpose {
    MAPPED_TRANSACTIONS,
    MAPPED_OUTCOMES,
    MAPPED_AMENDMENTS,
    MAPPED_REPORTS, /* outcomes, amendments or both */
};

/* map: path of a mapping file, or NULL. ERROR_NOT_FOUND, ERROR_INVALID, ERROR_SYSTEM. */
int mapped_file_open(struct mapped_file *file, const char *path, const char *map,
                     enum row_format format, enum mapped_purpose purpose, struct error *ret_error);
void mapped_file_close(struct mapped_file *file);

/* The value of --format: "csv" or "jsonl". Anything else ends the process with a message. */
enum row_format mapped_file_format_parse(const char *value, struct argp_state *state);

/* After opening JSON lines: rows are protobuf, as a file of refused records of Kafka has it. */
void mapped_file_take_protobuf(struct mapped_file *file);

const char *mapped_file_name(const struct mapped_file *file);

/* As rows_next(). After the first row, notes columns without use on stderr unless quiet. */
int mapped_file_next(struct mapped_file *file, bool quiet, struct row *ret_row,
                     struct error *ret_error);
