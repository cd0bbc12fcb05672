/* Zeros on disk where records will go.
 *
 * Syncing a file that has grown commits the file system's journal: for the file's size, and for the
 * blocks that were allocated. Syncing bytes that overwrite allocated ones writes those bytes only.
 * So the file of the next segment is filled with zeros beforehand, as PATH/spare; when it is
 * needed, the segment's header is written and synced, and the file gets its name. A segment that is
 * being written to is never zeroed, so the writer and the thread that zeroes do not share a file.
 *
 * Zeros after the last frame mark the end as well as the end of the file does (segment.h). They are
 * cut off when the segment is closed. */
#include "archive_writer.h"

#include "core/base/check.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)
/* Zeroed when the archive is opened, which must not take long: some tens of milliseconds. After
 * these bytes that one segment grows. */
#define OPENING_BYTES (UINT64_C(16) << 20)

/* Syncs after each piece, so that another process that syncs does not wait for all of it. -1: errno
 * says why. */
static int write_zeros(int descriptor, uint64_t from, uint64_t to) {
    static const uint8_t zeros[PIECE_BYTES];
    for (uint64_t at = from; at < to;) {
        size_t size = to - at < PIECE_BYTES ? (size_t)(to - at) : PIECE_BYTES;
        if (file_write_at(descriptor, zeros, size, at) < 0 || fdatasync(descriptor) < 0)
            return -1;
        at += size;
    }
    return fsync(descriptor);
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* -1: errno says why, and there is none. */
static int make_spare(const struct archive *archive, uint64_t bytes) {
    int descriptor =
        openat(archive->directory, ARCHIVE_SPARE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (descriptor < 0)
        return -1;
    int r = write_zeros(descriptor, 0, bytes), number = errno;
    close(descriptor);
    if (r < 0)
        unlinkat(archive->directory, ARCHIVE_SPARE, 0); /* the disk may be full */
    errno = number;
    return r;
}

void archive_zero_fill(struct archive *archive) {
    const struct archive_written *written = &archive->written;
    if (!archive->on_zeros)
        return;
    if (written->descriptor < 0) {
        archive->has_spare = make_spare(archive, least(archive->segment_bytes, OPENING_BYTES)) == 0;
        return;
    }
    if (written->size >= archive->segment_bytes)
        return;
    uint64_t end = least(archive->segment_bytes, written->size + OPENING_BYTES);
    if (write_zeros(written->descriptor, written->size, end) == 0)
        return;
    if (ftruncate(written->descriptor, (off_t)written->size) < 0)
        return; /* zeros are an end, too */
}

bool archive_wants_spare(const struct archive *archive) {
    return archive->on_zeros && !archive->has_spare && !archive->failed;
}

int archive_make_spare(const struct archive *archive, struct error *ret_error) {
    if (make_spare(archive, archive->segment_bytes) == 0)
        return 0;
    return error_set_errno(ret_error, errno, "%s/%s: cannot prepare the next segment's file",
                           archive->path, ARCHIVE_SPARE);
}

void archive_has_spare(struct archive *archive) {
    archive->has_spare = true;
}

int archive_open_spare(struct archive *archive) {
    archive->has_spare = false;
    return openat(archive->directory, ARCHIVE_SPARE, O_RDWR | O_CLOEXEC);
}

void archive_remove_spare(struct archive *archive) {
    archive->has_spare = false;
    unlinkat(archive->directory, ARCHIVE_SPARE, 0);
}
