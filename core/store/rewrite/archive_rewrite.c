/* One segment is rewritten block by block: a block's frames are copied or replaced, so blocks keep
 * their numbers and first positions, and the table its size. The result is read back and compared
 * by its hash, as sealing does, before anything counts. */
#include "archive_rewrite.h"

#include "core/store/archive/archive_epoch.h"

#include "core/base/check.h"
#include "core/base/folder/folder_next.h"
#include "core/base/hash.h"
#include "core/store/archive/file.h"
#include "core/store/archive/segment_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(ERASED_SEAL_SIZE == SEAL_HASH_SIZE, "a seal is a SHA-256");

struct archive_rewriting {
    char *path;
    int directory;
    struct archive_epoch epoch; /* of this erasure: the segments written so far */
    bool is_committed;
    struct seal_packer *packer;
    struct seal_unpacker *unpacker;
    struct buffer bytes, rewritten, stored; /* of one block */
};

/* One segment. */
struct work {
    struct archive_rewriting *rewriting;
    struct archive_rewriter *rewriter;
    struct segment_file *file;
    struct seal_header seal;
    struct seal_block *blocks;
    char temporary[EPOCH_NAME_SIZE];
    int descriptor;
    struct sha256 *sha;
    uint64_t chain; /* at the record before the next one */
    uint64_t records;
};

/* ---------------------------------------------------------------------------------------------
 * Claiming the archive */

static bool is_left_over(const char *name) {
    size_t length = strlen(name), suffix = sizeof EPOCH_SUFFIX - 1;
    return length > suffix && strcmp(name + length - suffix, EPOCH_SUFFIX) == 0 &&
           strspn(name, "0123456789") == 20;
}

/* Of runs that did not commit: nothing names these files. */
static int remove_left_over(int directory, const char *day, struct error *ret_error) {
    int descriptor = openat(directory, day, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = descriptor < 0 ? NULL : fdopendir(descriptor);
    int r = 0;
    if (!folder) {
        r = error_set_errno(ret_error, errno, "%s: cannot list", day);
        if (descriptor >= 0)
            close(descriptor);
        return r;
    }
    for (const struct dirent *entry;
         r >= 0 && (r = folder_next(folder, day, &entry, ret_error)) > 0;)
        if (is_left_over(entry->d_name) && unlinkat(descriptor, entry->d_name, 0) < 0)
            r = error_set_errno(ret_error, errno, "%s/%s: cannot remove", day, entry->d_name);
    closedir(folder);
    return r;
}

static int clean_up(int directory, struct error *ret_error) {
    struct segment_list list = {0};
    char day[DAY_NAME_SIZE];
    int r = archive_epoch_finish(directory, ret_error);
    if (r == 0)
        r = segment_list_scan(&list, directory, INT32_MIN, ret_error);
    if (r == 0 && unlinkat(directory, ARCHIVE_BEGIN_FILE EPOCH_SUFFIX, 0) < 0 && errno != ENOENT)
        r = error_set_errno(ret_error, errno, "%s: cannot remove", ARCHIVE_BEGIN_FILE EPOCH_SUFFIX);
    for (size_t i = 0; i < list.count && r == 0; i++) {
        if (i > 0 && list.segments[i].day == list.segments[i - 1].day)
            continue;
        day_format(list.segments[i].day, day);
        r = remove_left_over(directory, day, ret_error);
    }
    segment_list_deinit(&list);
    return r;
}

static int claim(struct archive_rewriting *rewriting, struct error *ret_error) {
    int r = directory_open(rewriting->path, "archive", &rewriting->directory, ret_error);
    if (r < 0)
        return r;
    if (flock(rewriting->directory, LOCK_EX | LOCK_NB) == 0)
        return clean_up(rewriting->directory, ret_error);
    if (errno == EWOULDBLOCK)
        return error_set(ret_error, ERROR_EXISTS,
                         "another process seals or rewrites this archive's segments");
    return error_set_errno(ret_error, errno, "cannot lock the archive for rewriting");
}

int archive_rewriting_begin(const char *archive, uint64_t number,
                            struct archive_rewriting **ret_rewriting, struct error *ret_error) {
    struct archive_rewriting *rewriting = check_calloc(1, sizeof *rewriting);
    rewriting->path = text_copy(text_of(archive));
    rewriting->directory = -1;
    rewriting->epoch.number = number;
    rewriting->packer = seal_packer_new();
    rewriting->unpacker = seal_unpacker_new();
    buffer_init(&rewriting->bytes);
    buffer_init(&rewriting->rewritten);
    buffer_init(&rewriting->stored);
    int r = claim(rewriting, ret_error);
    if (r < 0) {
        archive_rewriting_end(rewriting);
        return error_prefix(ret_error, "%s", archive);
    }
    *ret_rewriting = rewriting;
    return 0;
}

void archive_rewriting_end(struct archive_rewriting *rewriting) {
    char name[EPOCH_NAME_SIZE];
    if (!rewriting)
        return;
    for (size_t i = 0; i < rewriting->epoch.count && !rewriting->is_committed; i++) {
        snprintf(name, sizeof name, "%s" EPOCH_SUFFIX, rewriting->epoch.names[i]);
        unlinkat(rewriting->directory, name, 0);
    }
    archive_epoch_deinit(&rewriting->epoch);
    seal_packer_free(rewriting->packer);
    seal_unpacker_free(rewriting->unpacker);
    buffer_deinit(&rewriting->bytes);
    buffer_deinit(&rewriting->rewritten);
    buffer_deinit(&rewriting->stored);
    if (rewriting->directory >= 0)
        close(rewriting->directory);
    free(rewriting->path);
    free(rewriting);
}

/* ---------------------------------------------------------------------------------------------
 * Blocks */

/* The frame at `bytes`, copied or replaced. A frame that was rewritten before may be so again. */
static int rewrite_frame(struct work *work, const uint8_t *bytes, const struct frame *frame,
                         struct error *ret_error) {
    struct buffer *out = &work->rewriting->rewritten;
    size_t start = out->length;
    if (frame->type == FRAME_TYPE_SYNC) {
        buffer_append(out, bytes, frame->size);
        return 0;
    }
    const struct archive_part_record record = {.type = (enum record_type)frame->type,
                                               .position = frame->position,
                                               .payload = frame->payload};
    work->chain = frame_chain(bytes, work->chain);
    frame_begin(out);
    int r = work->rewriter->rewrite(work->rewriter, &record, out, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "record %" PRIu64, frame->position);
    if (r == 0) {
        out->length = start;
        buffer_append(out, bytes, frame->size);
        return 0;
    }
    frame_finish_rewritten(out, start, frame->type, frame->position, work->chain);
    work->records++;
    return 0;
}

static int rewrite_frames(struct work *work, const uint8_t *bytes, size_t length, size_t at,
                          struct error *ret_error) {
    while (at < length) {
        struct frame frame;
        const char *fault = "it is incomplete";
        if (frame_parse(bytes + at, length - at, &frame, &fault) != FRAME_WHOLE)
            return error_set(ret_error, ERROR_DAMAGED, "byte %zu of a block: the frame: %s", at,
                             fault);
        int r = rewrite_frame(work, bytes + at, &frame, ret_error);
        if (r < 0)
            return r;
        at += frame.size;
    }
    return 0;
}

/* The first block begins with the segment's header, which gets the epoch. */
static int rewrite_header(struct work *work, const uint8_t *bytes, struct error *ret_error) {
    struct segment_header header;
    uint8_t encoded[SEGMENT_HEADER_SIZE];
    int r = segment_header_decode(bytes, &header, ret_error);
    if (r < 0)
        return r;
    work->chain = header.before.chain;
    header.epoch = work->rewriting->epoch.number;
    segment_header_encode(&header, encoded);
    memcpy(work->seal.segment_header, encoded, sizeof encoded);
    buffer_append(&work->rewriting->rewritten, encoded, sizeof encoded);
    return 0;
}

static int write_block(struct work *work, struct seal_block *block, struct error *ret_error) {
    struct archive_rewriting *rewriting = work->rewriting;
    const struct buffer *bytes = &rewriting->rewritten;
    if (bytes->length > SEAL_BLOCK_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE, "a rewritten block has %zu bytes",
                         bytes->length);
    buffer_clear(&rewriting->stored);
    seal_pack(rewriting->packer, bytes->bytes, bytes->length, &rewriting->stored);
    sha256_add(work->sha, bytes->bytes, bytes->length);
    block->offset = work->seal.size;
    block->length = (uint32_t)bytes->length;
    block->stored_offset = work->seal.stored;
    block->stored = (uint32_t)rewriting->stored.length;
    block->crc = crc32c(0, rewriting->stored.bytes, rewriting->stored.length);
    work->seal.size += block->length;
    work->seal.stored += block->stored;
    if (file_write_at(work->descriptor, rewriting->stored.bytes, block->stored,
                      block->stored_offset) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot write", work->temporary);
    return 0;
}

static int rewrite_block(struct work *work, const struct seal_block *old, struct seal_block *block,
                         struct error *ret_error) {
    struct archive_rewriting *rewriting = work->rewriting;
    buffer_clear(&rewriting->bytes);
    buffer_clear(&rewriting->rewritten);
    uint8_t *bytes = buffer_reserve(&rewriting->bytes, old->length);
    int r = segment_file_unpack(work->file, old, rewriting->unpacker, bytes, ret_error);
    if (r == 0 && old->offset == 0)
        r = rewrite_header(work, bytes, ret_error);
    if (r == 0)
        r = rewrite_frames(work, bytes, old->length, old->offset > 0 ? 0 : SEGMENT_HEADER_SIZE,
                           ret_error);
    block->position_before = old->position_before;
    return r < 0 ? r : write_block(work, block, ret_error);
}

static int rewrite_blocks(struct work *work, struct error *ret_error) {
    const struct seal_header *old = &work->file->seal;
    uint64_t offset = 0;
    int r = 0;
    work->seal.size = 0;
    work->seal.stored =
        seal_header_size(&work->seal) + (uint64_t)old->block_count * SEAL_ENTRY_SIZE;
    for (uint32_t i = 0; i < old->block_count && r == 0; i++) {
        const struct seal_block *block;
        r = segment_file_block_at(work->file, offset, &block, ret_error);
        if (r == 0)
            r = rewrite_block(work, block, &work->blocks[i], ret_error);
        if (r == 0)
            offset = block->offset + block->length;
    }
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * One segment */

static int create(struct work *work, struct error *ret_error) {
    struct stat old;
    work->descriptor = openat(work->rewriting->directory, work->temporary,
                              O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (work->descriptor < 0)
        return error_set_errno(ret_error, errno, "%s: cannot create", work->temporary);
    if (fstat(work->file->descriptor, &old) < 0 ||
        (fchown(work->descriptor, old.st_uid, old.st_gid) < 0 && geteuid() == 0) ||
        fchmod(work->descriptor, old.st_mode & 0777) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot set owner and permissions",
                               work->temporary);
    return 0;
}

static int write_head(struct work *work, struct error *ret_error) {
    struct buffer *table = &work->rewriting->bytes;
    uint8_t header[SEAL_HEADER_SIZE_MAX];
    size_t size = seal_header_size(&work->seal);
    buffer_clear(table);
    seal_table_encode(work->blocks, work->seal.block_count, table);
    work->seal.table_crc = crc32c(0, table->bytes, table->length);
    seal_header_encode(&work->seal, header);
    if (file_write_at(work->descriptor, header, size, 0) < 0 ||
        file_write_at(work->descriptor, table->bytes, table->length, size) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot write", work->temporary);
    if (fsync(work->descriptor) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot sync", work->temporary);
    posix_fadvise(work->descriptor, 0, 0, POSIX_FADV_DONTNEED);
    return 0;
}

/* From the disk: every block is unpacked again, and all frames must lead to the same end. */
static int read_back(struct work *work, struct error *ret_error) {
    struct archive_rewriting *rewriting = work->rewriting;
    struct segment_file *file;
    uint8_t hash[SEAL_HASH_SIZE];
    int r = segment_file_open_sealed(rewriting->directory, work->temporary, &file, ret_error);
    if (r != 0)
        return r < 0 ? r : error_set(ret_error, ERROR_SYSTEM, "%s: it is gone", work->temporary);
    struct sha256 *sha = sha256_new();
    sha256_add(sha, file->seal.before, SEAL_HASH_SIZE);
    for (uint64_t offset = 0; offset < file->size && r == 0;) {
        const struct seal_block *block;
        r = segment_file_block_at(file, offset, &block, ret_error);
        if (r < 0)
            break;
        buffer_clear(&rewriting->bytes);
        uint8_t *bytes = buffer_reserve(&rewriting->bytes, block->length);
        r = segment_file_unpack(file, block, rewriting->unpacker, bytes, ret_error);
        if (r == 0)
            sha256_add(sha, bytes, block->length);
        offset = block->offset + block->length;
    }
    sha256_finish(sha, hash);
    if (r == 0 && memcmp(hash, work->seal.hash, SEAL_HASH_SIZE) != 0)
        r = error_set(ret_error, ERROR_DAMAGED, "%s: read back: it is not what was written",
                      work->temporary);
    segment_file_close(file);
    return r;
}

static int rewrite_segment(struct work *work, struct error *ret_error) {
    const struct seal_header *old = &work->file->seal;
    work->seal = *old;
    work->seal.is_rewritten = true;
    work->blocks = check_calloc(old->block_count, sizeof *work->blocks);
    work->sha = sha256_new();
    sha256_add(work->sha, old->before, SEAL_HASH_SIZE);
    int r = create(work, ret_error);
    if (r == 0)
        r = rewrite_blocks(work, ret_error);
    sha256_finish(work->sha, work->seal.hash);
    if (r == 0 && work->chain != old->end.chain)
        r = error_set(ret_error, ERROR_DAMAGED,
                      "%s: its records lead to chain %016" PRIx64 "; its seal says %016" PRIx64,
                      work->file->name, work->chain, old->end.chain);
    if (r == 0 && work->records > 0)
        r = write_head(work, ret_error);
    if (r == 0 && work->records > 0)
        r = read_back(work, ret_error);
    if (work->descriptor >= 0) {
        close(work->descriptor);
        if (r < 0 || work->records == 0)
            unlinkat(work->rewriting->directory, work->temporary, 0);
    }
    free(work->blocks);
    return r;
}

static void note_name(struct archive_epoch *epoch, const char *name) {
    epoch->names = check_reallocarray(epoch->names, epoch->count + 1, sizeof *epoch->names);
    snprintf(epoch->names[epoch->count++], SEGMENT_FILE_NAME_SIZE, "%s", name);
}

static void note_segment(struct archive_rewriting *rewriting, const struct work *work,
                         uint64_t first, struct erased_segment *ret_segment) {
    note_name(&rewriting->epoch, work->file->name);
    *ret_segment = (struct erased_segment){.first = first, .records = work->records};
    memcpy(ret_segment->seal_before, work->file->seal.hash, SEAL_HASH_SIZE);
    memcpy(ret_segment->seal, work->seal.hash, SEAL_HASH_SIZE);
}

int archive_rewriting_segment(struct archive_rewriting *rewriting, int32_t day, uint64_t first,
                              struct archive_rewriter *rewriter, struct erased_segment *ret_segment,
                              struct error *ret_error) {
    struct segment_list list = {0};
    struct work work = {.rewriting = rewriting, .rewriter = rewriter, .descriptor = -1};
    segment_list_add(&list, day, first);
    int r = segment_file_open_present(rewriting->directory, &list.segments[0], O_RDONLY, &work.file,
                                      ret_error);
    segment_list_deinit(&list);
    if (r < 0)
        return error_prefix(ret_error, "%s", rewriting->path);
    *ret_segment = (struct erased_segment){.first = first};
    if (!work.file->is_sealed)
        r = error_set(ret_error, ERROR_INVALID, "it is not sealed");
    if (r == 0) {
        snprintf(work.temporary, sizeof work.temporary, "%s" EPOCH_SUFFIX, work.file->name);
        r = rewrite_segment(&work, ret_error);
    }
    if (r == 0 && work.records > 0)
        note_segment(rewriting, &work, first, ret_segment);
    if (r < 0)
        error_prefix(ret_error, "%s/%s", rewriting->path, work.file->name);
    segment_file_close(work.file);
    return r;
}

/* ---------------------------------------------------------------------------------------------
 * Where it begins */

int archive_rewriting_beginning(struct archive_rewriting *rewriting, struct archive_begin *begin,
                                const struct buffer *kept, struct error *ret_error) {
    struct archive_begin now;
    int r = archive_begin_look(rewriting->directory, &now, ret_error);
    if (r == 0)
        check(now.place.position == begin->place.position && now.place.chain == begin->place.chain);
    if (r == 0)
        r = archive_begin_draft(rewriting->directory, ARCHIVE_BEGIN_FILE EPOCH_SUFFIX, begin, kept,
                                ret_error);
    if (r == 0)
        note_name(&rewriting->epoch, ARCHIVE_BEGIN_FILE);
    else
        unlinkat(rewriting->directory, ARCHIVE_BEGIN_FILE EPOCH_SUFFIX, 0);
    return r < 0 ? error_prefix(ret_error, "%s", rewriting->path) : 0;
}

/* ---------------------------------------------------------------------------------------------
 * The end */

int archive_rewriting_commit(struct archive_rewriting *rewriting, struct error *ret_error) {
    int r = 0;
    for (size_t i = 0; i < rewriting->epoch.count && r == 0; i++)
        r = archive_epoch_sync(rewriting->directory, rewriting->epoch.names[i], ret_error);
    if (r == 0)
        r = archive_epoch_write(rewriting->directory, &rewriting->epoch, ret_error);
    rewriting->is_committed = r == 0;
    if (r == 0)
        r = archive_epoch_finish(rewriting->directory, ret_error);
    return r < 0 ? error_prefix(ret_error, "%s", rewriting->path) : 0;
}

int archive_epoch_number(const char *archive, uint64_t *ret_number, struct error *ret_error) {
    struct archive_epoch epoch;
    int directory;
    int r = directory_open(archive, "archive", &directory, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", archive);
    r = archive_epoch_read(directory, &epoch, ret_error);
    *ret_number = epoch.number;
    archive_epoch_deinit(&epoch);
    close(directory);
    return r < 0 ? error_prefix(ret_error, "%s", archive) : 0;
}
