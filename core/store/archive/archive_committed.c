/* Two copies are written in turn, each with a number and a hash, so that a write that a crash cuts
 * short leaves the other one. */
#include "archive_committed.h"

#include "core/base/check.h"
#include "core/base/hash.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME       "committed"
#define COPY_BYTES 64 /* number, position, chain, offset, zeros, hash of all before */
#define HASHED     (COPY_BYTES - 8)

struct archive_committed_file {
    char *path;
    int descriptor;
    uint64_t number; /* of the copy written last */
};

static void put_u64(uint8_t *bytes, uint64_t value) {
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get_u64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static void encode(uint64_t number, const struct archive_committed *committed,
                   uint8_t bytes[COPY_BYTES]) {
    memset(bytes, 0, COPY_BYTES);
    put_u64(bytes, number);
    put_u64(bytes + 8, committed->place.position);
    put_u64(bytes + 16, committed->place.chain);
    put_u64(bytes + 24, (uint64_t)committed->offset);
    put_u64(bytes + HASHED, hash64(bytes, HASHED, 0));
}

/* The newer one of the copies that are whole. 0: neither is. */
static uint64_t decode(const uint8_t *bytes, size_t length, struct archive_committed *committed) {
    uint64_t newest = 0;
    for (size_t at = 0; at + COPY_BYTES <= length; at += COPY_BYTES) {
        const uint8_t *copy = bytes + at;
        uint64_t number = get_u64(copy);
        if (get_u64(copy + HASHED) != hash64(copy, HASHED, 0) || number <= newest)
            continue;
        newest = number;
        *committed = (struct archive_committed){
            .place = {.position = get_u64(copy + 8), .chain = get_u64(copy + 16)},
            .offset = (int64_t)get_u64(copy + 24)};
    }
    return newest;
}

/* *ret_number: of the copy. 1: the file is empty. */
static int load(int descriptor, struct archive_committed *committed, uint64_t *ret_number,
                struct error *ret_error) {
    uint8_t bytes[2 * COPY_BYTES];
    ssize_t length = file_read_at(descriptor, bytes, sizeof bytes, 0);
    if (length < 0)
        return error_set_errno(ret_error, errno, NAME ": cannot read");
    if (length == 0) /* made, and its process killed before it wrote */
        return 1;
    *ret_number = decode(bytes, (size_t)length, committed);
    if (*ret_number == 0)
        return error_set(ret_error, ERROR_DAMAGED,
                         NAME ": both of its copies are damaged; without this file the archive "
                              "counts as one that is in no cluster");
    return 0;
}

int archive_committed_read(int directory, struct archive_committed *ret_committed,
                           struct error *ret_error) {
    uint64_t number;
    int descriptor = openat(directory, NAME, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return errno == ENOENT ? 1 : error_set_errno(ret_error, errno, NAME ": cannot open");
    int r = load(descriptor, ret_committed, &number, ret_error);
    close(descriptor);
    return r;
}

int archive_committed_write(struct archive_committed_file *file,
                            const struct archive_committed *committed, struct error *ret_error) {
    uint8_t bytes[COPY_BYTES];
    uint64_t number = file->number + 1;
    encode(number, committed, bytes);
    if (file_write_at(file->descriptor, bytes, sizeof bytes, number % 2 * COPY_BYTES) < 0)
        return error_set_errno(ret_error, errno, "%s/" NAME ": cannot write", file->path);
    file->number = number;
    return 0;
}

/* From here on the archive is one of a cluster, also after a crash of the machine. */
static int write_first(struct archive_committed_file *file, const struct archive_committed *first,
                       struct error *ret_error) {
    int r = archive_committed_write(file, first, ret_error);
    if (r == 0 && fsync(file->descriptor) < 0)
        r = error_set_errno(ret_error, errno, "%s/" NAME ": cannot sync", file->path);
    return r < 0 ? r : directory_sync(AT_FDCWD, file->path, ret_error);
}

int archive_committed_open(const char *path, const struct archive_committed *first,
                           struct archive_committed_file **ret_file, struct error *ret_error) {
    struct archive_committed_file *file = check_calloc(1, sizeof *file);
    struct archive_committed now;
    char *name = name_printf("%s/" NAME, path);
    file->path = text_copy(text_of(path));
    file->descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    free(name);
    int r = file->descriptor < 0
                ? error_set_errno(ret_error, errno, "%s/" NAME ": cannot open", path)
                : 0;
    if (r == 0)
        r = load(file->descriptor, &now, &file->number, ret_error);
    if (r == 1)
        r = write_first(file, first, ret_error);
    if (r < 0) {
        archive_committed_close(file);
        return r;
    }
    *ret_file = file;
    return 0;
}

void archive_committed_close(struct archive_committed_file *file) {
    if (!file)
        return;
    if (file->descriptor >= 0)
        close(file->descriptor);
    free(file->path);
    free(file);
}
