/* The bytes of PATH/begins: a header of 256 bytes, then frames as in a segment, without gaps. The
 * header has a checksum of its own and one over all frames, so most readers need only the header.
 */
#include "archive_begin.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/base/value.h"
#include "file.h"
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME        ARCHIVE_BEGIN_FILE
#define NAME_NEW    ARCHIVE_BEGIN_FILE ".new"
#define FORMAT      1
#define HEADER_SIZE ARCHIVE_BEGIN_HEADER_SIZE
#define BASES       112 /* where they begin; 16 bytes each */
/* Policies, each of which is one frame at most: far more than a prune keeps. */
#define KEPT_MAX (UINT64_C(64) << 30)

static const uint8_t magic[8] = {'H', 'A', 'R', 'H', 'E', 'A', 'D', 0x1a};

/* ---- the header ---- */

static uint32_t checksum(const uint8_t bytes[HEADER_SIZE]) {
    return crc32c(crc32c(0, bytes, 12), bytes + 16, HEADER_SIZE - 16);
}

static void encode(const struct archive_begin *begin, uint64_t kept_hash,
                   uint8_t bytes[HEADER_SIZE]) {
    memset(bytes, 0, HEADER_SIZE);
    memcpy(bytes, magic, sizeof magic);
    store_u32(bytes + 8, FORMAT);
    store_u64(bytes + 16, begin->place.position);
    store_u64(bytes + 24, begin->place.chain);
    store_u64(bytes + 32, (uint64_t)begin->time_us);
    memcpy(bytes + 40, begin->seal, SEAL_HASH_SIZE);
    store_u64(bytes + 72, (uint64_t)begin->pruned_us);
    store_u64(bytes + 80, begin->types);
    store_u64(bytes + 88, begin->kept_bytes);
    store_u64(bytes + 96, kept_hash);
    store_u32(bytes + 104, (uint32_t)begin->day);
    store_u32(bytes + 108, (uint32_t)begin->base_count);
    for (size_t i = 0; i < begin->base_count; i++) {
        store_u64(bytes + BASES + 16 * i, begin->bases[i].plan_id);
        store_u64(bytes + BASES + 16 * i + 8, begin->bases[i].generation_id);
    }
    store_u32(bytes + 12, checksum(bytes));
}

static int decode(const uint8_t bytes[HEADER_SIZE], struct archive_begin *begin,
                  uint64_t *ret_kept_hash, struct error *ret_error) {
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return error_set(ret_error, ERROR_DAMAGED, NAME ": it does not begin with HARHEAD");
    if (load_u32(bytes + 8) != FORMAT)
        return error_set(ret_error, ERROR_UNSUPPORTED,
                         NAME ": it has format %" PRIu32 "; this version reads %d",
                         load_u32(bytes + 8), FORMAT);
    if (load_u32(bytes + 12) != checksum(bytes))
        return error_set(ret_error, ERROR_DAMAGED, NAME ": the checksum of its header is wrong");
    struct archive_begin read = {
        .place = {.position = load_u64(bytes + 16), .chain = load_u64(bytes + 24)},
        .time_us = (int64_t)load_u64(bytes + 32),
        .pruned_us = (int64_t)load_u64(bytes + 72),
        .types = load_u64(bytes + 80),
        .kept_bytes = load_u64(bytes + 88),
        .day = (int32_t)load_u32(bytes + 104),
        .base_count = load_u32(bytes + 108),
    };
    memcpy(read.seal, bytes + 40, SEAL_HASH_SIZE);
    if (read.place.position == 0 || read.kept_bytes > KEPT_MAX || read.base_count == 0 ||
        read.base_count > ARCHIVE_BASES_MAX)
        return error_set(ret_error, ERROR_DAMAGED, NAME ": its header makes no sense");
    for (size_t i = 0; i < read.base_count; i++)
        read.bases[i] =
            (struct archive_base){.plan_id = load_u64(bytes + BASES + 16 * i),
                                  .generation_id = load_u64(bytes + BASES + 16 * i + 8)};
    *begin = read;
    *ret_kept_hash = load_u64(bytes + 96);
    return 0;
}

/* ---- reading ---- */

static int read_header(int descriptor, struct archive_begin *begin, uint64_t *ret_kept_hash,
                       struct error *ret_error) {
    uint8_t bytes[HEADER_SIZE];
    struct stat status;
    ssize_t length = file_read_at(descriptor, bytes, sizeof bytes, 0);
    if (length < 0 || fstat(descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, NAME ": cannot read");
    if (length < HEADER_SIZE)
        return error_set(ret_error, ERROR_DAMAGED, NAME ": the file ends inside its header");
    int r = decode(bytes, begin, ret_kept_hash, ret_error);
    if (r == 0 && (uint64_t)status.st_size != HEADER_SIZE + begin->kept_bytes)
        r = error_set(ret_error, ERROR_DAMAGED,
                      NAME ": the file has %lld bytes; its header says %" PRIu64,
                      (long long)status.st_size, HEADER_SIZE + begin->kept_bytes);
    return r;
}

int archive_begin_look(int directory, struct archive_begin *ret_begin, struct error *ret_error) {
    uint64_t kept_hash;
    int descriptor = openat(directory, NAME, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) {
        *ret_begin = (struct archive_begin){0};
        return 1;
    }
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, NAME ": cannot open");
    int r = read_header(descriptor, ret_begin, &kept_hash, ret_error);
    close(descriptor);
    return r;
}

int archive_begin_look_at(const char *path, struct archive_begin *ret_begin,
                          struct error *ret_error) {
    int directory;
    int r = directory_open(path, "archive", &directory, ret_error);
    if (r == 0) {
        r = archive_begin_look(directory, ret_begin, ret_error);
        close(directory);
    }
    return r < 0 ? error_prefix(ret_error, "%s", path) : r;
}

/* The frames one after the other, and nothing else. */
static int check_frames(const uint8_t *bytes, size_t length, uint64_t last,
                        struct error *ret_error) {
    uint64_t before = 0;
    for (size_t offset = 0; offset < length;) {
        struct frame frame;
        const char *fault = "it is incomplete";
        bool is_whole = frame_parse(bytes + offset, length - offset, &frame, &fault) == FRAME_WHOLE;
        if (is_whole && (frame.position <= before || frame.position > last)) {
            fault = "its position is out of order";
            is_whole = false;
        }
        if (!is_whole)
            return error_set(ret_error, ERROR_DAMAGED, NAME ": byte %zu: the frame is damaged: %s",
                             HEADER_SIZE + offset, fault);
        before = frame.position;
        offset += frame.size;
    }
    return 0;
}

static int load(int descriptor, const struct archive_begin *expected, struct buffer *kept,
                struct error *ret_error) {
    struct archive_begin begin;
    uint64_t kept_hash;
    int r = read_header(descriptor, &begin, &kept_hash, ret_error);
    if (r < 0)
        return r;
    if (begin.place.position != expected->place.position ||
        begin.place.chain != expected->place.chain)
        return error_set(ret_error, ERROR_UNAVAILABLE,
                         "the archive was pruned while it was being read, and begins after record "
                         "%" PRIu64 " now: start again",
                         begin.place.position);
    size_t size = (size_t)begin.kept_bytes;
    uint8_t *bytes = buffer_reserve(kept, size);
    ssize_t length = file_read_at(descriptor, bytes, size, HEADER_SIZE);
    if (length < 0)
        return error_set_errno(ret_error, errno, NAME ": cannot read");
    if ((size_t)length < size || hash64(bytes, size, 0) != kept_hash)
        return error_set(ret_error, ERROR_DAMAGED,
                         NAME ": its records are not those that were written: the hash differs");
    r = check_frames(bytes, size, begin.place.position, ret_error);
    if (r == 0)
        kept->length += size;
    return r;
}

int archive_begin_load(int directory, const struct archive_begin *expected, struct buffer *kept,
                       struct error *ret_error) {
    int descriptor = openat(directory, NAME, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, NAME ": cannot open");
    int r = load(descriptor, expected, kept, ret_error);
    close(descriptor);
    return r;
}

bool archive_begin_next(const struct buffer *kept, size_t *offset, struct archive_kept *ret_kept) {
    struct frame frame;
    const char *fault;
    if (*offset >= kept->length)
        return false;
    check(frame_parse(kept->bytes + *offset, kept->length - *offset, &frame, &fault) ==
          FRAME_WHOLE); /* archive_begin_load() has checked all of them */
    *offset += frame.size;
    *ret_kept = (struct archive_kept){
        .type = (enum record_type)frame.type, .position = frame.position, .payload = frame.payload};
    return true;
}

/* ---- writing ---- */

void archive_begin_keep(struct buffer *kept, enum record_type type, uint64_t position,
                        struct text payload) {
    size_t start = kept->length;
    frame_begin(kept);
    buffer_append(kept, payload.data, payload.length);
    frame_finish(kept, start, (uint16_t)type, position);
}

static uint64_t types_of(const struct buffer *kept) {
    struct archive_kept record;
    uint64_t types = 0;
    for (size_t offset = 0; archive_begin_next(kept, &offset, &record);)
        types |= UINT64_C(1) << record.type;
    return types;
}

/* The file belongs to whom the archive belongs to, whoever prunes it: a server must be able to read
 * it. */
static int own(int directory, const char *name, struct error *ret_error) {
    struct stat folder, made;
    if (fstat(directory, &folder) < 0 || fstatat(directory, name, &made, 0) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot stat", name);
    if ((folder.st_uid != made.st_uid || folder.st_gid != made.st_gid) &&
        fchownat(directory, name, folder.st_uid, folder.st_gid, 0) < 0)
        return error_set_errno(ret_error, errno, "%s: cannot give it to the owner of the archive",
                               name);
    return 0;
}

int archive_begin_draft(int directory, const char *name, struct archive_begin *begin,
                        const struct buffer *kept, struct error *ret_error) {
    struct buffer file;
    uint8_t header[HEADER_SIZE];
    check(kept->length <= KEPT_MAX && begin->base_count > 0 &&
          begin->base_count <= ARCHIVE_BASES_MAX);
    begin->types = types_of(kept);
    begin->kept_bytes = kept->length;
    encode(begin, hash64(kept->bytes, kept->length, 0), header);
    buffer_init(&file);
    buffer_append(&file, header, sizeof header);
    buffer_append(&file, kept->bytes, kept->length);
    if (unlinkat(directory, name, 0) < 0 && errno != ENOENT) { /* a killed run's */
        buffer_deinit(&file);
        return error_set_errno(ret_error, errno, "%s: cannot remove", name);
    }
    int r = file_create(directory, name, file.bytes, file.length, ret_error);
    buffer_deinit(&file);
    return r < 0 ? r : own(directory, name, ret_error);
}

int archive_begin_write(int directory, struct archive_begin *begin, const struct buffer *kept,
                        struct error *ret_error) {
    int r = archive_begin_draft(directory, NAME_NEW, begin, kept, ret_error);
    if (r == 0 && renameat(directory, NAME_NEW, directory, NAME) < 0)
        r = error_set_errno(ret_error, errno, NAME_NEW ": cannot rename");
    return r < 0 ? r : directory_sync(directory, ".", ret_error);
}

/* ---- messages ---- */

int archive_begin_refuse(const struct archive_begin *begin, uint64_t position,
                         struct error *ret_error) {
    char time[64];
    value_format(value_timestamp(begin->time_us), time, sizeof time);
    return error_set(ret_error, ERROR_NOT_FOUND,
                     "record %" PRIu64 " is gone: a prune has dropped the records up to %" PRIu64
                     ", received at %s",
                     position, begin->place.position, time);
}
