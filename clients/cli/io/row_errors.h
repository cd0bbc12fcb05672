/* Rows that failed: all are counted, the first ones are reported on stderr as they come. */
#pragma once

#include "clients/cli/terminal/progress_bar.h"

#include <stdint.h>

#define ROW_ERRORS_SHOWN 10

struct row_errors {
    const char *file;         /* for messages */
    struct progress_bar *bar; /* wiped before a message; may be NULL */
    uint64_t count;
};

/* Overwrites digits that look like a card number (text_is_card_number()) with stars: a message
 * quotes cells of a row, and a card number must not reach a terminal or a log that way. */
void row_errors_mask(char *message);

/* "file:line: message"; line 0: "harrier: file: message", for what is in no file; masked */
void row_errors_add(struct row_errors *diagnostics, uint64_t line, const char *message);

/* What a server said of a row: the field is put in front unless the sentence begins with it. */
void row_errors_add_answer(struct row_errors *diagnostics, uint64_t line, const char *field,
                           const char *message);
