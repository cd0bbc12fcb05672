/* Where errors of one expression go: into the diagnostics of its file, to a test, to a command
 * line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct reporter {
    /* offset, length: bytes of the expression's source. text is valid during the call only. */
    void (*report)(struct reporter *self, size_t offset, size_t length, const char *text);
    size_t count; /* of reports, kept by report() below */
    /* YAML has joined the source into one line, so a // comment would hide the rest of the
     * expression: the lexer refuses comments. */
    bool folded;
};

/* Formats (at most 639 bytes), counts and passes on. */
void report(struct reporter *reporter, size_t offset, size_t length, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
