/* Who hears what is wrong with an expression: a file's loader, a test, a command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct reporter {
    /* offset, length: bytes of the expression's source. text is gone after the call. */
    void (*report)(struct reporter *self, size_t offset, size_t length, const char *text);
    size_t count; /* of reports, kept by report() below */
    /* The source's line ends are gone, so that a comment would hide all that follows: refuse it. */
    bool folded;
};

void report(struct reporter *reporter, size_t offset, size_t length, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
