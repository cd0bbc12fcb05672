#include "segment_walk.h"

#include "../base/check.h"
#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

void frame_window_init(struct frame_window *window, int descriptor, size_t chunk) {
    *window = (struct frame_window){.descriptor = descriptor, .chunk = chunk};
    buffer_init(&window->bytes);
}

void frame_window_deinit(struct frame_window *window) {
    buffer_deinit(&window->bytes);
}

int frame_window_refresh(struct frame_window *window, struct error *ret_error) {
    struct stat status;
    if (fstat(window->descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "cannot look at the segment");
    window->file_size = (uint64_t)status.st_size;
    buffer_clear(&window->bytes);
    return 0;
}

/* Reads at least `needed` bytes from offset on; the caller knows that the file has them. */
static int window_fill(struct frame_window *window, uint64_t offset, size_t needed,
                       struct error *ret_error) {
    uint64_t left = window->file_size - offset;
    size_t wanted = needed > window->chunk ? needed : window->chunk;
    if (wanted > left)
        wanted = (size_t)left;
    buffer_clear(&window->bytes);
    uint8_t *bytes = buffer_reserve(&window->bytes, wanted);
    ssize_t length = file_read_at(window->descriptor, bytes, wanted, offset);
    if (length < 0)
        return error_set_errno(ret_error, errno, "cannot read the segment");
    window->start = offset;
    window->bytes.length = (size_t)length;
    if ((size_t)length < wanted) /* its writer took a failed write back */
        window->file_size = offset + (uint64_t)length;
    return 0;
}

int frame_window_look(struct frame_window *window, uint64_t offset, struct frame *ret_frame,
                      const char **ret_fault, struct error *ret_error) {
    for (;;) {
        uint64_t end = window->start + window->bytes.length;
        size_t available = 0;
        const uint8_t *at = window->bytes.bytes;
        if (offset >= window->start && offset < end) {
            available = (size_t)(end - offset);
            at += offset - window->start;
        }
        enum frame_status status = FRAME_SHORT;
        *ret_frame = (struct frame){0};
        if (available > 0 || offset >= window->file_size)
            status = frame_parse(at, available, ret_frame, ret_fault);
        ret_frame->offset = offset;
        size_t needed = ret_frame->size ? ret_frame->size : FRAME_HEADER_SIZE;
        /* Nothing is allocated for a length that the file does not have. */
        if (status != FRAME_SHORT || offset + available >= window->file_size ||
            needed > window->file_size - offset)
            return status;
        int r = window_fill(window, offset, needed, ret_error);
        if (r < 0)
            return r;
    }
}

int segment_walk_init(struct segment_walk *walk, int descriptor,
                      const struct segment_header *header, struct error *ret_error) {
    *walk = (struct segment_walk){
        .offset = SEGMENT_HEADER_SIZE,
        .place = header->before,
        .synced = header->before, /* a segment is begun only when all before it is on the disk */
    };
    frame_window_init(&walk->window, descriptor, WINDOW_SEQUENTIAL);
    return frame_window_refresh(&walk->window, ret_error);
}

void segment_walk_deinit(struct segment_walk *walk) {
    frame_window_deinit(&walk->window);
}

/* Why a sync mark cannot stand here, or NULL. */
static const char *mark_fault(struct segment_walk *walk, const struct frame *frame,
                              struct sync_mark *ret_mark) {
    if (!sync_mark_parse(frame, ret_mark))
        return "it is no sync mark, though it says so";
    if (ret_mark->place.position > walk->place.position)
        return "it is a sync mark for records that are not there";
    if (ret_mark->place.position == walk->place.position &&
        ret_mark->place.chain != walk->place.chain) {
        walk->contradicted = true;
        return "it is a sync mark for other records than those before it";
    }
    return NULL;
}

int segment_walk_next(struct segment_walk *walk, struct frame *ret_frame, const char **ret_fault,
                      struct error *ret_error) {
    for (;;) {
        struct frame frame;
        int status = frame_window_look(&walk->window, walk->offset, &frame, ret_fault, ret_error);
        if (status != FRAME_WHOLE)
            return status;
        if (frame.type == FRAME_TYPE_SYNC) {
            struct sync_mark mark;
            const char *fault = mark_fault(walk, &frame, &mark);
            if (fault) {
                *ret_fault = fault;
                return FRAME_BAD;
            }
            if (mark.place.position > walk->synced.position)
                walk->synced = mark.place;
            walk->offset += frame.size;
            continue;
        }
        if (frame.position != walk->place.position + 1) {
            *ret_fault = "its position does not follow the one before it";
            return FRAME_BAD;
        }
        const uint8_t *bytes = (const uint8_t *)frame.payload.data - FRAME_HEADER_SIZE;
        walk->place.chain = frame_chain(bytes, walk->place.chain);
        walk->place.position = frame.position;
        walk->last_offset = frame.offset;
        walk->offset += frame.size;
        *ret_frame = frame;
        return FRAME_WHOLE;
    }
}

static bool all_zero(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (bytes[i])
            return false;
    return true;
}

int segment_walk_judge(struct segment_walk *walk, uint64_t *ret_mark, struct error *ret_error) {
    if (walk->contradicted) {
        *ret_mark = walk->offset;
        return TAIL_DAMAGED;
    }
    if (walk->offset >= walk->window.file_size)
        return TAIL_CLEAN;
    int tail = TAIL_CLEAN;
    uint8_t *bytes = check_malloc(WINDOW_SEQUENTIAL);
    uint64_t offset = walk->offset;
    for (;;) {
        ssize_t length = file_read_at(walk->window.descriptor, bytes, WINDOW_SEQUENTIAL, offset);
        if (length < 0) {
            tail = error_set_errno(ret_error, errno, "cannot read the segment");
            break;
        }
        size_t at;
        if (sync_mark_search(bytes, (size_t)length, walk->place.position, &at)) {
            *ret_mark = offset + at;
            tail = TAIL_DAMAGED;
            break;
        }
        if (!all_zero(bytes, (size_t)length))
            tail = TAIL_TORN;
        if (length < WINDOW_SEQUENTIAL)
            break;
        /* A mark may lie across the end of what was read. */
        offset += WINDOW_SEQUENTIAL - SYNC_MARK_SIZE;
    }
    free(bytes);
    return tail;
}
