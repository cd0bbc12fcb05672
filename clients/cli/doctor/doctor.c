/* How results are said: a line each, or elements of JSON. */
#include "doctor.h"

#include "core/base/json_writer.h"
#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_WIDTH 13 /* of the longest name of a check */

static const struct {
    const char *name, *color;
} results[] = {
    [DOCTOR_GOOD] = {"good", "\033[32m"},
    [DOCTOR_WARNING] = {"warning", "\033[33m"},
    [DOCTOR_BAD] = {"bad", "\033[31m"},
};

static void print_line(const struct doctor *doctor, enum doctor_result result, const char *saw,
                       const char *advice) {
    if (doctor->options->quiet && result == DOCTOR_GOOD)
        return;
    printf("%s%-7s%s  %-*s  %s\n", doctor->is_colored ? results[result].color : "",
           results[result].name, doctor->is_colored ? "\033[0m" : "", NAME_WIDTH, doctor->check,
           saw);
    if (*advice)
        printf("%-7s  %-*s  → %s\n", "", NAME_WIDTH, "", advice);
}

static void add_json(struct doctor *doctor, enum doctor_result result, const char *saw,
                     const char *advice) {
    json_begin_object(&doctor->json, NULL);
    json_add_text(&doctor->json, "check", text_of(doctor->check));
    json_add_text(&doctor->json, "result", text_of(results[result].name));
    json_add_text(&doctor->json, "saw", text_of(saw));
    if (*advice)
        json_add_text(&doctor->json, "do", text_of(advice));
    json_end_object(&doctor->json);
}

static void say(struct doctor *doctor, enum doctor_result result, const char *advice,
                const char *format, va_list values) {
    char saw[1536];
    if (doctor->has_said)
        return;
    doctor->has_said = true;
    doctor->counts[result]++;
    vsnprintf(saw, sizeof saw, format, values);
    for (char *at = saw; *at; at++) /* texts of files must not steer a terminal */
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';
    if (doctor->options->json)
        add_json(doctor, result, saw, advice);
    else
        print_line(doctor, result, saw, advice);
}

void doctor_good(struct doctor *doctor, const char *format, ...) {
    va_list values;
    va_start(values, format);
    say(doctor, DOCTOR_GOOD, "", format, values);
    va_end(values);
}

void doctor_warn(struct doctor *doctor, const char *advice, const char *format, ...) {
    va_list values;
    va_start(values, format);
    say(doctor, DOCTOR_WARNING, advice, format, values);
    va_end(values);
}

void doctor_bad(struct doctor *doctor, const char *advice, const char *format, ...) {
    va_list values;
    va_start(values, format);
    say(doctor, DOCTOR_BAD, advice, format, values);
    va_end(values);
}

const char *doctor_option(const struct doctor *doctor, const char *name) {
    const char *at = (const char *)doctor->config.values.bytes;
    const char *end = at + doctor->config.values.length;
    while (at && at < end) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}
