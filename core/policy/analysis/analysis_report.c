/* Warnings are placed below the part of an expression that they are about, with the same conversion
 * from source to file that the checker's errors use. */
#include "analysis_report.h"

#include <stdarg.h>
#include <stdio.h>

void analysis_warn(struct analysis *analysis, const struct noted_expression *noted,
                   const struct syntax *part, const char *format, ...) {
    char text[640];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    diagnostic_warn(&analysis->load->diagnostics, noted->source,
                    load_locate(noted->source, noted->node, noted->offset + part->start,
                                part->end - part->start),
                    "%s", text);
}

struct text analysis_unwrapped(struct text t) {
    size_t depth = 0;
    if (t.length < 2 || t.data[0] != '(' || t.data[t.length - 1] != ')')
        return t;
    for (size_t i = 0; i < t.length; i++) {
        depth += t.data[i] == '(';
        depth -= depth > 0 && t.data[i] == ')';
        if (depth == 0 && i + 1 < t.length)
            return t;
    }
    return analysis_unwrapped((struct text){.data = t.data + 1, .length = t.length - 2});
}
