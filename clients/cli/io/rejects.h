/* The file of --rejects: rows that were refused, each as it came, with where it came from and why.
 * The command that refused them reads the file as it is, once rows are mended or the cause is gone.
 *
 * CSV: the input's header and rows, byte for byte, with the columns of rows/reject_column.h behind
 * them. A row that does not fit the header (broken quotes, too many fields) is in harrier.raw, byte
 * for byte, with the header in harrier.columns, since a spreadsheet may move columns; its cells are
 * empty. JSON lines: the input's objects, byte for byte, with further
 * members at their end; a line that is no object is the text harrier.raw of one that has nothing
 * else or, if it is no text, harrier.raw_base64. Lines end with a line feed, whatever they ended
 * with.
 *
 * Each row is written at once, so the file has what was refused however the process ends; a row
 * that does not fit the disk any more is taken back as a whole. A file without rows is removed. */
#pragma once

#include "clients/cli/rows/row_original.h"
#include "clients/cli/rows/rows.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct rejects;

/* The value of --rejects. "-" ends the process with a message: decisions and reports go there. */
const char *rejects_option_parse(const char *value, struct argp_state *state);

/* Creates the file, with the permissions of the input, which may be NULL: then for the user alone.
 * ERROR_EXISTS: there is one with something in it, or it is one of the files named. Anything but a
 * regular file, such as a pipe, is written to as it is. ERROR_SYSTEM. */
int rejects_open(const char *path, const char *input, struct rejects **ret_rejects,
                 struct error *ret_error);
/* Removes it if nothing was refused; else brings it to the disk. Frees it also on ERROR_SYSTEM.
 * NULL is allowed. */
int rejects_close(struct rejects *rejects, struct error *ret_error);

/* The same at a command's end: says what has failed, and returns the command's exit status, or that
 * of the failure if nothing but rows had failed before. */
int rejects_close_at_exit(struct rejects *rejects, int status);

/* Is this path the same file? */
bool rejects_is_at(const struct rejects *rejects, const char *path);

/* Before the rows of a file: their format and header are the file's. ERROR_INVALID: they differ
 * from those of the file before. From here on the rows come with their originals. */
int rejects_begin_file(struct rejects *rejects, struct rows *rows, const char *name,
                       struct error *ret_error);
/* Before values that come one by one: those that are no JSON, or not in one line, are kept as raw;
 * is_protobuf: all are. */
void rejects_begin_values(struct rejects *rejects, bool is_protobuf);

struct rejected {
    const char *source; /* of a row that has none of its own */
    enum error_code code;
    struct text field;  /* may be empty */
    const char *reason; /* card numbers are masked already */
};

/* ERROR_SYSTEM: it could not be written; the file has the rows before it, and none comes after. */
int rejects_add(struct rejects *rejects, const struct row_original *original,
                const struct rejected *why, struct error *ret_error);

uint64_t rejects_count(const struct rejects *rejects);  /* NULL: 0 */
bool rejects_has_failed(const struct rejects *rejects); /* rows are missing. NULL: no */
const char *rejects_path(const struct rejects *rejects);

/* If there are rows in it, says how to retry them: the same command, with the file in place of
 * `input`. NULL is allowed. */
void rejects_print_retry(const struct rejects *rejects, const char *input, FILE *to);
