/* Opening plain and sealed segments, and the blocks of sealed ones. The table of blocks is loaded
 * on first use: most readers that open a sealed segment need only its header. */
#include "segment_file.h"

#include "core/base/check.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void segment_file_sealed_name(const struct segment *segment,
                              char ret_name[SEGMENT_FILE_NAME_SIZE]) {
    snprintf(ret_name, SEGMENT_FILE_NAME_SIZE, "%s.zst", segment->name);
}

/* ---------------------------------------------------------------------------------------------
 * Opening */

static struct segment_file *file_new(int descriptor, const char *name) {
    struct segment_file *file = check_calloc(1, sizeof *file);
    file->descriptor = descriptor;
    snprintf(file->name, sizeof file->name, "%s", name);
    return file;
}

/* The header's own checksum and the file's size are checked here; the table and the blocks have
 * checksums of their own, checked when they are read. */
static int read_seal(struct segment_file *file, struct error *ret_error) {
    uint8_t bytes[SEAL_HEADER_SIZE_MAX];
    struct stat status;
    ssize_t length = file_read_at(file->descriptor, bytes, sizeof bytes, 0);
    if (length < 0 || fstat(file->descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "cannot read");
    if (length < SEAL_HEADER_SIZE)
        return error_set(ret_error, ERROR_DAMAGED, "the file ends inside its header");
    int r = seal_header_decode(bytes, (size_t)length, &file->seal, ret_error);
    if (r < 0)
        return r;
    if ((uint64_t)status.st_size != file->seal.stored)
        return error_set(ret_error, ERROR_DAMAGED,
                         "the file has %lld bytes; its header says %" PRIu64,
                         (long long)status.st_size, file->seal.stored);
    file->size = file->seal.size;
    return 0;
}

int segment_file_open_sealed(int directory, const char *name, struct segment_file **ret_file,
                             struct error *ret_error) {
    int descriptor = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT)
        return 1;
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open", name);
    struct segment_file *file = file_new(descriptor, name);
    file->is_sealed = true;
    int r = read_seal(file, ret_error);
    if (r < 0) {
        segment_file_close(file);
        return error_prefix(ret_error, "%s", name);
    }
    *ret_file = file;
    return 0;
}

/* The plain file first: a segment that is being sealed has both, and the sealed one may not be
 * synced yet. Between the two openat() calls sealing may remove the plain file, but only after the
 * sealed one is in place. */
int segment_file_open(int directory, const struct segment *segment, int access,
                      struct segment_file **ret_file, struct error *ret_error) {
    int descriptor = openat(directory, segment->name, access | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) {
        char name[SEGMENT_FILE_NAME_SIZE];
        segment_file_sealed_name(segment, name);
        return segment_file_open_sealed(directory, name, ret_file, ret_error);
    }
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "%s: cannot open", segment->name);
    struct segment_file *file = file_new(descriptor, segment->name);
    int r = segment_file_refresh(file, ret_error);
    if (r < 0) {
        segment_file_close(file);
        return error_prefix(ret_error, "%s", segment->name);
    }
    *ret_file = file;
    return 0;
}

int segment_file_open_present(int directory, const struct segment *segment, int access,
                              struct segment_file **ret_file, struct error *ret_error) {
    int r = segment_file_open(directory, segment, access, ret_file, ret_error);
    return r > 0 ? error_set_errno(ret_error, ENOENT, "%s: cannot open", segment->name) : r;
}

struct segment_file *segment_file_of(int descriptor) {
    int own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    check(own >= 0);
    return file_new(own, "segment");
}

void segment_file_close(struct segment_file *file) {
    if (!file)
        return;
    if (file->descriptor >= 0)
        close(file->descriptor);
    free(file->blocks);
    free(file);
}

int segment_file_release(struct segment_file *file) {
    int descriptor = file->descriptor;
    file->descriptor = -1;
    segment_file_close(file);
    return descriptor;
}

int segment_file_refresh(struct segment_file *file, struct error *ret_error) {
    struct stat status;
    if (file->is_sealed)
        return 0;
    if (fstat(file->descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "cannot stat");
    file->size = (uint64_t)status.st_size;
    return 0;
}

int segment_file_header(const struct segment_file *file, const struct segment *segment,
                        struct segment_header *ret_header, struct error *ret_error) {
    uint8_t read[SEGMENT_HEADER_SIZE];
    const uint8_t *bytes = file->seal.segment_header;
    if (!file->is_sealed) {
        ssize_t length = file_read_at(file->descriptor, read, sizeof read, 0);
        if (length < 0)
            return error_set_errno(ret_error, errno, "%s: cannot read", file->name);
        if (length < SEGMENT_HEADER_SIZE)
            return 1;
        bytes = read;
    }
    struct segment_header header;
    int r = segment_header_decode(bytes, &header, ret_error);
    if (r < 0)
        return error_prefix(ret_error, "%s", file->name);
    if (header.day != segment->day || header.before.position + 1 != segment->first)
        return error_set(
            ret_error, ERROR_DAMAGED,
            "%s: its header belongs to another segment, whose first record is %" PRIu64, file->name,
            header.before.position + 1);
    *ret_header = header;
    return 0;
}

int segment_file_open_header(int directory, const struct segment *segment,
                             struct segment_file **ret_file, struct segment_header *ret_header,
                             struct error *ret_error) {
    struct segment_file *file;
    int r = segment_file_open(directory, segment, O_RDONLY, &file, ret_error);
    if (r != 0)
        return r;
    r = segment_file_header(file, segment, ret_header, ret_error);
    if (r == 0)
        *ret_file = file;
    else
        segment_file_close(file);
    return r;
}

int segment_file_open_last(int directory, const struct segment_list *list,
                           struct segment_file **ret_file, struct segment_header *ret_header,
                           struct error *ret_error) {
    int r = 1;
    for (size_t i = list->count; i-- > 0 && r == 1;)
        r = segment_file_open_header(directory, &list->segments[i], ret_file, ret_header,
                                     ret_error);
    return r;
}

/* flock() belongs to the open file, so the claim ends with the process, and a sealing process can
 * test it without a lock file. It is taken shared for the test, so two tests do not disturb each
 * other. */
int segment_claim(int descriptor, const char *name, struct error *ret_error) {
    if (flock(descriptor, LOCK_EX | LOCK_NB) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot lock it for writing", name);
    return 0;
}

int segment_file_is_claimed(const struct segment_file *file, struct error *ret_error) {
    if (flock(file->descriptor, LOCK_SH | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return 1;
    return error_set_errno(ret_error, errno, "%s: cannot check whether a writer holds it",
                           file->name);
}

/* ---------------------------------------------------------------------------------------------
 * Blocks */

static int load_table(struct segment_file *file, struct error *ret_error) {
    if (file->blocks)
        return 0;
    size_t size = (size_t)file->seal.block_count * SEAL_ENTRY_SIZE;
    uint8_t *bytes = check_malloc(size);
    struct seal_block *blocks = check_calloc(file->seal.block_count, sizeof *blocks);
    ssize_t length = file_read_at(file->descriptor, bytes, size, seal_header_size(&file->seal));
    int r = 0;
    if (length < 0)
        r = error_set_errno(ret_error, errno, "cannot read");
    else if ((size_t)length < size)
        r = error_set(ret_error, ERROR_DAMAGED, "the file ends inside its table");
    else
        r = seal_table_decode(&file->seal, bytes, blocks, ret_error);
    free(bytes);
    if (r < 0)
        free(blocks);
    else
        file->blocks = blocks;
    return r;
}

/* The last block with .offset <= offset and .position_before < position, else the first one. Both
 * rise from block to block, so one search serves either: UINT64_MAX sets no bound. */
static int find_block(struct segment_file *file, uint64_t offset, uint64_t position,
                      const struct seal_block **ret_block, struct error *ret_error) {
    check(file->is_sealed);
    int r = load_table(file, ret_error);
    if (r < 0)
        return r;
    size_t low = 0, high = file->seal.block_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        const struct seal_block *block = &file->blocks[middle];
        if (block->offset <= offset && block->position_before < position)
            low = middle;
        else
            high = middle;
    }
    *ret_block = &file->blocks[low];
    return 0;
}

int segment_file_block_at(struct segment_file *file, uint64_t offset,
                          const struct seal_block **ret_block, struct error *ret_error) {
    check(offset < file->size);
    return find_block(file, offset, UINT64_MAX, ret_block, ret_error);
}

int segment_file_block_of(struct segment_file *file, uint64_t position,
                          const struct seal_block **ret_block, struct error *ret_error) {
    return find_block(file, UINT64_MAX, position, ret_block, ret_error);
}

int segment_file_unpack(const struct segment_file *file, const struct seal_block *block,
                        struct seal_unpacker *unpacker, uint8_t *ret_bytes,
                        struct error *ret_error) {
    uint8_t *room = seal_unpacker_room(unpacker, block->stored);
    ssize_t length = file_read_at(file->descriptor, room, block->stored, block->stored_offset);
    if (length < 0)
        return error_set_errno(ret_error, errno, "cannot read");
    if (length < (ssize_t)block->stored)
        return error_set(ret_error, ERROR_DAMAGED, "the file ends inside a block");
    return seal_unpack(unpacker, block, ret_bytes, ret_error);
}

void segment_file_drop(const struct segment_file *file, uint64_t from, uint64_t to) {
    if (file->is_sealed) { /* an estimate: blocks are stored in order, compressed about alike */
        double share = (double)file->seal.stored / (double)file->size;
        from = (uint64_t)((double)from * share);
        to = (uint64_t)((double)to * share);
    }
    posix_fadvise(file->descriptor, (off_t)from, (off_t)(to - from), POSIX_FADV_DONTNEED);
}
