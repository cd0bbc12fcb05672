#include "night_summary.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *night_severity_name(enum night_severity severity) {
    static const char *const names[NIGHT_SEVERITY_COUNT] = {"note", "warning", "alert"};
    check(severity < NIGHT_SEVERITY_COUNT);
    return names[severity];
}

static uint64_t number_at(const json_t *object, const char *name) {
    json_int_t number = json_integer_value(json_object_get(object, name));
    return number > 0 ? (uint64_t)number : 0;
}

static void copy_at(const json_t *object, const char *name, char *ret_text, size_t size) {
    const char *text = json_string_value(json_object_get(object, name));
    snprintf(ret_text, size, "%s", text ? text : "");
}

static int parse(const char *bytes, size_t length, struct night_summary *ret_summary,
                 struct error *ret_error) {
    json_error_t where;
    json_t *object = json_loadb(bytes, length, 0, &where);
    if (!json_is_object(object)) {
        json_decref(object);
        return error_set(ret_error, ERROR_DAMAGED, NIGHT_SUMMARY_NAME ": it is no JSON object");
    }
    struct night_summary summary = {
        .last_success_us = (int64_t)number_at(object, "last_success_time_us"),
        .failed_us = (int64_t)number_at(object, "failed_time_us"),
        .held_back = number_at(object, "held_back"),
        .models_failed = json_is_true(json_object_get(object, "models_failed")),
    };
    copy_at(object, "date", summary.date, sizeof summary.date);
    copy_at(object, "step", summary.step, sizeof summary.step);
    copy_at(object, "reason", summary.reason, sizeof summary.reason);
    const json_t *findings = json_object_get(object, "findings");
    for (int i = 0; i < NIGHT_SEVERITY_COUNT; i++)
        summary.findings[i] = number_at(findings, night_severity_name((enum night_severity)i));
    json_decref(object);
    *ret_summary = summary;
    return 0;
}

int night_summary_read_from(int folder, struct night_summary *ret_summary,
                            struct error *ret_error) {
    char *bytes;
    size_t length;
    int r = file_load(folder, NIGHT_SUMMARY_NAME, NIGHT_FILE_MAX, &bytes, &length, ret_error);
    if (r == -ERROR_NOT_FOUND) {
        *ret_summary = (struct night_summary){0};
        return 1;
    }
    if (r < 0)
        return r;
    r = parse(bytes, length, ret_summary, ret_error);
    free(bytes);
    return r;
}

int night_summary_read(const char *data, struct night_summary *ret_summary,
                       struct error *ret_error) {
    char *path = name_printf("%s/" FOLDER_NIGHTS, data);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(path);
    if (folder < 0 && errno != ENOENT)
        return error_set_errno(ret_error, errno, "cannot open %s/" FOLDER_NIGHTS, data);
    if (folder < 0) {
        *ret_summary = (struct night_summary){0};
        return 1;
    }
    int r = night_summary_read_from(folder, ret_summary, ret_error);
    close(folder);
    return r;
}

int night_summary_write(int folder, const struct night_summary *summary, struct error *ret_error) {
    struct buffer json;
    buffer_init(&json);
    json_begin_object(&json, NULL);
    json_add_text(&json, "date", text_of(summary->date));
    json_add_signed(&json, "last_success_time_us", summary->last_success_us);
    json_add_signed(&json, "failed_time_us", summary->failed_us);
    json_add_text(&json, "step", text_of(summary->step));
    json_add_text(&json, "reason", text_of(summary->reason));
    json_begin_object(&json, "findings");
    for (int i = 0; i < NIGHT_SEVERITY_COUNT; i++)
        json_add_unsigned(&json, night_severity_name((enum night_severity)i), summary->findings[i]);
    json_end_object(&json);
    json_add_unsigned(&json, "held_back", summary->held_back);
    json_add_bool(&json, "models_failed", summary->models_failed);
    json_end_object(&json);
    buffer_append_u8(&json, '\n');
    int r = night_file_write(folder, NIGHT_SUMMARY_NAME, json.bytes, json.length, ret_error);
    buffer_deinit(&json);
    return r;
}
