/* Streams of stdio: the C library writes for them, past every call that can be recorded. What they
 * have written is read back. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Open streams that write: how much of each file is in the journal. */
#define STREAMS 64
static struct stream {
    FILE *stream;
    uint64_t recorded;
} streams[STREAMS];

static void record_tail(int descriptor, uint64_t *recorded) {
    struct stat status;
    if (!record_is_ours(descriptor, &status))
        return;
    char path[64], piece[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int again = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    ssize_t length;
    while (again >= 0 && (length = pread(again, piece, sizeof piece, (off_t)*recorded)) > 0) {
        record_add((struct disk_op){.kind = DISK_WRITE,
                                    .node = status.st_ino,
                                    .offset = *recorded,
                                    .length = (uint64_t)length,
                                    .bytes = piece});
        *recorded += (uint64_t)length;
    }
    if (again >= 0)
        syscall(SYS_close, again);
}

/* stream NULL: the one with this descriptor. */
static struct stream *stream_of(FILE *stream, int descriptor) {
    for (size_t i = 0; i < STREAMS; i++) {
        if (streams[i].stream &&
            (stream ? streams[i].stream == stream : fileno(streams[i].stream) == descriptor))
            return &streams[i];
    }
    return NULL;
}

void record_take_stream(FILE *stream, int descriptor) {
    if (!record_head)
        return;
    int number = errno;
    record_lock();
    struct stream *found = stream_of(stream, descriptor);
    if (found)
        record_tail(fileno(found->stream), &found->recorded);
    record_unlock();
    errno = number;
}

static FILE *open_stream(const char *path, const char *mode,
                         FILE *(*real)(const char *, const char *)) {
    if (!record_head || mode[0] == 'r')
        return real(path, mode);
    struct stat before = {0};
    record_lock();
    bool existed = record_stat(AT_FDCWD, path, 0, &before);
    FILE *stream = real(path, mode);
    if (stream) {
        record_created(AT_FDCWD, path, fileno(stream), existed, (uint64_t)before.st_size,
                       mode[0] == 'w');
        struct stat status;
        for (size_t i = 0; i < STREAMS && record_is_ours(fileno(stream), &status); i++) {
            if (!streams[i].stream) {
                streams[i].stream = stream;
                streams[i].recorded = (uint64_t)status.st_size;
                break;
            }
        }
    }
    record_unlock();
    return stream;
}

VISIBLE FILE *fopen(const char *restrict path, const char *restrict mode) {
    REAL(FILE *, fopen, (const char *, const char *));
    return open_stream(path, mode, real);
}

VISIBLE FILE *fopen64(const char *restrict path, const char *restrict mode) {
    REAL(FILE *, fopen64, (const char *, const char *));
    return open_stream(path, mode, real);
}

VISIBLE int fflush(FILE *stream) {
    REAL(int, fflush, (FILE *));
    int r = real(stream);
    if (stream)
        record_take_stream(stream, -1);
    return r;
}

VISIBLE int fclose(FILE *stream) {
    REAL(int, fclose, (FILE *));
    if (!record_head || !stream_of(stream, -1))
        return real(stream);
    fflush(stream);
    record_lock();
    struct stream *found = stream_of(stream, -1);
    if (found)
        *found = (struct stream){0};
    record_unlock();
    return real(stream);
}
