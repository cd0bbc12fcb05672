/* Frames of a segment in order: a window of bytes that moves over the file (plain: chunks; sealed:
 * blocks), and a walk through the frames that keeps position, chain and the last sync mark.
 *
 * A frame is trusted only after its CRC, its position and, for sync marks, its chain are checked.
 * Nothing is allocated for a length that the file does not have, so damaged lengths cannot exhaust
 * memory. */
#include "segment_walk.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

void frame_window_init(struct frame_window *window, struct segment_file *file, size_t chunk) {
    *window = (struct frame_window){.file = file, .chunk = chunk};
    buffer_init(&window->bytes);
}

void frame_window_deinit(struct frame_window *window) {
    uint8_t digest[SEAL_HASH_SIZE];
    if (window->hash)
        sha256_finish(window->hash, digest);
    seal_unpacker_free(window->unpacker);
    buffer_deinit(&window->bytes);
}

int frame_window_refresh(struct frame_window *window, struct error *ret_error) {
    buffer_clear(&window->bytes);
    return segment_file_refresh(window->file, ret_error);
}

/* Reads at least `needed` bytes from offset; the caller knows that the file has them. */
static int fill_written(struct frame_window *window, uint64_t offset, size_t needed,
                        struct error *ret_error) {
    struct segment_file *file = window->file;
    uint64_t left = file->size - offset;
    size_t wanted = needed > window->chunk ? needed : window->chunk;
    if (wanted > left)
        wanted = (size_t)left;
    uint8_t *bytes = buffer_reserve(&window->bytes, wanted);
    ssize_t length = file_read_at(file->descriptor, bytes, wanted, offset);
    if (length < 0)
        return error_set_errno(ret_error, errno, "cannot read the segment");
    window->start = offset;
    window->bytes.length = (size_t)length;
    if ((size_t)length < wanted) /* its writer has rolled back a failed write */
        file->size = offset + (uint64_t)length;
    return 0;
}

/* Unpacks the block that has the byte at offset. */
static int fill_sealed(struct frame_window *window, uint64_t offset, struct error *ret_error) {
    const struct seal_block *block;
    int r = segment_file_block_at(window->file, offset, &block, ret_error);
    if (r < 0)
        return r;
    if (!window->unpacker)
        window->unpacker = seal_unpacker_new();
    uint8_t *bytes = buffer_reserve(&window->bytes, block->length);
    r = segment_file_unpack(window->file, block, window->unpacker, bytes, ret_error);
    if (r < 0)
        return r;
    window->start = block->offset;
    window->bytes.length = block->length;
    return 0;
}

/* With hashing on, each byte is hashed once and in order: fills may overlap, because a frame that
 * crosses the end of a chunk is read again from its start. */
static int window_fill(struct frame_window *window, uint64_t offset, size_t needed,
                       struct error *ret_error) {
    buffer_clear(&window->bytes);
    int r = window->file->is_sealed ? fill_sealed(window, offset, ret_error)
                                    : fill_written(window, offset, needed, ret_error);
    if (r < 0 || !window->hash)
        return r;
    uint64_t end = window->start + window->bytes.length;
    check(window->start <= window->hashed); /* no gap */
    if (end > window->hashed)
        sha256_add(window->hash, window->bytes.bytes + (window->hashed - window->start),
                   (size_t)(end - window->hashed));
    window->hashed = end > window->hashed ? end : window->hashed;
    return 0;
}

int frame_window_hash(struct frame_window *window, const uint8_t before[SEAL_HASH_SIZE],
                      struct error *ret_error) {
    check(!window->hash);
    window->hash = sha256_new();
    window->hashed = 0;
    sha256_add(window->hash, before, SEAL_HASH_SIZE);
    return window_fill(window, 0, SEGMENT_HEADER_SIZE, ret_error);
}

bool frame_window_hash_finish(struct frame_window *window, uint8_t ret_hash[SEAL_HASH_SIZE]) {
    sha256_finish(window->hash, ret_hash);
    window->hash = NULL;
    return window->hashed == window->file->size;
}

/* Parses what the window has; if that is too short and the file has more, fills the window once and
 * parses again. At the end of the file the answer is FRAME_END or FRAME_SHORT. */
int frame_window_look(struct frame_window *window, uint64_t offset, struct frame *ret_frame,
                      const char **ret_fault, struct error *ret_error) {
    for (bool is_filled = false;; is_filled = true) {
        uint64_t end = window->start + window->bytes.length, size = window->file->size;
        size_t available = 0;
        const uint8_t *at = window->bytes.bytes;
        if (offset >= window->start && offset < end) {
            available = (size_t)(end - offset);
            at += offset - window->start;
        }
        enum frame_status status = FRAME_SHORT;
        *ret_frame = (struct frame){0};
        if (available > 0 || offset >= size)
            status = window->trusted_type == FRAME_TRUST_NONE
                         ? frame_parse(at, available, ret_frame, ret_fault)
                         : frame_parse_trusting(at, available, window->trusted_type, ret_frame,
                                                ret_fault);
        ret_frame->offset = offset;
        size_t needed = ret_frame->size ? ret_frame->size : FRAME_HEADER_SIZE;
        /* Nothing is allocated for a length that the file does not have. */
        if (status != FRAME_SHORT || offset + available >= size || needed > size - offset)
            return status;
        if (is_filled && window->file->is_sealed) { /* blocks hold whole frames */
            *ret_fault = "it runs past the end of its block";
            return FRAME_BAD;
        }
        int r = window_fill(window, offset, needed, ret_error);
        if (r < 0)
            return r;
    }
}

int segment_walk_init(struct segment_walk *walk, struct segment_file *file,
                      const struct segment_header *header, struct error *ret_error) {
    *walk = (struct segment_walk){
        .offset = SEGMENT_HEADER_SIZE,
        .place = header->before,
        .synced = header->before, /* a segment starts only when all before it is on disk */
    };
    frame_window_init(&walk->window, file, WINDOW_SEQUENTIAL);
    return frame_window_refresh(&walk->window, ret_error);
}

void segment_walk_deinit(struct segment_walk *walk) {
    frame_window_deinit(&walk->window);
}

static bool is_skimming(const struct segment_walk *walk) {
    return walk->window.trusted_type != FRAME_TRUST_NONE;
}

void segment_walk_skim(struct segment_walk *walk, enum record_type type) {
    walk->window.trusted_type = (uint16_t)type;
}

/* Why a sync mark cannot be here, or NULL. A mark may be older than the last record (it is written
 * after later appends), but never newer; the chain can be compared only at the current position. */
static const char *mark_error(struct segment_walk *walk, const struct frame *frame,
                              struct sync_mark *ret_mark) {
    if (!sync_mark_parse(frame, ret_mark))
        return "its type says sync mark, but its content does not";
    if (ret_mark->place.position > walk->place.position)
        return "it is a sync mark for records that do not exist";
    if (ret_mark->place.position == walk->place.position && !is_skimming(walk) &&
        ret_mark->place.chain != walk->place.chain) {
        walk->contradicted = true;
        return "it is a sync mark of another history: its chain does not match";
    }
    return NULL;
}

/* The frame is parsed straight into *ret_frame: if it were copied right after it was written, the
 * processor would stall on store forwarding. */
int segment_walk_next(struct segment_walk *walk, struct frame *ret_frame, const char **ret_fault,
                      struct error *ret_error) {
    for (;;) {
        int status =
            frame_window_look(&walk->window, walk->offset, ret_frame, ret_fault, ret_error);
        if (status != FRAME_WHOLE)
            return status;
        if (ret_frame->type == FRAME_TYPE_SYNC) {
            struct sync_mark mark;
            const char *fault = mark_error(walk, ret_frame, &mark);
            if (fault) {
                *ret_fault = fault;
                return FRAME_BAD;
            }
            if (mark.place.position > walk->synced.position)
                walk->synced = mark.place;
            walk->marks[1] = walk->marks[0];
            walk->marks[0] = walk->offset;
            walk->offset += ret_frame->size;
            continue;
        }
        if (ret_frame->position != walk->place.position + 1) {
            *ret_fault = "its position does not follow the previous one";
            return FRAME_BAD;
        }
        const uint8_t *bytes = (const uint8_t *)ret_frame->payload.data - FRAME_HEADER_SIZE;
        if (!is_skimming(walk))
            walk->place.chain = frame_chain(bytes, walk->place.chain);
        walk->place.position = ret_frame->position;
        walk->last_offset = ret_frame->offset;
        walk->offset += ret_frame->size;
        return FRAME_WHOLE;
    }
}

/* Torn or damaged: whether a later sync mark exists decides. If one does, the bytes here were on
 * disk and are lost. If none does, they may never have been written, and dropping them loses
 * nothing that was promised. */
int segment_walk_judge(struct segment_walk *walk, uint64_t *ret_mark, struct error *ret_error) {
    if (walk->contradicted) {
        *ret_mark = walk->offset;
        return TAIL_DAMAGED;
    }
    if (walk->offset >= walk->window.file->size)
        return TAIL_CLEAN;
    if (walk->window.file->is_sealed) {
        *ret_mark = walk->window.file->size - SYNC_MARK_SIZE;
        return TAIL_DAMAGED;
    }
    int tail = TAIL_CLEAN;
    uint8_t *bytes = check_malloc(WINDOW_SEQUENTIAL);
    uint64_t offset = walk->offset;
    for (;;) {
        ssize_t length =
            file_read_at(walk->window.file->descriptor, bytes, WINDOW_SEQUENTIAL, offset);
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
        if (!bytes_are_zero(bytes, (size_t)length))
            tail = TAIL_TORN;
        if (length < WINDOW_SEQUENTIAL)
            break;
        /* A mark may cross the end of what was read: the next read overlaps by its size. */
        offset += WINDOW_SEQUENTIAL - SYNC_MARK_SIZE;
    }
    free(bytes);
    return tail;
}

/* Walks to where the frames end. enum tail, or < 0. */
static int walk_to_end(struct segment_walk *walk, const char **ret_fault, uint64_t *ret_mark,
                       struct error *ret_error) {
    struct frame frame;
    int r = frame_window_refresh(&walk->window, ret_error);
    walk->contradicted = false;
    if (r < 0)
        return r;
    do
        r = segment_walk_next(walk, &frame, ret_fault, ret_error);
    while (r == FRAME_WHOLE);
    if (r >= 0 && r != FRAME_BAD)
        *ret_fault = "it is incomplete";
    return r < 0 ? r : segment_walk_judge(walk, ret_mark, ret_error);
}

int segment_walk_finish(struct segment_walk *walk, struct error *ret_error) {
    const char *fault = "";
    uint64_t mark = 0, offset;
    int r;
    do {
        offset = walk->offset;
        r = walk_to_end(walk, &fault, &mark, ret_error);
    } while (r == TAIL_DAMAGED && walk->offset > offset);
    if (r == TAIL_DAMAGED)
        return error_set(ret_error, ERROR_DAMAGED,
                         "byte %" PRIu64 ": the frame after record %" PRIu64
                         " is damaged: %s; the sync mark at byte %" PRIu64
                         " says that it was on disk",
                         walk->offset, walk->place.position, fault, mark);
    return r < 0 ? r : 0;
}

int segment_walk_find_synced(struct segment_file *file, const struct segment_header *header,
                             struct archive_place *ret_synced, struct error *ret_error) {
    struct segment_walk walk;
    int r = segment_walk_init(&walk, file, header, ret_error);
    if (r == 0)
        r = segment_walk_finish(&walk, ret_error);
    if (r == 0)
        *ret_synced = walk.synced;
    else
        error_prefix(ret_error, "%s", file->name);
    segment_walk_deinit(&walk);
    return r;
}
