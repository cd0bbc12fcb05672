/* The table of checks. */
#include "doctor_run.h"

#include "clients/cli/terminal/clock.h"
#include "core/base/json_writer.h"
#include "core/base/text.h"
#include "doctor_checks.h"
#include "doctor_sources.h"

#include <stdio.h>
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
#define CHECKS (sizeof checks / sizeof *checks)

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
