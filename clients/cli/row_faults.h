/* Rows that failed: counted, and the first of them told on stderr as they come. */
#pragma once

#include "progress_bar.h"

#include <stdint.h>

#define ROW_FAULTS_SHOWN 10

struct row_faults {
    const char *file;         /* for messages */
    struct progress_bar *bar; /* wiped before a message; may be NULL */
    uint64_t count;
};

/* "file:line: what"; line 0: "harrier: file: what", for what is in no file */
void row_faults_add(struct row_faults *faults, uint64_t line, const char *what);

/* What a server said of a row: the field is put in front unless the sentence begins with it. */
void row_faults_add_answer(struct row_faults *faults, uint64_t line, const char *field,
                           const char *message);
