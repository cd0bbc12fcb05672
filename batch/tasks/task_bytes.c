#include "task_bytes.h"

#include "batch/base/record_bytes.h"
#include "core/base/check.h"

void task_bytes_put(struct buffer *buffer, struct text text) {
    buffer_append_u64(buffer, text.length);
    buffer_append(buffer, text.data, text.length);
}

struct text task_bytes_get(struct cursor *cursor) {
    uint64_t length = cursor_u64(cursor);
    if (length > cursor_left(cursor))
        cursor->failed = true;
    return cursor->failed ? (struct text){0} : cursor_text(cursor, (size_t)length);
}

void task_bytes_put_head(struct text magic, struct buffer *buffer) {
    buffer_append(buffer, magic.data, magic.length);
    task_bytes_put(buffer, text_of(HARRIER_VERSION));
}

int task_bytes_get_head(struct cursor *cursor, struct text magic, struct error *ret_error) {
    struct text found = cursor_text(cursor, magic.length), version = task_bytes_get(cursor);
    if (cursor->failed ||
        (text_equal(found, magic) && text_equal(version, text_of(HARRIER_VERSION))))
        return 0; /* what is missing, the caller reports */
    return error_set(ret_error, ERROR_UNSUPPORTED,
                     "this library is version " HARRIER_VERSION
                     ", but the job was begun by %" TEXT_FORMAT
                     ": all machines need the same version",
                     TEXT_ARGS(version));
}

void task_bytes_put_policy(const struct snapshot *snapshot, struct buffer *buffer) {
    struct buffer payload;
    buffer_init(&payload);
    if (snapshot) {
        const struct record record = {.type = RECORD_SNAPSHOT,
                                      .snapshot = {.snapshot_id = snapshot->id,
                                                   .name = snapshot->name,
                                                   .files = snapshot->files,
                                                   .file_count = snapshot->file_count}};
        record_encode(&record, &payload);
    }
    task_bytes_put(buffer, buffer_text(&payload));
    buffer_deinit(&payload);
}

int task_bytes_load_policy(struct text payload, struct snapshot **ret_snapshot,
                           struct error *ret_error) {
    struct arena arena;
    struct buffer messages;
    struct record record;
    arena_init(&arena, RECORD_BYTES_MAX);
    buffer_init(&messages);
    int r =
        record_decode(RECORD_SNAPSHOT, payload.data, payload.length, &arena, &record, ret_error);
    if (r == 0)
        r = snapshot_load(record.snapshot.files, record.snapshot.file_count, ret_snapshot,
                          &messages, ret_error);
    buffer_deinit(&messages);
    arena_deinit(&arena);
    return r;
}

int task_bytes_get_policy(struct cursor *cursor, struct snapshot **ret_snapshot,
                          struct error *ret_error) {
    struct text payload = task_bytes_get(cursor);
    *ret_snapshot = NULL;
    return payload.length ? task_bytes_load_policy(payload, ret_snapshot, ret_error) : 0;
}

void task_bytes_put_parts(const struct archive_part_bounds *parts, size_t count,
                          struct buffer *buffer) {
    buffer_append_u64(buffer, count);
    for (size_t i = 0; i < count; i++) {
        buffer_append_u64(buffer, (uint64_t)parts[i].day);
        buffer_append_u64(buffer, parts[i].first);
        buffer_append_u64(buffer, parts[i].until.position);
        buffer_append_u64(buffer, parts[i].until.chain);
        buffer_append_u64(buffer, parts[i].is_open);
    }
}

struct archive_part_bounds *task_bytes_get_parts(struct cursor *cursor, size_t *ret_count) {
    uint64_t count = cursor_u64(cursor);
    *ret_count = 0;
    if (cursor->failed || count > cursor_left(cursor) / (5 * sizeof(uint64_t))) {
        cursor->failed = true;
        return NULL;
    }
    struct archive_part_bounds *parts = check_calloc((size_t)count + 1, sizeof *parts);
    for (size_t i = 0; i < count; i++) {
        parts[i].day = (int32_t)cursor_u64(cursor);
        parts[i].first = cursor_u64(cursor);
        parts[i].until.position = cursor_u64(cursor);
        parts[i].until.chain = cursor_u64(cursor);
        parts[i].is_open = cursor_u64(cursor);
    }
    *ret_count = (size_t)count;
    return parts;
}
