#include "night_finder.h"

#include "core/base/check.h"

#include <stdarg.h>
#include <stdio.h>

struct night_finding *finder_add(struct finder *finder, enum night_severity severity,
                                 const char *code, struct text subject, double figure,
                                 double expected) {
    struct night_findings *findings = finder->findings;
    findings->of = check_reallocarray(findings->of, findings->count + 1, sizeof *findings->of);
    struct night_finding *finding = &findings->of[findings->count++];
    *finding = (struct night_finding){
        .severity = severity, .code = code, .figure = figure, .expected = expected};
    snprintf(finding->subject, sizeof finding->subject, "%" TEXT_FORMAT, TEXT_ARGS(subject));
    findings->by_severity[severity]++;
    return finding;
}

void finder_say(struct night_finding *finding, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

void finder_advise(struct night_finding *finding, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->advice, sizeof finding->advice, format, arguments);
    va_end(arguments);
}
