#include "archive_copy.h"

#include "core/base/arena.h"
#include "core/base/check.h"
#include "core/store/archive/archive_epoch.h"
#include "core/store/archive/file.h"
#include "core/store/archive/segment_walk.h"
#include "core/wire/record/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DECODE_BYTES_MAX (4 * (size_t)FRAME_PAYLOAD_MAX)
#define WRITE_BYTES      ((size_t)1 << 20)

/* `lock` is the writer's, `spare` zeros of its next segment. `committed` and `cut` are about the
 * log of a cluster as this node knows it: another node, or this one later, has its own. */
enum archive_name archive_name_of(const char *name) {
    static const char *const left[] = {"lock",      "spare", "spare.new",
                                       "committed", "cut",   "begins.epoch"};
    int32_t day;
    if (day_parse(text_of(name), &day))
        return ARCHIVE_NAME_DAY;
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        if (strcmp(name, left[i]) == 0)
            return ARCHIVE_NAME_LEFT;
    bool is_draft = name[0] == '.' || strstr(name, ".new");
    return is_draft ? ARCHIVE_NAME_LEFT : ARCHIVE_NAME_KEPT;
}

int archive_copy_epoch(const char *archive, uint64_t *ret_number, struct error *ret_error) {
    struct archive_epoch epoch = {0};
    int directory;
    int r = directory_open(archive, "archive", &directory, ret_error);
    if (r == 0) {
        r = archive_epoch_read(directory, &epoch, ret_error);
        close(directory);
    }
    if (r == 0 && epoch.count > 0)
        r = error_set(ret_error, ERROR_UNAVAILABLE,
                      "an erasure is not finished: " EPOCH_FILE " names segments that are not in "
                      "place yet (if it was killed: a server that starts puts them there)");
    *ret_number = epoch.number;
    archive_epoch_deinit(&epoch);
    return r < 0 ? error_prefix(ret_error, "%s", archive) : 0;
}

struct archive_copy_source {
    char *path; /* of the archive, for messages */
    struct segment_file *file;
    struct segment_header header;
};

int archive_copy_open(const char *archive, int32_t day, uint64_t first,
                      struct archive_copy_source **ret_source, struct error *ret_error) {
    struct archive_copy_source *source = check_calloc(1, sizeof *source);
    struct segment_list list = {0};
    int directory = -1;
    source->path = text_copy(text_of(archive));
    segment_list_add(&list, day, first);
    const struct segment *segment = &list.segments[0];
    int r = directory_open(archive, "archive", &directory, ret_error);
    if (r == 0)
        r = segment_file_open_present(directory, segment, O_RDONLY, &source->file, ret_error);
    if (r == 0)
        r = segment_file_header(source->file, segment, &source->header, ret_error);
    if (r > 0)
        r = error_set(ret_error, ERROR_DAMAGED, "%s: the file ends inside its header",
                      source->file->name);
    if (directory >= 0)
        close(directory);
    segment_list_deinit(&list);
    if (r < 0) {
        archive_copy_close(source);
        return error_prefix(ret_error, "%s", archive);
    }
    *ret_source = source;
    return 0;
}

void archive_copy_close(struct archive_copy_source *source) {
    if (!source)
        return;
    segment_file_close(source->file);
    free(source->path);
    free(source);
}

struct archive_copy_file archive_copy_file(const struct archive_copy_source *source) {
    const struct segment_file *file = source->file;
    return (struct archive_copy_file){.descriptor = file->descriptor,
                                      .name = file->name,
                                      .is_sealed = file->is_sealed,
                                      .end = file->seal.end,
                                      .end_time_us = file->seal.end_time_us,
                                      .seal = file->seal.hash,
                                      .before = source->header.before,
                                      .time_before_us = source->header.time_before_us,
                                      .epoch = source->header.epoch};
}

/* ---------------------------------------------------------------------------------------------
 * A segment up to a record */

/* What is being written. */
struct output {
    int to;
    const char *shown;
    struct buffer bytes; /* not written yet */
    uint64_t written;
};

static int flush(struct output *output, struct error *ret_error) {
    if (file_write_at(output->to, output->bytes.bytes, output->bytes.length, output->written) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot write", output->shown);
    output->written += output->bytes.length;
    buffer_clear(&output->bytes);
    return 0;
}

static int receive_time(const struct frame *frame, struct arena *arena, int64_t *ret_time_us,
                        struct error *ret_error) {
    struct record record;
    arena_reset(arena);
    int r = record_decode((enum record_type)frame->type, frame->payload.data, frame->payload.length,
                          arena, &record, ret_error);
    if (r == 0)
        *ret_time_us = record.receive_time_us;
    return r;
}

/* The frame as it is: its payload lies behind its header in the window. */
static int put_frame(struct output *output, const struct frame *frame, struct error *ret_error) {
    buffer_append(&output->bytes, frame->payload.data - FRAME_HEADER_SIZE, frame->size);
    return output->bytes.length >= WRITE_BYTES ? flush(output, ret_error) : 0;
}

/* 1: the walk has come to the limit. */
static int copy_frame(struct segment_walk *walk, struct archive_copy_limit limit,
                      struct arena *arena, struct output *output, struct archive_copy_end *end,
                      struct error *ret_error) {
    struct frame frame;
    const char *fault = "it is incomplete";
    int64_t time_us = INT64_MIN;
    int r = segment_walk_next(walk, &frame, &fault, ret_error);
    if (r < 0)
        return r;
    if (r != FRAME_WHOLE && limit.position == UINT64_MAX && r == FRAME_END)
        return 1;
    if (r != FRAME_WHOLE)
        return error_set(
            ret_error, ERROR_DAMAGED,
            "byte %" PRIu64 ": the frame after record %" PRIu64 " is damaged or missing: %s",
            walk->offset, walk->place.position, r == FRAME_BAD ? fault : "it ends here");
    r = receive_time(&frame, arena, &time_us, ret_error);
    if (r < 0)
        return r;
    if (time_us > limit.time_us)
        return 1;
    *end = (struct archive_copy_end){.place = walk->place, .time_us = time_us};
    r = put_frame(output, &frame, ret_error);
    return r < 0 ? r : walk->place.position >= limit.position;
}

static int copy_frames(struct segment_walk *walk, struct archive_copy_limit limit,
                       struct output *output, struct archive_copy_end *end,
                       struct error *ret_error) {
    struct arena arena;
    arena_init(&arena, DECODE_BYTES_MAX);
    int r = 0;
    while (r == 0)
        r = copy_frame(walk, limit, &arena, output, end, ret_error);
    arena_deinit(&arena);
    return r < 0 ? r : 0;
}

int archive_copy_until(struct archive_copy_source *source, struct archive_copy_limit limit, int to,
                       const char *shown, struct archive_copy_end *ret_end,
                       struct error *ret_error) {
    uint64_t before = source->header.before.position;
    struct segment_walk walk;
    struct output output = {.to = to, .shown = shown};
    struct archive_copy_end end = {.place = source->header.before};
    if (limit.position <= before)
        return 1;
    buffer_init(&output.bytes);
    segment_header_encode(&source->header, buffer_reserve(&output.bytes, SEGMENT_HEADER_SIZE));
    output.bytes.length = SEGMENT_HEADER_SIZE;
    int r = segment_walk_init(&walk, source->file, &source->header, ret_error);
    if (r == 0)
        r = copy_frames(&walk, limit, &output, &end, ret_error);
    if (r < 0)
        error_prefix(ret_error, "%s/%s", source->path, source->file->name);
    else if (end.place.position == before)
        r = 1;
    if (r == 0) {
        const struct sync_mark mark = {.place = end.place, .time_us = end.time_us};
        sync_mark_append(&output.bytes, &mark);
        r = flush(&output, ret_error);
    }
    segment_walk_deinit(&walk);
    buffer_deinit(&output.bytes);
    if (r == 0) {
        end.bytes = output.written;
        *ret_end = end;
    }
    return r;
}
