/* A row is a fixed head and the bytes of its texts. What was added last is in a buffer, whose end
 * is the file's. */
#include "row_spool.h"

#include "batch/base/scratch_file.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/store/archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_BYTES (256u << 10)
#define TEXTS        4
#define ABSENT       UINT64_MAX /* the length of a text without data */

struct head {
    uint64_t line, source_line, lengths[TEXTS];
};

struct row_spool {
    int descriptor;
    uint64_t written; /* bytes of the file */
    struct buffer buffer;
};

/* In the folder where refused rows are to go there is room for rows, and who may read them. */
static int open_unnamed(const char *path, struct error *ret_error) {
    char *copy = text_copy(text_of(path));
    int descriptor = open(dirname(copy), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    free(copy);
    return descriptor >= 0 ? descriptor : scratch_file(NULL, ret_error);
}

int row_spool_open(const char *path, struct row_spool **ret_spool, struct error *ret_error) {
    int descriptor = open_unnamed(path, ret_error);
    if (descriptor < 0)
        return descriptor;
    struct row_spool *spool = check_calloc(1, sizeof *spool);
    spool->descriptor = descriptor;
    buffer_init(&spool->buffer);
    *ret_spool = spool;
    return 0;
}

void row_spool_close(struct row_spool *spool) {
    if (!spool)
        return;
    close(spool->descriptor);
    buffer_deinit(&spool->buffer);
    free(spool);
}

static int write_out(struct row_spool *spool, struct error *ret_error) {
    const struct buffer *buffer = &spool->buffer;
    if (file_write_at(spool->descriptor, buffer->bytes, buffer->length, spool->written) < 0)
        return error_set_errno(ret_error, errno, "cannot write a temporary file");
    spool->written += buffer->length;
    buffer_clear(&spool->buffer);
    return 0;
}

int row_spool_add(struct row_spool *spool, const struct row_original *row, uint64_t *ret_offset,
                  struct error *ret_error) {
    const struct text *texts[TEXTS] = {&row->bytes, &row->raw, &row->columns, &row->source};
    struct head head = {.line = row->line, .source_line = row->source_line};
    int r = spool->buffer.length > BUFFER_BYTES ? write_out(spool, ret_error) : 0;
    if (r < 0)
        return r;
    *ret_offset = spool->written + spool->buffer.length;
    for (size_t i = 0; i < TEXTS; i++)
        head.lengths[i] = texts[i]->data ? texts[i]->length : ABSENT;
    buffer_append(&spool->buffer, &head, sizeof head);
    for (size_t i = 0; i < TEXTS; i++)
        if (texts[i]->length > 0)
            buffer_append(&spool->buffer, texts[i]->data, texts[i]->length);
    return 0;
}

static int read_at(const struct row_spool *spool, void *bytes, size_t size, uint64_t offset,
                   struct error *ret_error) {
    ssize_t length = file_read_at(spool->descriptor, bytes, size, offset);
    return length == (ssize_t)size ? 0
                                   : error_set_errno(ret_error, length < 0 ? errno : EIO,
                                                     "cannot read a temporary file");
}

int row_spool_read(struct row_spool *spool, uint64_t offset, struct arena *arena,
                   struct row_original *ret_row, struct error *ret_error) {
    struct head head;
    int r = write_out(spool, ret_error);
    if (r == 0)
        r = read_at(spool, &head, sizeof head, offset, ret_error);
    if (r < 0)
        return r;
    struct row_original row = {.line = head.line, .source_line = head.source_line};
    struct text *texts[TEXTS] = {&row.bytes, &row.raw, &row.columns, &row.source};
    offset += sizeof head;
    for (size_t i = 0; i < TEXTS; i++) {
        if (head.lengths[i] == ABSENT)
            continue;
        char *bytes = arena_alloc(arena, head.lengths[i]);
        if (!bytes)
            return error_set(ret_error, ERROR_TOO_LARGE, "the row is too large");
        r = read_at(spool, bytes, head.lengths[i], offset, ret_error);
        if (r < 0)
            return r;
        *texts[i] = (struct text){.data = bytes, .length = head.lengths[i]};
        offset += head.lengths[i];
    }
    *ret_row = row;
    return 0;
}
