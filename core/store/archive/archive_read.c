/* One record by its position: from memory while it is not written, else from its segment. Plain
 * segments have an index of every 64th record, built as far as reads have walked; in a sealed
 * segment its table says which block the record is in.
 *
 * Reads verify the CRC of every frame on the way but not the chain, which would mean reading the
 * segment from its start. */
#include "archive_writer.h"

#include "core/base/check.h"
#include "segment_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* Descriptors kept open for reading. Old segments are rarely read, so all are closed at the limit,
 * rather than the least recently used. */
#define INDEX_OPEN_MAX 64

struct segment_file *archive_take_unused(struct archive *archive) {
    struct segment_file *files = archive->unused;
    archive->unused = NULL;
    return files;
}

void archive_close_unused(struct segment_file *files) {
    for (struct segment_file *next; files; files = next) {
        next = files->next;
        segment_file_close(files);
    }
}

/* Closing the last reference to a removed segment takes ten milliseconds, and this runs in the
 * thread that decides: so files are only handed over. Those that no one took since the last time
 * are closed now. */
void archive_close_indexes(struct archive *archive) {
    archive_close_unused(archive_take_unused(archive));
    for (size_t i = 0; i < archive->index_count && archive->index_open > 0; i++) {
        struct segment_index *index = &archive->indexes[i];
        if (!index->file)
            continue;
        index->file->next = archive->unused;
        archive->unused = index->file;
        index->file = NULL;
        archive->index_open--;
    }
}

/* A file of the same name may be another one by now, with the same records at other offsets. */
void archive_reopen_segments(struct archive *archive) {
    archive_close_indexes(archive);
    buffer_clear(&archive->window.bytes);
}

void archive_forget_indexes(struct archive *archive) {
    archive_close_indexes(archive);
    archive_close_unused(archive_take_unused(archive));
    for (size_t i = 0; i < archive->index_count; i++)
        free(archive->indexes[i].offsets);
    free(archive->indexes);
    frame_window_deinit(&archive->window);
}

static struct segment_index *index_of(struct archive *archive, size_t segment) {
    if (archive->index_count < archive->list.count) {
        archive->indexes =
            check_reallocarray(archive->indexes, archive->list.count, sizeof *archive->indexes);
        while (archive->index_count < archive->list.count)
            archive->indexes[archive->index_count++] = (struct segment_index){0};
    }
    return &archive->indexes[segment];
}

static int index_open(struct archive *archive, const struct segment *segment,
                      struct segment_index *index, struct error *ret_error) {
    if (index->file)
        return 0;
    if (archive->index_open >= INDEX_OPEN_MAX)
        archive_close_indexes(archive);
    int r = segment_file_open(archive->directory, segment, O_RDONLY, &index->file, ret_error);
    if (r > 0) { /* a prune may have removed it since the archive was opened */
        r = archive_begin_look(archive->directory, &archive->begin, ret_error);
        if (r >= 0 && segment->first <= archive->begin.place.position)
            return archive_begin_refuse(&archive->begin, segment->first, ret_error);
        if (r >= 0)
            r = error_set_errno(ret_error, ENOENT, "%s: cannot open", segment->name);
    }
    if (r < 0)
        return r;
    archive->index_open++;
    return 0;
}

/* The last segment whose first record is not after position. */
static size_t find_segment(const struct archive *archive, uint64_t position) {
    size_t low = 0, high = archive->list.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (archive->list.segments[middle].first <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void index_note(struct segment_index *index, uint64_t offset) {
    if (index->count == index->capacity) {
        index->capacity = index->capacity ? 2 * index->capacity : 64;
        index->offsets =
            check_reallocarray(index->offsets, index->capacity, sizeof *index->offsets);
    }
    index->offsets[index->count++] = offset;
}

static int frame_missing(uint64_t offset, uint64_t position, int status, const char *fault,
                         struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED,
                     "byte %" PRIu64 ": record %" PRIu64 " is expected here or later, but %s",
                     offset, position, status == FRAME_BAD ? fault : "the segment ends before it");
}

/* Walks from (at_position, offset) to the frame of `position`. index: extended on the way; NULL:
 * not. */
static int walk_to(struct frame_window *window, uint64_t at_position, uint64_t offset,
                   uint64_t position, struct segment_index *index, struct frame *ret_frame,
                   struct error *ret_error) {
    for (;;) {
        const char *fault = NULL;
        int status = frame_window_look(window, offset, ret_frame, &fault, ret_error);
        if (status < 0)
            return status;
        if (status != FRAME_WHOLE)
            return frame_missing(offset, position, status, fault, ret_error);
        offset += ret_frame->size;
        if (ret_frame->type == FRAME_TYPE_SYNC)
            continue;
        if (ret_frame->position != at_position)
            return frame_missing(ret_frame->offset, position, FRAME_BAD,
                                 "another record is in its place", ret_error);
        if (index) {
            if ((at_position - index->first) % INDEX_STRIDE == 0)
                index_note(index, ret_frame->offset);
            index->next_position = at_position + 1;
            index->next_offset = offset;
        }
        if (at_position == position)
            return 0;
        at_position++;
    }
}

static int find_sealed(struct segment_file *file, struct frame_window *window, uint64_t position,
                       struct frame *ret_frame, struct error *ret_error) {
    const struct seal_block *block;
    int r = segment_file_block_of(file, position, &block, ret_error);
    if (r < 0)
        return r;
    uint64_t offset = block->offset > 0 ? block->offset : SEGMENT_HEADER_SIZE;
    return walk_to(window, block->position_before + 1, offset, position, NULL, ret_frame,
                   ret_error);
}

static int find_frame(const struct segment *segment, struct segment_index *index,
                      struct frame_window *window, uint64_t position, struct frame *ret_frame,
                      struct error *ret_error) {
    if (index->file->is_sealed)
        return find_sealed(index->file, window, position, ret_frame, ret_error);
    if (index->next_offset == 0) {
        index->first = index->next_position = segment->first;
        index->next_offset = SEGMENT_HEADER_SIZE;
    }
    if (position >= index->next_position) {
        window->chunk = WINDOW_SEQUENTIAL;
        return walk_to(window, index->next_position, index->next_offset, position, index, ret_frame,
                       ret_error);
    }
    uint64_t slot = (position - segment->first) / INDEX_STRIDE;
    return walk_to(window, segment->first + slot * INDEX_STRIDE, index->offsets[slot], position,
                   NULL, ret_frame, ret_error);
}

static int decode(const struct frame *frame, struct arena *arena, struct record *ret_record,
                  struct error *ret_error) {
    int r = record_decode((enum record_type)frame->type, frame->payload.data, frame->payload.length,
                          arena, ret_record, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "byte %" PRIu64, frame->offset);
    ret_record->position = frame->position;
    return 0;
}

/* Points the window at this segment. What was read of it before stays valid as long as nothing was
 * written: records are never changed in place. */
static int window_open(struct archive *archive, size_t number, struct error *ret_error) {
    struct frame_window *window = &archive->window;
    bool is_good = window->bytes.length > 0 && archive->window_segment == number &&
                   archive->window_position == archive->written.place.position;
    window->file = archive->indexes[number].file;
    window->chunk = WINDOW_RANDOM;
    if (is_good)
        return 0;
    archive->window_segment = number;
    archive->window_position = archive->written.place.position;
    return frame_window_refresh(window, ret_error);
}

static int read_written(struct archive *archive, uint64_t position, struct arena *arena,
                        struct record *ret_record, struct error *ret_error) {
    size_t number = find_segment(archive, position);
    const struct segment *segment = &archive->list.segments[number];
    struct segment_index *index = index_of(archive, number);
    int r = index_open(archive, segment, index, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", archive->path);
    r = window_open(archive, number, ret_error);
    struct frame frame;
    if (r == 0)
        r = find_frame(segment, index, &archive->window, position, &frame, ret_error);
    if (r == 0)
        r = decode(&frame, arena, ret_record, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s/%s", archive->path, index->file->name);
    return 0;
}

static int read_pending(struct archive *archive, uint64_t position, struct arena *arena,
                        struct record *ret_record, struct error *ret_error) {
    size_t index = (size_t)(position - archive->written.place.position - 1);
    size_t start = archive->frames[index].start;
    struct frame frame;
    const char *fault;
    check(frame_parse(archive->pending.bytes + start, archive->pending.length - start, &frame,
                      &fault) == FRAME_WHOLE);
    return decode(&frame, arena, ret_record, ret_error);
}

int archive_read(struct archive *archive, uint64_t position, struct arena *arena,
                 struct record *ret_record, struct error *ret_error) {
    if (position == 0 || position > archive->end.position)
        return error_set(ret_error, ERROR_NOT_FOUND,
                         "%s: there is no record %" PRIu64 "; the last one is %" PRIu64,
                         archive->path, position, archive->end.position);
    if (position <= archive->begin.place.position)
        return archive_begin_refuse(&archive->begin, position, ret_error);
    if (position > archive->written.place.position)
        return read_pending(archive, position, arena, ret_record, ret_error);
    return read_written(archive, position, arena, ret_record, ret_error);
}
