/* The table of checks, and what is printed of them: a line each, or JSON. */
#include "doctor.h"

#include "clients/cli/terminal/clock.h"
#include "core/base/json_writer.h"
#include "core/base/text.h"
#include "doctor_checks.h"
#include "doctor_sources.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DATA_DEFAULT "/var/lib/harrier"

/* In this order: the machine, the configuration, the server, what it has stored.
 * docs/operations/doctor.md has a paragraph for each. */
static const struct {
    const char *name;
    void (*run)(struct doctor *doctor);
} checks[] = {
    {"configuration", check_configuration},
    {"data folder", check_data_access},
    {"file access", check_file_access},
    {"tokens", check_tokens},
    {"certificate", check_certificate},
    {"server", check_server},
    {"version", check_version},
    {"policy", check_policy},
    {"archive", check_archive},
    {"synced", check_synced},
    {"torn ends", check_torn_files},
    {"sealing", check_sealing},
    {"generations", check_generations},
    {"night", check_night},
    {"backup", check_backup},
    {"file system", check_file_system},
    {"disk speed", check_disk_speed},
    {"space", check_space},
    {"open files", check_open_files},
    {"core dumps", check_core_dumps},
    {"locked memory", check_locked_memory},
    {"clock", check_clock},
    {"time zone", check_time_zone},
    {"memory", check_memory},
    {"overcommit", check_overcommit},
    {"oom killer", check_oom},
    {"huge pages", check_huge_pages},
    {"cpu governor", check_governor},
    {"sandbox", check_sandbox},
    {"libraries", check_libraries},
    {"console", check_console},
};
#define CHECKS     (sizeof checks / sizeof *checks)
#define NAME_WIDTH 13 /* of the longest name */

static const struct {
    const char *name, *color;
} results[] = {
    [DOCTOR_GOOD] = {"good", "\033[32m"},
    [DOCTOR_WARNING] = {"warning", "\033[33m"},
    [DOCTOR_BAD] = {"bad", "\033[31m"},
};

/* ---- printing ---- */

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

static void print_json(struct doctor *doctor) {
    struct buffer json;
    buffer_init(&json);
    json_begin_object(&json, NULL);
    json_add_text(&json, "data", text_of(doctor->data));
    json_add_time(&json, "time", doctor->now_us);
    json_begin_array(&json, "checks");
    buffer_append(&json, doctor->json.bytes, doctor->json.length);
    json_end_array(&json);
    json_add_unsigned(&json, "good", doctor->counts[DOCTOR_GOOD]);
    json_add_unsigned(&json, "warnings", doctor->counts[DOCTOR_WARNING]);
    json_add_unsigned(&json, "bad", doctor->counts[DOCTOR_BAD]);
    json_end_object(&json);
    buffer_append_u8(&json, '\n');
    fwrite(json.bytes, 1, json.length, stdout);
    buffer_deinit(&json);
}

/* ---- running ---- */

void doctor_run(struct doctor *doctor) {
    doctor->now_us = realtime_us();
    doctor->archive.time_us = INT64_MIN;
    doctor->is_colored = !doctor->options->json && isatty(STDOUT_FILENO);
    buffer_init(&doctor->json);
    doctor_load_config(doctor);
    const char *configured = doctor_option(doctor, "data_dir");
    doctor->data = doctor->options->data ? doctor->options->data
                   : configured          ? configured
                                         : DATA_DEFAULT;
    doctor_find_process(doctor);
    if (!doctor->options->json && !doctor->options->quiet)
        printf("%s\n", doctor->data);
    for (size_t i = 0; i < CHECKS; i++) {
        doctor->check = checks[i].name;
        doctor->has_said = false;
        checks[i].run(doctor);
        fflush(stdout);
    }
    if (doctor->options->json)
        print_json(doctor);
    else if (!doctor->options->quiet)
        printf("%zu good, %zu warnings, %zu bad\n", doctor->counts[DOCTOR_GOOD],
               doctor->counts[DOCTOR_WARNING], doctor->counts[DOCTOR_BAD]);
    buffer_deinit(&doctor->json);
    buffer_deinit(&doctor->config.values);
}
