/* The archive's one writer: append to memory, write to the kernel, sync to the disk.
 *
 * archive_write() is all or nothing, also when it crosses the end of a day and so starts a new
 * segment: until it has succeeded, the old segment stays open and can be truncated to its former
 * size. Recovery is in archive_open.c, reading by position in archive_read.c.
 *
 * A sealing process (archive_seal.h) works beside this one, in files of its own; the claim on the
 * segments that a write may still be rolled back into keeps it away from those. */
#include "archive_writer.h"

#include "core/base/check.h"
#include "file.h"
#include "segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENT_BYTES_DEFAULT (UINT64_C(64) << 20)

int archive_open(const char *path, const struct archive_options *options,
                 struct archive **ret_archive, struct archive_recovery *ret_recovery,
                 struct error *ret_error) {
    struct archive *archive = check_calloc(1, sizeof *archive);
    archive->path = text_copy(text_of(path));
    archive->directory = archive->lock = archive->written.descriptor = -1;
    archive->syncing = archive->next_sync = archive->unsynced.closing = -1;
    archive->segment_bytes =
        options && options->segment_bytes ? options->segment_bytes : SEGMENT_BYTES_DEFAULT;
    archive->on_zeros = options && options->on_zeros;
    archive->keeps = options && options->keeps;
    buffer_init(&archive->pending);
    buffer_init(&archive->unsynced.bytes);
    int r = directory_make(AT_FDCWD, path, &archive->directory, ret_error);
    if (r == 0)
        r = directory_lock(archive->directory, path, "writes to this archive", &archive->lock,
                           ret_error);
    if (r == 0) {
        r = archive_recover(archive, ret_recovery, ret_error);
        if (r < 0)
            error_prefix(ret_error, "%s", path);
    }
    if (r == 0)
        r = archive_keep_begin(archive, ret_error);
    if (r < 0) {
        archive->failed = true; /* nothing to write on closing */
        archive_close(archive);
        return r;
    }
    archive_remove_spare(archive); /* a crash may have left it incomplete, or with a header */
    archive_zero_fill(archive);
    *ret_archive = archive;
    return 0;
}

static void close_descriptor(int descriptor) {
    if (descriptor >= 0)
        close(descriptor);
}

/* Cuts off the zeros after the last segment's end. */
static int cut_zeros(const struct archive *archive) {
    return archive->on_zeros ? ftruncate(archive->written.descriptor, (off_t)archive->written.size)
                             : 0;
}

void archive_close(struct archive *archive) {
    if (!archive)
        return;
    struct error ignored; /* a caller that must know calls write and sync before */
    struct archive_sync sync;
    if (!archive->failed && archive_write(archive, &ignored) == 0 &&
        archive_sync_start(archive, &sync, &ignored) == 1) {
        archive_sync_wait(&sync, &ignored);
        archive_sync_finish(archive, &sync, &ignored);
    }
    if (!archive->failed && !archive->unsynced.is_broken) { /* else a new segment may follow it */
        if (archive->written.descriptor >= 0 && cut_zeros(archive) == 0)
            fdatasync(archive->written.descriptor); /* the mark too */
        archive_remove_spare(archive);
    }
    close_descriptor(archive->written.descriptor);
    close_descriptor(archive->syncing);
    close_descriptor(archive->next_sync);
    archive_keep_end(archive);
    archive_forget_indexes(archive);
    segment_list_deinit(&archive->list);
    buffer_deinit(&archive->pending);
    free(archive->frames);
    close_descriptor(archive->directory);
    close_descriptor(archive->lock); /* last: others may now write */
    free(archive->path);
    free(archive);
}

/* The frame at `start` of the pending ones is the archive's last now. */
static void queue(struct archive *archive, size_t start, uint64_t chain, int64_t time_us) {
    archive->end.position++;
    archive->end.chain = chain;
    archive->time_us = time_us;
    if (archive->frame_count == archive->frame_capacity) {
        archive->frame_capacity = archive->frame_capacity ? 2 * archive->frame_capacity : 256;
        archive->frames =
            check_reallocarray(archive->frames, archive->frame_capacity, sizeof *archive->frames);
    }
    archive->frames[archive->frame_count++] =
        (struct pending_frame){.start = start, .chain = chain, .time_us = time_us};
}

/* The frame is encoded in place, behind the pending ones. Its chain and receive time are kept
 * beside it: a write that succeeds for some frames only must know where the next segment starts
 * from. */
void archive_append(struct archive *archive, struct record *record) {
    if (record->receive_time_us < archive->time_us)
        record->receive_time_us = archive->time_us;
    record->position = archive->end.position + 1;
    size_t start = archive->pending.length;
    frame_begin(&archive->pending);
    record_encode(record, &archive->pending);
    frame_finish(&archive->pending, start, (uint16_t)record->type, record->position);
    queue(archive, start, frame_chain(archive->pending.bytes + start, archive->end.chain),
          record->receive_time_us);
}

int archive_append_encoded(struct archive *archive, enum record_type type, struct text payload,
                           int64_t receive_time_us, struct archive_place place,
                           struct error *ret_error) {
    size_t start = archive->pending.length;
    struct archive_place end = archive->end;
    uint64_t position = end.position + 1;
    frame_begin(&archive->pending);
    buffer_append(&archive->pending, payload.data, payload.length);
    frame_finish(&archive->pending, start, (uint16_t)type, position);
    uint64_t chain = frame_chain(archive->pending.bytes + start, end.chain);
    if (position == place.position && chain == place.chain && receive_time_us >= archive->time_us) {
        queue(archive, start, chain, receive_time_us);
        return 0;
    }
    archive->pending.length = start;
    if (position == place.position && chain == place.chain)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: record %" PRIu64 " was received earlier than the previous one",
                         archive->path, position);
    return error_set(ret_error, ERROR_DAMAGED,
                     "%s: record %" PRIu64 " with chain %016" PRIx64
                     " does not follow this archive's records; expected record %" PRIu64
                     " with chain %016" PRIx64,
                     archive->path, position, chain, place.position, place.chain);
}

/* ---------------------------------------------------------------------------------------------
 * Writing */

static const char *last_name(const struct archive *archive) {
    return archive->list.count ? archive->list.segments[archive->list.count - 1].name : "?";
}

static int write_bytes(struct archive *archive, const void *bytes, size_t length,
                       struct error *ret_error) {
    if (file_write_at(archive->written.descriptor, bytes, length, archive->written.size) < 0)
        return error_set_errno(ret_error, errno, "%s/%s: byte %" PRIu64 ": cannot write",
                               archive->path, last_name(archive), archive->written.size);
    archive->written.size += length;
    if (archive->keeps)
        buffer_append(&archive->unsynced.bytes, bytes, length);
    return 0;
}

static int write_mark(struct archive *archive, struct archive_place place,
                      struct error *ret_error) {
    const struct sync_mark mark = {.place = place, .time_us = archive->written.time_us};
    struct buffer buffer;
    buffer_init(&buffer);
    sync_mark_append(&buffer, &mark);
    int r = write_bytes(archive, buffer.bytes, buffer.length, ret_error);
    buffer_deinit(&buffer);
    return r;
}

/* After a failed sync no one knows which pages reached the disk, and the kernel takes them for
 * clean (it reports the error once). Whoever opens the archive next writes them again. */
static int sync_segment(struct archive *archive, struct error *ret_error) {
    if (fdatasync(archive_closing_descriptor(archive)) == 0)
        return 0;
    int number = errno;
    archive_note_failure(archive);
    return error_set_errno(ret_error, number, "%s/%s: cannot sync", archive->path,
                           last_name(archive));
}

/* A closed segment ends with its sync mark, so the zeros that were to be overwritten must go before
 * the next one starts. */
static int cut_segment(struct archive *archive, struct error *ret_error) {
    if (!archive->on_zeros ||
        (cut_zeros(archive) == 0 && fsync(archive_closing_descriptor(archive)) == 0))
        return 0;
    int number = errno;
    archive_note_failure(archive);
    return error_set_errno(ret_error, number, "%s/%s: cannot truncate the zeros after its end",
                           archive->path, last_name(archive));
}

/* Closes the last segment for good: syncs the records, then adds a sync mark for them, then syncs
 * that. In this order a mark never claims more than is on disk. The descriptor stays open, because
 * the write may still be rolled back. */
static int close_last(struct archive *archive, struct error *ret_error) {
    if (archive->written.size == SEGMENT_HEADER_SIZE)
        return cut_segment(archive, ret_error);
    int r = sync_segment(archive, ret_error);
    if (r == 0)
        r = write_mark(archive, archive->written.place, ret_error);
    if (r == 0)
        r = sync_segment(archive, ret_error);
    if (r == 0)
        r = cut_segment(archive, ret_error);
    if (r == 0)
        archive->written.synced = archive->written.place.position;
    return r;
}

/* The header is on disk before the first frame is written: recovery relies on it (archive_open.c,
 * is_headerless()). */
static int write_header(struct archive *archive, int descriptor, const struct segment *segment,
                        struct error *ret_error) {
    const struct segment_header header = {
        .before = archive->written.place,
        .time_before_us = archive->written.time_us,
        .day = segment->day,
    };
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    segment_header_encode(&header, bytes);
    if (file_write_at(descriptor, bytes, sizeof bytes, 0) < 0 || fsync(descriptor) < 0)
        return error_set_errno(ret_error, errno, "%s/%s: cannot start the segment", archive->path,
                               segment->name);
    return 0;
}

static int sync_names(struct archive *archive, const char *day, struct error *ret_error) {
    int r = directory_sync(archive->directory, day, ret_error);
    if (r == 0)
        r = directory_sync(archive->directory, ".", ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", archive->path) : 0;
}

/* A file for the segment: the spare, which is renamed once its header is on disk, or a new one.
 * *ret_name: what it is called until then. */
static int make_file(struct archive *archive, const struct segment *segment,
                     const char **ret_name) {
    if (archive->has_spare) {
        int descriptor = archive_open_spare(archive);
        *ret_name = ARCHIVE_SPARE;
        if (descriptor >= 0)
            return descriptor;
    }
    *ret_name = segment->name;
    return openat(archive->directory, segment->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
}

static int name_file(const struct archive *archive, const char **name,
                     const struct segment *segment, struct error *ret_error) {
    if (*name == segment->name)
        return 0;
    if (renameat2(archive->directory, *name, archive->directory, segment->name, RENAME_NOREPLACE) <
        0)
        return error_set_errno(ret_error, errno, "%s/%s: cannot create", archive->path,
                               segment->name);
    *name = segment->name;
    return 0;
}

/* Creates the segment that the next record goes to and makes it the last one. The caller owns the
 * descriptor of the one before. On failure the new file is removed again. */
static int begin_segment(struct archive *archive, int32_t day, struct error *ret_error) {
    char folder[DAY_NAME_SIZE];
    day_format(day, folder);
    int made;
    int r = directory_make(archive->directory, folder, &made, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", archive->path);
    close(made);
    segment_list_add(&archive->list, day, archive->written.place.position + 1);
    const struct segment *segment = &archive->list.segments[archive->list.count - 1];
    const char *name;
    int descriptor = make_file(archive, segment, &name);
    if (descriptor < 0) {
        r = error_set_errno(ret_error, errno, "%s/%s: cannot create", archive->path, segment->name);
        archive->list.count--;
        return r;
    }
    r = segment_claim(descriptor, segment->name, ret_error);
    if (r == 0)
        r = write_header(archive, descriptor, segment, ret_error);
    if (r == 0)
        r = name_file(archive, &name, segment, ret_error);
    if (r == 0)
        r = sync_names(archive, folder, ret_error);
    if (r == 0)
        r = archive_open_next_sync(archive, ret_error);
    if (r < 0) {
        struct error ignored;
        close(descriptor);
        if (archive_remove_file(archive, name, &ignored) < 0)
            archive_note_leftover(archive, name);
        archive->list.count--;
        return r;
    }
    archive->written.descriptor = descriptor;
    archive->written.size = SEGMENT_HEADER_SIZE;
    archive->written.segment_count = archive->list.count;
    archive->ends_segment = false;
    archive_keep_restart(archive);
    archive_close_indexes(archive);
    return 0;
}

void archive_end_segment(struct archive *archive) {
    archive->ends_segment = true;
}

static bool needs_segment(const struct archive *archive, int32_t day) {
    if (archive->written.descriptor < 0)
        return true;
    if (archive->ends_segment && archive->written.size > SEGMENT_HEADER_SIZE)
        return true;
    return archive->list.segments[archive->list.count - 1].day < day ||
           (archive->written.size >= archive->segment_bytes &&
            archive->written.size > SEGMENT_HEADER_SIZE);
}

static size_t frame_start(const struct archive *archive, size_t index) {
    return index < archive->frame_count ? archive->frames[index].start : archive->pending.length;
}

/* Writes the frames from `index` on, of the first `count`, that belong to the last segment, by day
 * and size, with one call. Returns the index of the first one that does not. */
static ssize_t write_run(struct archive *archive, size_t index, size_t count,
                         struct error *ret_error) {
    const struct pending_frame *frames = archive->frames;
    int32_t day = day_of(frames[index].time_us);
    size_t start = frames[index].start, end = index + 1;
    while (end < count && day_of(frames[end].time_us) == day &&
           archive->written.size + (frames[end].start - start) < archive->segment_bytes)
        end++;
    int r = write_bytes(archive, archive->pending.bytes + start, frame_start(archive, end) - start,
                        ret_error);
    if (r < 0)
        return r;
    archive->written.place.position += end - index;
    archive->written.place.chain = frames[end - 1].chain;
    archive->written.time_us = frames[end - 1].time_us;
    return (ssize_t)end;
}

/* The first `count` frames. kept: the descriptor of the first segment written to, which stays open,
 * and so claimed, until all is written: the write may still be rolled back to there. -1: none yet.
 */
static int write_pending(struct archive *archive, size_t count, int *kept,
                         struct error *ret_error) {
    size_t index = 0;
    while (index < count) {
        int32_t day = day_of(archive->frames[index].time_us);
        if (needs_segment(archive, day)) {
            int before = archive->written.descriptor;
            int r = before < 0 ? 0 : close_last(archive, ret_error);
            if (r == 0)
                r = begin_segment(archive, day, ret_error);
            if (r < 0)
                return r;
            if (*kept < 0)
                *kept = before;
            else if (before != *kept)
                close_descriptor(before);
        }
        ssize_t next = write_run(archive, index, count, ret_error);
        if (next < 0)
            return (int)next;
        index = (size_t)next;
    }
    return 0;
}

/* Rolls the files back to how they were before the write: removes new segments, newest first, and
 * truncates the old one. What cannot be undone makes the archive fail, because memory and files
 * would disagree. */
static void roll_back(struct archive *archive, const struct archive_written *before, int kept) {
    if (archive->written.descriptor != kept && archive->written.descriptor != before->descriptor)
        close_descriptor(archive->written.descriptor);
    bool rotated =
        archive->written.synced != before->synced || archive->list.count != before->segment_count;
    while (archive->list.count > before->segment_count) { /* the newest first */
        const char *name = archive->list.segments[archive->list.count - 1].name;
        bool is_followed = archive->unsynced.leftover_count > 0; /* then this one stays, too */
        struct error ignored;
        if (is_followed || archive_remove_file(archive, name, &ignored) < 0)
            archive_note_leftover(archive, name);
        archive->list.count--;
        archive->syncing_first = 0; /* a new file may get the same name */
    }
    archive->written = *before;
    archive_keep_roll_back(archive, rotated);
    if (rotated) { /* all before is on disk, so this one is not too late */
        struct error ignored;
        archive_open_next_sync(archive, &ignored);
    }
    if (kept != before->descriptor)
        close_descriptor(kept);
    /* A new segment that could not be removed follows the old one as it is now. Truncated, it would
     * leave a gap before the new one if the machine crashed. */
    if (archive->unsynced.leftover_count > 0) {
        archive_note_length(archive);
        return;
    }
    if (before->descriptor >= 0 && ftruncate(before->descriptor, (off_t)before->size) < 0)
        archive_note_length(archive);
    /* The sync mark that closed the segment may be on disk already: it must not come back in a
     * crash. */
    if (before->descriptor >= 0 && rotated && fdatasync(before->descriptor) < 0)
        archive_note_failure(archive);
}

/* After a failure this drops the appended records; after success the records are written and only
 * the buffer is reset. */
static void drop_pending(struct archive *archive) {
    archive_empty_buffer(&archive->pending);
    archive->frame_count = 0;
    archive->end = archive->written.place;
    archive->time_us = archive->written.time_us;
}

static int refuse_failed(const struct archive *archive, struct error *ret_error) {
    return error_set(ret_error, ERROR_UNAVAILABLE,
                     "%s: an earlier write or sync failed; the archive must be opened again",
                     archive->path);
}

/* All or nothing of the first `count` frames, which stay pending. */
static int write_frames(struct archive *archive, size_t count, struct error *ret_error) {
    struct archive_written before = archive->written;
    int kept = before.descriptor;
    int r = write_pending(archive, count, &kept, ret_error);
    if (r < 0)
        roll_back(archive, &before, kept);
    else if (kept != archive->written.descriptor)
        close_descriptor(kept);
    return r;
}

/* The first frames are written: those after them move to the front. */
static void drop_written(struct archive *archive, size_t count) {
    size_t bytes = frame_start(archive, count);
    archive->frame_count -= count;
    memmove(archive->frames, archive->frames + count,
            archive->frame_count * sizeof *archive->frames);
    for (size_t i = 0; i < archive->frame_count; i++)
        archive->frames[i].start -= bytes;
    buffer_drop(&archive->pending, bytes);
}

/* As many frames as have so many bytes, but one at least. */
static size_t frames_within(const struct archive *archive, size_t bytes) {
    size_t count = 1;
    while (count < archive->frame_count && frame_start(archive, count + 1) <= bytes)
        count++;
    return count;
}

int archive_write_some(struct archive *archive, size_t bytes, struct error *ret_error) {
    check(archive->keeps);
    int r = archive_mend(archive, ret_error);
    if (r < 0 || archive->frame_count == 0)
        return r;
    size_t count = frame_start(archive, archive->frame_count) <= bytes
                       ? archive->frame_count
                       : frames_within(archive, bytes);
    r = write_frames(archive, count, ret_error);
    if (r < 0)
        return r;
    if (count == archive->frame_count)
        drop_pending(archive);
    else
        drop_written(archive, count);
    return 0;
}

int archive_write(struct archive *archive, struct error *ret_error) {
    if (archive->keeps)
        return archive_write_some(archive, SIZE_MAX, ret_error);
    if (archive->failed) {
        drop_pending(archive);
        return refuse_failed(archive, ret_error);
    }
    int r = write_frames(archive, archive->frame_count, ret_error);
    drop_pending(archive); /* after success only the buffer: end and written are the same */
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Syncing */

int archive_sync_start(struct archive *archive, struct archive_sync *ret_sync,
                       struct error *ret_error) {
    if (archive->failed)
        return refuse_failed(archive, ret_error);
    int r = archive_mend(archive, ret_error);
    if (r < 0)
        return r;
    if (archive->written.place.position <= archive->written.synced)
        return 0;
    r = archive_take_next_sync(archive, ret_error);
    if (r < 0)
        return r;
    *ret_sync = (struct archive_sync){.descriptor = archive->syncing,
                                      .segments = archive->list.count,
                                      .size = archive->written.size,
                                      .position = archive->written.place.position,
                                      .chain = archive->written.place.chain};
    return 1;
}

int archive_sync_wait(struct archive_sync *sync, struct error *ret_error) {
    if (fdatasync(sync->descriptor) == 0)
        return 0;
    sync->failed = true;
    return error_set_errno(ret_error, errno, "cannot sync the archive up to record %" PRIu64,
                           sync->position);
}

/* The mark says what was written when the sync started, not what is written now. It becomes durable
 * only with the next sync; until then a crash makes recovery rely on the mark before. A mark that
 * cannot be written is cut off again: it would look like a torn tail. */
int archive_sync_finish(struct archive *archive, struct archive_sync *sync,
                        struct error *ret_error) {
    if (sync->failed)
        archive_note_failure(archive);
    if (archive->failed)
        return refuse_failed(archive, ret_error);
    if (sync->failed)
        return error_set(ret_error, ERROR_SYSTEM,
                         "%s: what is on disk after record %" PRIu64
                         " is unknown; it will be written again",
                         archive->path, archive->written.synced);
    archive_keep_synced(archive, sync);
    if (sync->position <= archive->written.synced) /* closing a segment synced it meanwhile */
        return 0;
    archive->written.synced = sync->position;
    if (archive->unsynced.is_broken) /* a write has failed meanwhile: its remains are in the way */
        return 0;
    uint64_t size = archive->written.size;
    const struct archive_place place = {.position = sync->position, .chain = sync->chain};
    int r = write_mark(archive, place, ret_error);
    if (r < 0 && ftruncate(archive->written.descriptor, (off_t)size) < 0)
        archive_note_length(archive);
    return r;
}

struct archive_place archive_end(const struct archive *archive) {
    return archive->end;
}

uint64_t archive_written(const struct archive *archive) {
    return archive->written.place.position;
}

uint64_t archive_synced(const struct archive *archive) {
    return archive->written.synced;
}

int64_t archive_time(const struct archive *archive) {
    return archive->time_us;
}
