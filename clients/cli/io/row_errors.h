/* Rows that failed: all are counted, the first ones are reported on stderr as they come, and all
 * are kept where --rejects asks for it. */
#pragma once

#include "clients/cli/rows/row_original.h"
#include "clients/cli/terminal/progress_bar.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stdint.h>

#define ROW_ERRORS_SHOWN 10

struct row_errors {
    const char *file;         /* for messages */
    struct progress_bar *bar; /* wiped before a message; may be NULL */
    struct rejects *rejects;  /* keeps the rows; NULL: nobody does */
    uint64_t count;
};

/* Overwrites digits that look like a card number (text_is_card_number()) with stars: a message
 * quotes cells of a row, and a card number must not reach a terminal or a log that way. */
void row_errors_mask(char *message);

/* "file:line: message"; line 0: "harrier: file: message", for what is in no file; masked */
void row_errors_add(struct row_errors *diagnostics, uint64_t line, const char *message);

/* A row that was refused: reported, counted and, if that is asked for, kept. The field at fault may
 * be empty; the message names it. Fails only if the row cannot be kept. */
int row_errors_refuse(struct row_errors *diagnostics, const struct row_original *row,
                      enum error_code code, struct text field, const char *message,
                      struct error *ret_error);
/* As a server says it: the field is put in front unless the sentence begins with it. */
int row_errors_refuse_answer(struct row_errors *diagnostics, const struct row_original *row,
                             enum error_code code, struct text field, const char *message,
                             struct error *ret_error);
/* A row that was read, and is not known to be done when the run ends with this error: kept as well,
 * but neither reported nor counted. */
int row_errors_keep(struct row_errors *diagnostics, const struct row_original *row,
                    const struct error *why, struct error *ret_error);
