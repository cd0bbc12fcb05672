/* Reads raw bytes into one buffer and hands them out as they are, or through zstd. The decoder is
 * chosen by the first bytes, never by the file's name: standard input has none.
 *
 * Other compressions are recognised only to say what to do about them. Nothing is buffered beyond
 * one chunk, so rows of a pipe arrive as they are written. */
#include "input.h"

#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define RAW_BYTES (256u << 10)
#define WAIT_MS   100 /* between two looks at whether to stop */

/* `bytes` comes first: a pointer to the source is a pointer to the input. */
struct input {
    struct byte_source bytes;
    char *name;
    int descriptor;
    uint64_t done, total;
    const atomic_bool *stop; /* NULL: never */
    char *raw;               /* as on disk */
    size_t raw_length;
    bool raw_end;
    ZSTD_DStream *zstd; /* NULL: plain */
    ZSTD_inBuffer compressed;
    char *plain;
    size_t plain_size;
    bool in_frame; /* a zstd frame has begun and not ended */
    bool full;     /* the last call filled plain: there may be more without reading */
};

/* Waits until there is something to read, or the end, or a failure that read() will report. */
static int await_bytes(const struct input *input, struct error *ret_error) {
    struct pollfd wanted = {.fd = input->descriptor, .events = POLLIN};
    while (!atomic_load(input->stop))
        if (poll(&wanted, 1, WAIT_MS) > 0)
            return 0;
    return error_set(ret_error, ERROR_INTERRUPTED, "interrupted while reading %s", input->name);
}

/* 1: raw_length bytes; 0: the end. */
static int read_raw(struct input *input, struct error *ret_error) {
    ssize_t got;
    int r = input->stop ? await_bytes(input, ret_error) : 0;
    if (r < 0)
        return r;
    do
        got = read(input->descriptor, input->raw, RAW_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_set_errno(ret_error, errno, "cannot read %s", input->name);
    input->raw_length = (size_t)got;
    input->raw_end = got == 0;
    input->done += (uint64_t)got;
    return got > 0;
}

static int read_plain(struct byte_source *self, struct text *ret_chunk, struct error *ret_error) {
    struct input *input = (struct input *)self;
    if (input->raw_length == 0 && !input->raw_end) {
        int r = read_raw(input, ret_error);
        if (r < 0)
            return r;
    }
    if (input->raw_length == 0)
        return 0;
    *ret_chunk = (struct text){.data = input->raw, .length = input->raw_length};
    input->raw_length = 0;
    return 1;
}

/* As read_raw(), which it calls, with the decoder pointed at the new bytes. */
static int refill_compressed(struct input *input, struct error *ret_error) {
    int r = read_raw(input, ret_error);
    input->compressed = (ZSTD_inBuffer){.src = input->raw, .size = input->raw_length};
    return r;
}

/* Several frames may follow one another, as `zstd` and `cat` make them; an end within a frame is
 * damage. */
static int read_zstd(struct byte_source *self, struct text *ret_chunk, struct error *ret_error) {
    struct input *input = (struct input *)self;
    for (;;) {
        if (!input->full && input->compressed.pos == input->compressed.size) {
            int r = refill_compressed(input, ret_error);
            if (r < 0)
                return r;
            if (r == 0 && input->in_frame)
                return error_set(ret_error, ERROR_DAMAGED,
                                 "%s ends in the middle of its compressed data", input->name);
            if (r == 0)
                return 0;
        }
        ZSTD_outBuffer out = {.dst = input->plain, .size = input->plain_size};
        size_t hint = ZSTD_decompressStream(input->zstd, &out, &input->compressed);
        if (ZSTD_isError(hint))
            return error_set(ret_error, ERROR_DAMAGED, "%s is damaged zstd data: %s", input->name,
                             ZSTD_getErrorName(hint));
        input->in_frame = hint != 0;
        input->full = out.pos == out.size;
        if (out.pos > 0) {
            *ret_chunk = (struct text){.data = input->plain, .length = out.pos};
            return 1;
        }
    }
}

static bool starts_with(const struct input *input, const char *magic, size_t length) {
    return input->raw_length >= length && memcmp(input->raw, magic, length) == 0;
}

/* Pipes may give the first bytes one by one: a magic number is four. */
static int read_head(struct input *input, struct error *ret_error) {
    while (input->raw_length < 4 && !input->raw_end) {
        ssize_t got =
            read(input->descriptor, input->raw + input->raw_length, RAW_BYTES - input->raw_length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(ret_error, errno, "cannot read %s", input->name);
        input->raw_length += (size_t)got;
        input->done += (uint64_t)got;
        input->raw_end = got == 0;
    }
    return 0;
}

/* The names of the programs are what a user would type in front of a pipe. */
static int choose_decoder(struct input *input, struct error *ret_error) {
    static const struct {
        const char *magic, *name, *program;
    } others[] = {
        {"\x1f\x8b", "gzip", "zcat"},
        {"\xfd"
         "7zXZ",
         "xz", "xzcat"},
        {"BZh", "bzip2", "bzcat"},
        {"PK\x03\x04", "zip", "unzip -p"},
    };
    if (starts_with(input, "\x28\xb5\x2f\xfd", 4)) {
        input->zstd = ZSTD_createDStream();
        check(input->zstd);
        input->plain_size = ZSTD_DStreamOutSize();
        input->plain = check_malloc(input->plain_size);
        input->compressed = (ZSTD_inBuffer){.src = input->raw, .size = input->raw_length};
        input->bytes.read = read_zstd;
        return 0;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (starts_with(input, others[i].magic, strlen(others[i].magic)))
            return error_set(ret_error, ERROR_UNSUPPORTED,
                             "%s is %s-compressed; only zstd is read directly: %s %s | harrier … -",
                             input->name, others[i].name, others[i].program, input->name);
    input->bytes.read = read_plain;
    return 0;
}

/* A folder can be opened but not read: better said here. Only regular files have a total. */
static int open_descriptor(struct input *input, const char *path, struct error *ret_error) {
    if (strcmp(path, "-") == 0) {
        input->descriptor = STDIN_FILENO;
    } else {
        input->descriptor = open(path, O_RDONLY | O_CLOEXEC);
        if (input->descriptor < 0 && errno == ENOENT)
            return error_set(ret_error, ERROR_NOT_FOUND, "there is no file %s", path);
        if (input->descriptor < 0)
            return error_set_errno(ret_error, errno, "cannot open %s", path);
    }
    struct stat status;
    if (fstat(input->descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "cannot look at %s", input->name);
    if (S_ISDIR(status.st_mode))
        return error_set(ret_error, ERROR_NOT_FOUND, "%s is a folder, not a file", input->name);
    if (S_ISREG(status.st_mode))
        input->total = (uint64_t)status.st_size;
    return 0;
}

int input_open(const char *path, struct input **ret_input, struct error *ret_error) {
    struct input *input = check_calloc(1, sizeof *input);
    input->descriptor = -1;
    input->name = text_copy(text_of(strcmp(path, "-") == 0 ? "stdin" : path));
    input->raw = check_malloc(RAW_BYTES);
    int r = open_descriptor(input, path, ret_error);
    if (r == 0)
        r = read_head(input, ret_error);
    if (r == 0)
        r = choose_decoder(input, ret_error);
    if (r < 0) {
        input_close(input);
        return r;
    }
    *ret_input = input;
    return 0;
}

void input_close(struct input *input) {
    if (!input)
        return;
    if (input->descriptor > STDERR_FILENO)
        close(input->descriptor);
    if (input->zstd)
        ZSTD_freeDStream(input->zstd);
    free(input->plain);
    free(input->raw);
    free(input->name);
    free(input);
}

void input_stop_at(struct input *input, const atomic_bool *stop) {
    input->stop = stop;
}

bool input_is_at(const struct input *input, const char *path) {
    struct stat ours, theirs;
    return fstat(input->descriptor, &ours) == 0 && stat(path, &theirs) == 0 &&
           S_ISREG(ours.st_mode) && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

struct byte_source *input_bytes(struct input *input) {
    return &input->bytes;
}

const char *input_name(const struct input *input) {
    return input->name;
}

void input_extent(const struct input *input, uint64_t *ret_done, uint64_t *ret_total) {
    *ret_done = input->done;
    *ret_total = input->total;
}
