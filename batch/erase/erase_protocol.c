#include "erase_protocol.h"

#include "core/base/hash.h"
#include "core/base/json_writer.h"
#include "core/store/archive/file.h"
#include "core/store/ingest/erasure_request.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_seal(struct buffer *buffer, const char *name,
                     const uint8_t seal[ERASED_SEAL_SIZE]) {
    char hex[2 * ERASED_SEAL_SIZE + 1];
    for (size_t i = 0; i < ERASED_SEAL_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", seal[i]);
    json_add_text(buffer, name, text_of(hex));
}

static void add_fields(struct buffer *buffer, const struct erase_report *report) {
    json_begin_array(buffer, "fields");
    for (size_t i = 0; i < report->field_count; i++) {
        const struct erase_field_report *field = &report->fields[i];
        json_begin_object(buffer, NULL);
        json_add_text(buffer, "field", text_of(field->field));
        json_add_unsigned(buffer, "values_removed", field->values);
        json_add_unsigned(buffer, "values_kept_shared", field->shared);
        json_add_unsigned(buffer, "records", field->records);
        json_end_object(buffer);
    }
    json_end_array(buffer);
}

static void add_segments(struct buffer *buffer, const struct erase_changes *changes) {
    json_begin_array(buffer, "segments");
    for (size_t i = 0; i < changes->count; i++) {
        json_begin_object(buffer, NULL);
        json_add_unsigned(buffer, "first_position", changes->segments[i].first);
        json_add_unsigned(buffer, "records", changes->segments[i].records);
        add_seal(buffer, "seal_before", changes->segments[i].seal_before);
        add_seal(buffer, "seal", changes->segments[i].seal);
        json_end_object(buffer);
    }
    json_end_array(buffer);
}

static void add_bases(struct buffer *buffer, const struct erase_base_changes *changes) {
    json_begin_array(buffer, "tables_of_the_beginning");
    for (size_t i = 0; i < changes->count; i++) {
        json_begin_object(buffer, NULL);
        json_add_hex(buffer, "generation_before", changes->bases[i].before);
        json_add_hex(buffer, "generation", changes->bases[i].after);
        json_add_unsigned(buffer, "states_removed", changes->bases[i].states);
        json_add_unsigned(buffer, "texts_replaced", changes->bases[i].texts);
        json_end_object(buffer);
    }
    json_end_array(buffer);
}

/* Of all keys in their order: two requests can be told apart, or found equal. */
static uint64_t request_hash(const struct erase_keys *keys) {
    uint64_t hash = 0;
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].is_shared)
            continue;
        hash = hash64(keys->keys[i].field.data, keys->keys[i].field.length, hash);
        hash = hash64(&keys->keys[i].hash, sizeof keys->keys[i].hash, hash);
    }
    return hash;
}

static int write_file(const char *archive, const char *name, const struct buffer *bytes,
                      struct error *ret_error) {
    char *folder = name_printf("%s/" ERASURE_FOLDER, archive);
    char *draft = name_printf("%s.new", name);
    int directory = -1;
    int r = directory_make(AT_FDCWD, folder, &directory, ret_error);
    if (r == 0) {
        unlinkat(directory, draft, 0);
        r = file_create(directory, draft, bytes->bytes, bytes->length, ret_error);
    }
    if (r == 0 && renameat(directory, draft, directory, name) < 0)
        r = error_set_errno(ret_error, errno, "%s/%s: cannot rename it", folder, draft);
    if (r == 0)
        r = directory_sync(directory, ".", ret_error);
    if (directory >= 0)
        close(directory);
    free(folder);
    free(draft);
    return r;
}

int erase_protocol_write(const struct erase_options *options, const struct erase_changes *changes,
                         const struct erase_keys *keys, struct erase_report *report,
                         struct error *ret_error) {
    struct buffer buffer;
    char name[32];
    buffer_init(&buffer);
    json_begin_object(&buffer, NULL);
    json_add_unsigned(&buffer, "number", report->number);
    json_add_time(&buffer, "time", options->now_us);
    json_add_text(&buffer, "by", text_of(options->source));
    json_add_text(&buffer, "version", text_of(options->version));
    json_add_hex(&buffer, "request", request_hash(keys));
    json_add_unsigned(&buffer, "position", report->position);
    add_fields(&buffer, report);
    json_add_unsigned(&buffer, "records", report->records);
    add_segments(&buffer, changes);
    add_bases(&buffer, &changes->base);
    json_add_unsigned(&buffer, "policies_kept", report->policies_kept);
    json_add_hex(&buffer, "generation", report->generation_id);
    json_add_unsigned(&buffer, "files_removed", report->files_removed);
    json_add_unsigned(&buffer, "rows_overwritten", report->rows_overwritten);
    json_begin_array(&buffer, "files_left");
    for (size_t i = 0; i < report->left_count; i++)
        json_add_text(&buffer, NULL, text_of(report->left[i]));
    json_end_array(&buffer);
    json_end_object(&buffer);
    buffer_append(&buffer, "\n", 1);
    snprintf(name, sizeof name, "%06" PRIu64 ".json", report->number);
    int r = write_file(options->archive, name, &buffer, ret_error);
    buffer_deinit(&buffer);
    if (r == 0)
        snprintf(report->protocol, sizeof report->protocol, "%s/" ERASURE_FOLDER "/%s",
                 options->archive, name);
    return r;
}
