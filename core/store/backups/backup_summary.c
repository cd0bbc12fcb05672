#include "backup_summary.h"

#include "core/base/buffer.h"
#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/archive/file.h"
#include "core/store/nights/night_files.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES_MAX ((size_t)64 << 10)

static uint64_t number_at(const json_t *object, const char *name) {
    json_int_t number = json_integer_value(json_object_get(object, name));
    return number > 0 ? (uint64_t)number : 0;
}

static int parse(const char *bytes, size_t length, struct backup_summary *ret_summary,
                 struct error *ret_error) {
    json_error_t where;
    json_t *object = json_loadb(bytes, length, 0, &where);
    if (!json_is_object(object)) {
        json_decref(object);
        return error_set(ret_error, ERROR_DAMAGED, BACKUP_SUMMARY_NAME ": it is no JSON object");
    }
    struct backup_summary summary = {
        .last_success_us = (int64_t)number_at(object, "last_success_time_us"),
        .place = {.position = number_at(object, "position")},
        .point = number_at(object, "point"),
        .bytes = number_at(object, "bytes"),
    };
    const char *chain = json_string_value(json_object_get(object, "chain"));
    const char *folder = json_string_value(json_object_get(object, "folder"));
    if (chain)
        (void)!hash_parse_hex(text_of(chain), &summary.place.chain);
    snprintf(summary.folder, sizeof summary.folder, "%s", folder ? folder : "");
    json_decref(object);
    *ret_summary = summary;
    return 0;
}

int backup_summary_read(const char *data, struct backup_summary *ret_summary,
                        struct error *ret_error) {
    char *bytes;
    size_t length;
    int folder;
    int r = directory_open(data, "data folder", &folder, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", data);
    r = file_load(folder, BACKUP_SUMMARY_NAME, BYTES_MAX, &bytes, &length, ret_error);
    close(folder);
    if (r == -ERROR_NOT_FOUND) {
        *ret_summary = (struct backup_summary){0};
        return 1;
    }
    if (r < 0)
        return r;
    r = parse(bytes, length, ret_summary, ret_error);
    free(bytes);
    return r;
}

int backup_summary_write(const char *data, const struct backup_summary *summary,
                         struct error *ret_error) {
    int folder;
    struct buffer json;
    int r = directory_open(data, "data folder", &folder, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", data);
    buffer_init(&json);
    json_begin_object(&json, NULL);
    json_add_signed(&json, "last_success_time_us", summary->last_success_us);
    json_add_time(&json, "last_success", summary->last_success_us);
    json_add_unsigned(&json, "position", summary->place.position);
    json_add_hex(&json, "chain", summary->place.chain);
    json_add_unsigned(&json, "point", summary->point);
    json_add_unsigned(&json, "bytes", summary->bytes);
    json_add_text(&json, "folder", text_of(summary->folder));
    json_end_object(&json);
    buffer_append_u8(&json, '\n');
    r = night_file_write_open(folder, BACKUP_SUMMARY_NAME, json.bytes, json.length, ret_error);
    buffer_deinit(&json);
    close(folder);
    return r < 0 ? error_prefix(ret_error, "%s", data) : 0;
}
