/* The one place where messages about expressions are formatted and counted; a struct reporter
 * decides where they go. */
#include "reporter.h"

#include <stdarg.h>
#include <stdio.h>

void report(struct reporter *reporter, size_t offset, size_t length, const char *format, ...) {
    char text[640];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    reporter->count++;
    reporter->report(reporter, offset, length, text);
}
