/* The steps of sealing, in this order for each segment: examine (verify it, plan the blocks, hash
 * it), write the sealed file under a temporary name, read it back, rename, sync the folder, remove
 * the plain file. A crash between any two leaves the plain file, or both, or the sealed one alone;
 * adopt_earlier_run() continues where both are there. */
#include "archive_seal.h"

#include "archive_begin.h"
#include "archive_committed.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "file.h"
#include "segment_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Synced after each of these, so that a sync of a server beside this never waits long for our
 * bytes. */
#define SYNC_BYTES (UINT64_C(4) << 20)

struct sealing {
    int directory;
    struct segment_list list;
    uint64_t until;
    uint8_t before[SEAL_HASH_SIZE]; /* seal of the segment in front; zeros: there is none */
    struct seal_packer *packer;
    struct seal_unpacker *unpacker;
    struct buffer bytes, stored; /* of one block */
    struct progress *progress;
    uint64_t done, total; /* bytes, each counted twice: written, read back */
    struct archive_seal_report report;
};

/* One segment being sealed. */
struct work {
    struct sealing *sealing;
    const struct segment *segment;
    struct segment_file *file;
    struct segment_header next; /* of the segment after it */
    struct seal_header seal;
    struct seal_block *blocks;
    size_t count, capacity;
    char name[SEGMENT_FILE_NAME_SIZE]; /* of the sealed file */
    char temporary[SEGMENT_FILE_NAME_SIZE];
    int descriptor; /* of the temporary file */
};

static void temporary_name(const struct segment *segment, char ret_name[SEGMENT_FILE_NAME_SIZE]) {
    snprintf(ret_name, SEGMENT_FILE_NAME_SIZE, "%s.zst.new", segment->name);
}

static int report_progress(struct sealing *sealing, uint64_t bytes, struct error *ret_error) {
    sealing->done += bytes;
    uint64_t done = sealing->done < sealing->total ? sealing->done : sealing->total;
    if (progress_update(sealing->progress, "seal", done, sealing->total) == 0)
        return 0;
    return error_set(ret_error, ERROR_INTERRUPTED, "interrupted while sealing");
}

/* ---------------------------------------------------------------------------------------------
 * Reading the segment: is it whole, and where are its blocks to be? */

static void begin_block(struct work *work, uint64_t offset, uint64_t position_before) {
    if (work->count == work->capacity) {
        work->capacity = work->capacity ? 2 * work->capacity : 1024;
        work->blocks = check_reallocarray(work->blocks, work->capacity, sizeof *work->blocks);
    }
    work->blocks[work->count++] =
        (struct seal_block){.offset = offset, .position_before = position_before};
}

static void end_block(struct work *work, uint64_t offset) {
    struct seal_block *block = &work->blocks[work->count - 1];
    block->length = (uint32_t)(offset - block->offset); /* one frame over the limit at most */
}

/* A block ends before the record that would make it too large, so a record is never split. */
static void cut_block(struct work *work, const struct frame *frame) {
    uint64_t begin = work->blocks[work->count - 1].offset;
    uint64_t first = begin > 0 ? begin : SEGMENT_HEADER_SIZE; /* the header goes with a frame */
    if (frame->offset > first && frame->offset + frame->size - begin > SEAL_BLOCK_BYTES) {
        end_block(work, frame->offset);
        begin_block(work, frame->offset, frame->position - 1);
    }
}

static int refuse_end(const struct work *work, const struct segment_walk *walk, const char *fault,
                      struct error *ret_error) {
    return error_set(ret_error, ERROR_DAMAGED,
                     "byte %" PRIu64 ": the frame after record %" PRIu64
                     " is damaged, or it is not the segment that the next one continues: %s",
                     walk->offset, walk->place.position,
                     walk->offset < work->file->size ? fault : "the file ends here");
}

static int walk_segment(struct work *work, struct segment_walk *walk, struct error *ret_error) {
    struct frame frame;
    const char *fault = "it is incomplete";
    int status;
    begin_block(work, 0, walk->place.position);
    while ((status = segment_walk_next(walk, &frame, &fault, ret_error)) == FRAME_WHOLE) {
        work->seal.types |= UINT64_C(1) << frame.type % 64;
        cut_block(work, &frame);
    }
    if (status < 0)
        return status;
    end_block(work, walk->offset);
    if (status != FRAME_END || walk->offset != work->file->size ||
        walk->synced.position != walk->place.position ||
        walk->place.position != work->next.before.position ||
        walk->place.chain != work->next.before.chain)
        return refuse_end(work, walk, fault, ret_error);
    return 0;
}

static int examine(struct work *work, struct error *ret_error) {
    struct sealing *sealing = work->sealing;
    struct seal_header *seal = &work->seal;
    struct segment_header header;
    struct segment_walk walk;
    int r = segment_file_header(work->file, work->segment, &header, ret_error);
    if (r != 0)
        return r < 0 ? r
                     : error_set(ret_error, ERROR_DAMAGED, "%s: the file ends inside its header",
                                 work->file->name);
    r = segment_walk_init(&walk, work->file, &header, ret_error);
    if (r == 0)
        r = frame_window_hash(&walk.window, sealing->before, ret_error);
    if (r == 0)
        r = walk_segment(work, &walk, ret_error);
    if (r == 0)
        check(frame_window_hash_finish(&walk.window, seal->hash));
    segment_walk_deinit(&walk);
    if (r < 0)
        return error_prefix(ret_error, "%s", work->file->name);
    seal->size = work->file->size;
    seal->block_count = (uint32_t)work->count;
    seal->end = work->next.before;
    seal->end_time_us = work->next.time_before_us;
    memcpy(seal->before, sealing->before, SEAL_HASH_SIZE);
    segment_header_encode(&header, seal->segment_header);
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Writing the sealed file */

static int write_failed(const struct work *work, const char *what, struct error *ret_error) {
    return error_set_errno(ret_error, errno, "%s: cannot %s", work->temporary, what);
}

/* The sealed file gets the owner and mode of the plain one, whoever runs the sealing: a server must
 * be able to read it. */
static int create_temporary(struct work *work, struct error *ret_error) {
    struct stat plain, made;
    int descriptor = openat(work->sealing->directory, work->temporary,
                            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return write_failed(work, "create", ret_error);
    work->descriptor = descriptor;
    if (fstat(work->file->descriptor, &plain) < 0 || fstat(descriptor, &made) < 0)
        return write_failed(work, "stat", ret_error);
    if ((plain.st_uid != made.st_uid || plain.st_gid != made.st_gid) &&
        fchown(descriptor, plain.st_uid, plain.st_gid) < 0)
        return write_failed(work, "set the owner of the segment", ret_error);
    if (fchmod(descriptor, plain.st_mode & 0777) < 0)
        return write_failed(work, "set the permissions of the segment", ret_error);
    return 0;
}

static int write_block(struct work *work, struct seal_block *block, struct error *ret_error) {
    struct sealing *sealing = work->sealing;
    buffer_clear(&sealing->bytes);
    buffer_clear(&sealing->stored);
    uint8_t *bytes = buffer_reserve(&sealing->bytes, block->length);
    ssize_t length = file_read_at(work->file->descriptor, bytes, block->length, block->offset);
    if (length < 0)
        return error_set_errno(ret_error, errno, "%s: cannot read", work->file->name);
    if (length < (ssize_t)block->length)
        return error_set(ret_error, ERROR_DAMAGED, "%s: the file shrank while it was being sealed",
                         work->file->name);
    seal_pack(sealing->packer, bytes, block->length, &sealing->stored);
    block->stored = (uint32_t)sealing->stored.length;
    block->crc = crc32c(0, sealing->stored.bytes, sealing->stored.length);
    if (file_write_at(work->descriptor, sealing->stored.bytes, block->stored,
                      block->stored_offset) < 0)
        return write_failed(work, "write", ret_error);
    return report_progress(sealing, block->length, ret_error);
}

static int write_blocks(struct work *work, struct error *ret_error) {
    uint64_t offset = seal_header_size(&work->seal) + work->count * SEAL_ENTRY_SIZE, synced = 0;
    for (size_t i = 0; i < work->count; i++) {
        work->blocks[i].stored_offset = offset;
        int r = write_block(work, &work->blocks[i], ret_error);
        if (r < 0)
            return r;
        offset += work->blocks[i].stored;
        if (offset - synced >= SYNC_BYTES) {
            if (fdatasync(work->descriptor) < 0)
                return write_failed(work, "sync", ret_error);
            synced = offset;
        }
    }
    work->seal.stored = offset;
    return 0;
}

static int write_head(struct work *work, struct error *ret_error) {
    struct buffer *head = &work->sealing->bytes;
    uint8_t header[SEAL_HEADER_SIZE_MAX];
    size_t size = seal_header_size(&work->seal);
    buffer_clear(head);
    seal_table_encode(work->blocks, work->count, head);
    work->seal.table_crc = crc32c(0, head->bytes, head->length);
    seal_header_encode(&work->seal, header);
    if (file_write_at(work->descriptor, header, size, 0) < 0 ||
        file_write_at(work->descriptor, head->bytes, head->length, size) < 0)
        return write_failed(work, "write", ret_error);
    if (fsync(work->descriptor) < 0)
        return write_failed(work, "sync", ret_error);
    return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Reading it back */

static int read_back_block(struct work *work, const struct segment_file *file,
                           const struct seal_block *block, struct sha256 *sha,
                           struct error *ret_error) {
    struct sealing *sealing = work->sealing;
    size_t begin = block->offset > 0 ? 0 : SEGMENT_HEADER_SIZE;
    struct frame frame;
    const char *fault;
    buffer_clear(&sealing->bytes);
    uint8_t *bytes = buffer_reserve(&sealing->bytes, block->length);
    int r = segment_file_unpack(file, block, sealing->unpacker, bytes, ret_error);
    if (r < 0)
        return r;
    sha256_add(sha, bytes, block->length);
    if (block->length > begin &&
        (frame_parse(bytes + begin, block->length - begin, &frame, &fault) != FRAME_WHOLE ||
         (frame.type != FRAME_TYPE_SYNC && frame.position != block->position_before + 1)))
        return error_set(ret_error, ERROR_DAMAGED,
                         "its block at byte %" PRIu64 " does not start with record %" PRIu64,
                         block->stored_offset, block->position_before + 1);
    return report_progress(sealing, block->length, ret_error);
}

static int read_back_blocks(struct work *work, struct segment_file *file, struct error *ret_error) {
    uint8_t hash[SEAL_HASH_SIZE];
    struct sha256 *sha = sha256_new();
    sha256_add(sha, work->seal.before, SEAL_HASH_SIZE);
    int r = 0;
    for (uint64_t offset = 0; offset < file->size && r == 0;) {
        const struct seal_block *block;
        r = segment_file_block_at(file, offset, &block, ret_error);
        if (r == 0)
            r = read_back_block(work, file, block, sha, ret_error);
        if (r == 0)
            offset = block->offset + block->length;
    }
    sha256_finish(sha, hash);
    if (r == 0 && memcmp(hash, work->seal.hash, SEAL_HASH_SIZE) != 0)
        r = error_set(ret_error, ERROR_DAMAGED, "the decompressed data differs from the segment");
    return r;
}

/* Is this file, on disk, the segment? Compares the header, unpacks every block and compares the
 * hash. The page cache is dropped first, so that the bytes come from the disk. 1: there is no such
 * file. */
static int read_back(struct work *work, const char *name, struct error *ret_error) {
    struct segment_file *file;
    const struct seal_header *seal = &work->seal;
    int r = segment_file_open_sealed(work->sealing->directory, name, &file, ret_error);
    if (r != 0)
        return r;
    const struct seal_header *there = &file->seal;
    if (there->size != seal->size || there->end.position != seal->end.position ||
        there->end.chain != seal->end.chain || there->end_time_us != seal->end_time_us ||
        there->types != seal->types || memcmp(there->before, seal->before, SEAL_HASH_SIZE) != 0 ||
        memcmp(there->hash, seal->hash, SEAL_HASH_SIZE) != 0 ||
        memcmp(there->segment_header, seal->segment_header, SEGMENT_HEADER_SIZE) != 0)
        r = error_set(ret_error, ERROR_DAMAGED, "its header does not match the segment");
    if (r == 0 && fsync(file->descriptor) < 0) /* a copy may not be on disk yet */
        r = error_set_errno(ret_error, errno, "cannot sync");
    posix_fadvise(file->descriptor, 0, 0, POSIX_FADV_DONTNEED);
    if (r == 0)
        r = read_back_blocks(work, file, ret_error);
    if (r < 0)
        error_prefix(ret_error, "%s: read back", name);
    else
        work->seal.stored = there->stored;
    posix_fadvise(file->descriptor, 0, 0, POSIX_FADV_DONTNEED);
    segment_file_close(file);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * One segment */

static int sync_day(const struct work *work, struct error *ret_error) {
    char day[DAY_NAME_SIZE];
    day_format(work->segment->day, day);
    return directory_sync(work->sealing->directory, day, ret_error);
}

static int write_sealed(struct work *work, struct error *ret_error) {
    int directory = work->sealing->directory;
    int r = create_temporary(work, ret_error);
    if (r == 0)
        r = write_blocks(work, ret_error);
    if (r == 0)
        r = write_head(work, ret_error);
    if (r == 0)
        r = read_back(work, work->temporary, ret_error);
    if (r == 0 && renameat(directory, work->temporary, directory, work->name) < 0)
        r = write_failed(work, "rename", ret_error);
    if (work->descriptor >= 0) {
        close(work->descriptor);
        if (r < 0)
            unlinkat(directory, work->temporary, 0);
    }
    return r;
}

/* What an earlier run left: the sealed file is in place, the plain one was not removed yet. 1:
 * there is no such file, or it is not whole, and it is written again. */
static int adopt_earlier_run(struct work *work, struct error *ret_error) {
    uint64_t done = work->sealing->done;
    struct error error;
    int r = read_back(work, work->name, &error);
    if (r == -ERROR_INTERRUPTED) {
        *ret_error = error;
        return r;
    }
    work->sealing->done = r == 0 ? done + 2 * work->file->size : done;
    return r != 0;
}

/* The sealed file is in place and synced: removes the plain one. */
static int remove_plain(struct work *work, struct error *ret_error) {
    struct sealing *sealing = work->sealing;
    segment_file_drop(work->file, 0, work->file->size); /* for as long as others have it open */
    int r = sync_day(work, ret_error);
    if (r == 0 && unlinkat(sealing->directory, work->segment->name, 0) < 0)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", work->segment->name);
    if (r < 0)
        return r;
    memcpy(sealing->before, work->seal.hash, SEAL_HASH_SIZE);
    sealing->report.sealed++;
    sealing->report.size += work->seal.size;
    sealing->report.stored += work->seal.stored;
    sealing->report.position = work->seal.end.position;
    return 0;
}

/* next: the file of the segment after it. */
static int seal_segment(struct work *work, const struct segment_file *next,
                        struct error *ret_error) {
    int r = examine(work, ret_error);
    if (r < 0)
        return r;
    if (next->is_sealed && memcmp(next->seal.before, work->seal.hash, SEAL_HASH_SIZE) != 0)
        return error_set(
            ret_error, ERROR_DAMAGED,
            "%s: its content has changed since it was sealed: %s continues another seal",
            work->file->name, next->name);
    r = adopt_earlier_run(work, ret_error);
    if (r == 1)
        r = write_sealed(work, ret_error);
    if (r == 0)
        r = remove_plain(work, ret_error);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * All of them */

/* The segment after this one: its header says that this one was closed. It must not vanish in a
 * power failure, which would make this one the last again, so it is synced with its name. 1: it
 * does not exist, or its header is incomplete. */
static int open_next(struct sealing *sealing, const struct segment *segment,
                     struct segment_file **ret_file, struct segment_header *ret_header,
                     struct error *ret_error) {
    char day[DAY_NAME_SIZE];
    struct segment_file *file;
    int r = segment_file_open_header(sealing->directory, segment, &file, ret_header, ret_error);
    if (r != 0)
        return r;
    if (!file->is_sealed) {
        day_format(segment->day, day);
        if (fsync(file->descriptor) < 0)
            r = error_set_errno(ret_error, errno, "%s: cannot sync", file->name);
        if (r == 0)
            r = directory_sync(sealing->directory, day, ret_error);
        if (r == 0)
            r = directory_sync(sealing->directory, ".", ret_error);
    }
    if (r == 0)
        *ret_file = file;
    else
        segment_file_close(file);
    return r;
}

/* 1: the writer has rolled it back and released its claims only now: the one before it is the last
 * again, and may be written to. */
static int is_rolled_back(const struct segment_file *next, struct error *ret_error) {
    struct stat status;
    if (fstat(next->descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot stat", next->name);
    return status.st_nlink == 0;
}

/* 1: it stays as it is, and so do those after it. */
static int seal_written(struct sealing *sealing, size_t index, struct segment_file *file,
                        struct error *ret_error) {
    struct work work = {.sealing = sealing,
                        .segment = &sealing->list.segments[index],
                        .file = file,
                        .descriptor = -1};
    struct segment_file *next;
    if (index + 1 >= sealing->list.count)
        return 1;
    int r = open_next(sealing, &sealing->list.segments[index + 1], &next, &work.next, ret_error);
    if (r != 0)
        return r;
    segment_file_sealed_name(work.segment, work.name);
    temporary_name(work.segment, work.temporary);
    r = work.next.before.position > sealing->until;
    if (r == 0)
        r = segment_file_is_claimed(file, ret_error);
    if (r == 0)
        r = is_rolled_back(next, ret_error);
    if (r == 0)
        r = segment_file_refresh(file, ret_error); /* its writer may have added to it until now */
    if (r == 0)
        r = seal_segment(&work, next, ret_error);
    segment_file_close(next);
    free(work.blocks);
    return r;
}

/* Sealed before: checks that its seal continues the previous one. */
static int pass_sealed(struct sealing *sealing, const struct segment_file *file,
                       struct error *ret_error) {
    if (memcmp(file->seal.before, sealing->before, SEAL_HASH_SIZE) != 0)
        return error_set(ret_error, ERROR_DAMAGED,
                         "%s: byte 96: its seal does not continue that of the segment before",
                         file->name);
    memcpy(sealing->before, file->seal.first, SEAL_HASH_SIZE);
    sealing->report.before++;
    sealing->report.position = file->seal.end.position;
    return 0;
}

static int seal_all(struct sealing *sealing, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < sealing->list.count && r == 0; i++) {
        struct segment_file *file;
        r = segment_file_open(sealing->directory, &sealing->list.segments[i], O_RDONLY, &file,
                              ret_error);
        if (r != 0)
            break;
        r = file->is_sealed ? pass_sealed(sealing, file, ret_error)
                            : seal_written(sealing, i, file, ret_error);
        segment_file_close(file);
    }
    return r < 0 ? r : 0;
}

/* Estimates the work, for progress, and removes temporary files that an interrupted run left. */
static void estimate_work(struct sealing *sealing) {
    for (size_t i = 0; i < sealing->list.count; i++) {
        const struct segment *segment = &sealing->list.segments[i];
        char temporary[SEGMENT_FILE_NAME_SIZE];
        struct stat status;
        if (fstatat(sealing->directory, segment->name, &status, 0) < 0)
            continue;
        temporary_name(segment, temporary);
        unlinkat(sealing->directory, temporary, 0);
        if (i + 1 < sealing->list.count && segment[1].first - 1 <= sealing->until)
            sealing->total += 2 * (uint64_t)status.st_size;
    }
}

/* A sealed segment cannot be cut, and what a cluster's log may not have may be cut off. */
static int stop_at_committed(struct sealing *sealing, struct error *ret_error) {
    struct archive_committed committed;
    int r = archive_committed_read(sealing->directory, &committed, ret_error);
    if (r == 0 && committed.place.position < sealing->until)
        sealing->until = committed.place.position;
    return r < 0 ? r : 0;
}

/* What a prune has dropped is neither sealed nor looked at: the seals continue its last one. */
static int find_segments(struct sealing *sealing, struct error *ret_error) {
    struct archive_begin begin;
    int r = segment_list_scan(&sealing->list, sealing->directory, INT32_MIN, ret_error);
    if (r == 0)
        r = archive_begin_look(sealing->directory, &begin, ret_error);
    if (r < 0)
        return r;
    segment_list_begin(&sealing->list, begin.place);
    memcpy(sealing->before, begin.seal, SEAL_HASH_SIZE);
    return 0;
}

/* The lock is on the folder itself: a lock file created by root could not be opened by others
 * later. */
static int open_directory(const char *archive, int *ret_directory, struct error *ret_error) {
    int directory;
    int r = directory_open(archive, "archive", &directory, ret_error);
    if (r < 0)
        return r;
    *ret_directory = directory;
    if (flock(directory, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return error_set(ret_error, ERROR_EXISTS, "another process is sealing this archive");
    return error_set_errno(ret_error, errno, "cannot lock the archive for sealing");
}

int archive_seal(const char *archive, uint64_t until, struct progress *progress,
                 struct archive_seal_report *ret_report, struct error *ret_error) {
    struct sealing sealing = {.directory = -1, .until = until, .progress = progress};
    buffer_init(&sealing.bytes);
    buffer_init(&sealing.stored);
    int r = open_directory(archive, &sealing.directory, ret_error);
    if (r == 0)
        r = stop_at_committed(&sealing, ret_error);
    if (r == 0)
        r = find_segments(&sealing, ret_error);
    if (r == 0) {
        estimate_work(&sealing);
        sealing.packer = seal_packer_new();
        sealing.unpacker = seal_unpacker_new();
        r = seal_all(&sealing, ret_error);
        sealing.report.left = sealing.list.count - sealing.report.before - sealing.report.sealed;
    }
    seal_packer_free(sealing.packer);
    seal_unpacker_free(sealing.unpacker);
    buffer_deinit(&sealing.bytes);
    buffer_deinit(&sealing.stored);
    segment_list_deinit(&sealing.list);
    if (sealing.directory >= 0)
        close(sealing.directory);
    *ret_report = sealing.report;
    return r < 0 ? error_prefix(ret_error, "%s", archive) : 0;
}
