/* Two buffers that change places: requests append to one under the lock, and the writer empties the
 * other without it. The rows in them are whole lines, so the last line feed is where a cut goes. */
#include "reject_log.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/lock_order.h"
#include "core/wire/types/reject_column.h"
#include "server/ops/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BEGIN   "{\"" /* of any row */
#define TAIL_BYTES   4096
#define LOG_EVERY_US (INT64_C(60) * 1000000)

struct reject_log {
    struct reject_log_settings settings;
    char *path, *old_path;
    pthread_mutex_t lock;
    struct buffer waiting; /* under the lock */
    /* The writer's: */
    struct buffer writing;
    int descriptor;  /* -1: not open */
    uint64_t length; /* of the file: whole rows */
    bool is_torn;    /* it has more than that */
    bool has_logged;
    int64_t logged_us; /* monotonic: the last line about lost rows */
    uint64_t lost;     /* since then */
};

/* ---- the file ---- */

/* Where the last whole row ends. */
static size_t rows_end(const char *bytes, size_t length) {
    const char *feed = length > 0 ? memrchr(bytes, '\n', length) : NULL;
    return feed ? (size_t)(feed - bytes) + 1 : 0;
}

/* Where the last whole row of the file ends, read from its end. */
static int find_end(int descriptor, uint64_t size, uint64_t *ret_end) {
    char bytes[TAIL_BYTES];
    while (size > 0) {
        size_t want = size < sizeof bytes ? (size_t)size : sizeof bytes;
        ssize_t got = pread(descriptor, bytes, want, (off_t)(size - want));
        if (got != (ssize_t)want)
            return got < 0 ? errno : EIO;
        size_t end = rows_end(bytes, want);
        if (end > 0) {
            *ret_end = size - want + end;
            return 0;
        }
        size -= want;
    }
    *ret_end = 0;
    return 0;
}

/* Cuts off what a crash left of a row. A file that is not ours is not touched. */
static int check_content(struct reject_log *reject_log, int descriptor, uint64_t size,
                         struct error *ret_error) {
    char begin[sizeof FILE_BEGIN - 1];
    uint64_t end = 0;
    if (size > 0 && (pread(descriptor, begin, sizeof begin, 0) != sizeof begin ||
                     memcmp(begin, FILE_BEGIN, sizeof begin) != 0))
        return error_set(ret_error, ERROR_INVALID,
                         "%s has something in it that is no refused transaction; expected JSON "
                         "lines, or no file",
                         reject_log->path);
    int failed = find_end(descriptor, size, &end);
    if (!failed && end < size && ftruncate(descriptor, (off_t)end) < 0)
        failed = errno;
    if (failed)
        return error_set_errno(ret_error, failed, "cannot write %s", reject_log->path);
    if (end < size)
        log_line_with(reject_log->settings.log, LOG_WARNING,
                      LOG_FIELDS(log_field_string("file", reject_log->path),
                                 log_field_unsigned("bytes", size - end)),
                      "%s ended in an incomplete row, whose %" PRIu64 " bytes were cut off",
                      reject_log->path, size - end);
    reject_log->length = end;
    return 0;
}

/* Rows hold what clients sent: they are for the server's user alone. */
static int check_file(struct reject_log *reject_log, int descriptor, struct error *ret_error) {
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "cannot write %s", reject_log->path);
    if (!S_ISREG(status.st_mode))
        return error_set(ret_error, ERROR_INVALID, "%s is not a regular file", reject_log->path);
    if (flock(descriptor, LOCK_EX | LOCK_NB) < 0)
        return error_set(ret_error, ERROR_EXISTS, "another process writes %s", reject_log->path);
    if ((status.st_mode & 07777) != 0600 && fchmod(descriptor, 0600) < 0)
        return error_set_errno(ret_error, errno, "cannot take %s from other users",
                               reject_log->path);
    return check_content(reject_log, descriptor, (uint64_t)status.st_size, ret_error);
}

static void close_file(struct reject_log *reject_log) {
    if (reject_log->descriptor >= 0)
        close(reject_log->descriptor);
    reject_log->descriptor = -1;
}

static int open_file(struct reject_log *reject_log, struct error *ret_error) {
    int descriptor =
        open(reject_log->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (descriptor < 0)
        return error_set_errno(ret_error, errno, "cannot write %s", reject_log->path);
    int r = check_file(reject_log, descriptor, ret_error);
    if (r < 0) {
        close(descriptor);
        return r;
    }
    reject_log->descriptor = descriptor;
    reject_log->is_torn = false;
    return 0;
}

/* Is the path still the file that is open? */
static bool is_in_place(const struct reject_log *reject_log) {
    struct stat ours, theirs;
    return reject_log->descriptor >= 0 && fstat(reject_log->descriptor, &ours) == 0 &&
           stat(reject_log->path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
}

static int rotate(struct reject_log *reject_log, struct error *ret_error) {
    if (rename(reject_log->path, reject_log->old_path) < 0)
        return error_set_errno(ret_error, errno, "cannot rename %s to %s", reject_log->path,
                               reject_log->old_path);
    close_file(reject_log);
    return open_file(reject_log, ret_error);
}

/* What an earlier write left behind goes first. */
static int mend(struct reject_log *reject_log) {
    if (reject_log->is_torn && ftruncate(reject_log->descriptor, (off_t)reject_log->length) < 0)
        return errno;
    reject_log->is_torn = false;
    return 0;
}

/* Whole rows. *ret_kept: how many of their bytes are in the file, whole rows as well. */
static int write_rows(struct reject_log *reject_log, const char *rows, size_t length,
                      size_t *ret_kept, struct error *ret_error) {
    size_t written = 0;
    int failed = mend(reject_log);
    while (!failed && written < length) {
        ssize_t r = write(reject_log->descriptor, rows + written, length - written);
        if (r >= 0)
            written += (size_t)r;
        else if (errno != EINTR)
            failed = errno;
    }
    *ret_kept = rows_end(rows, written);
    reject_log->length += *ret_kept;
    if (*ret_kept < written) {
        reject_log->is_torn = true;
        mend(reject_log);
    }
    return failed ? error_set_errno(ret_error, failed, "cannot write %s", reject_log->path) : 0;
}

/* ---- what is lost ---- */

static uint64_t count_rows(const char *rows, size_t length) {
    uint64_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += rows[i] == '\n';
    return count;
}

/* A full disk is a line a minute, whatever the number of rows. */
static void lose(struct reject_log *reject_log, uint64_t rows, const struct error *error) {
    int64_t now_us = clock_monotonic_us(reject_log->settings.clock);
    metric_add(reject_log->settings.metrics, REJECTS, REJECT_DROPPED, rows);
    reject_log->lost += rows;
    if (reject_log->has_logged && now_us - reject_log->logged_us < LOG_EVERY_US)
        return;
    log_line_with(reject_log->settings.log, LOG_WARNING,
                  LOG_FIELDS(log_field_string("file", reject_log->path),
                             log_field_unsigned("lost", reject_log->lost)),
                  "refused transactions are not kept: %s (%" PRIu64 " were lost)", error->text,
                  reject_log->lost);
    reject_log->has_logged = true;
    reject_log->logged_us = now_us;
    reject_log->lost = 0;
}

/* ---- the writer ---- */

static void take_waiting(struct reject_log *reject_log) {
    buffer_clear(&reject_log->writing);
    pthread_mutex_lock(&reject_log->lock);
    struct buffer empty = reject_log->writing;
    reject_log->writing = reject_log->waiting;
    reject_log->waiting = empty;
    pthread_mutex_unlock(&reject_log->lock);
}

/* As many rows as the file has room for; none if it has to be rotated first. */
static size_t fitting(const struct reject_log *reject_log, const char *rows, size_t length) {
    uint64_t size_max = reject_log->settings.size_max;
    uint64_t room = reject_log->length < size_max ? size_max - reject_log->length : 0;
    return length <= room ? length : rows_end(rows, (size_t)room);
}

/* Appends to *at what it has written. */
static int write_part(struct reject_log *reject_log, size_t *at, struct error *ret_error) {
    const char *rows = (const char *)reject_log->writing.bytes + *at;
    size_t length = reject_log->writing.length - *at, kept = 0;
    size_t part = fitting(reject_log, rows, length);
    int r = 0;
    if (part == 0) {
        r = rotate(reject_log, ret_error);
        part = r == 0 ? fitting(reject_log, rows, length) : 0;
    }
    if (r == 0)
        r = write_rows(reject_log, rows, part, &kept, ret_error);
    metric_add(reject_log->settings.metrics, REJECTS, REJECT_KEPT, count_rows(rows, kept));
    *at += kept;
    return r;
}

void reject_log_write(struct reject_log *reject_log) {
    struct error error;
    size_t at = 0;
    take_waiting(reject_log);
    const struct buffer *writing = &reject_log->writing;
    if (writing->length == 0)
        return;
    int r = 0;
    if (!is_in_place(reject_log)) {
        close_file(reject_log);
        r = open_file(reject_log, &error);
    }
    while (r == 0 && at < writing->length)
        r = write_part(reject_log, &at, &error);
    if (r < 0)
        lose(reject_log, count_rows((const char *)writing->bytes + at, writing->length - at),
             &error);
}

/* ---- the queue ---- */

static void format_row(const struct reject *reject, struct buffer *row) {
    json_begin_object(row, NULL);
    transaction_json_add(row, reject->transaction, reject->masking);
    json_add_text(row, reject_column_name(REJECT_SOURCE), reject->source);
    json_add_text(row, reject_column_name(REJECT_CODE), text_of(error_code_name(reject->code)));
    json_add_text(row, reject_column_name(REJECT_FIELD), reject->field);
    json_add_text(row, reject_column_name(REJECT_REASON), reject->reason);
    json_add_time(row, reject_column_name(REJECT_RECEIVED_TIME), reject->receive_time_us);
    json_end_object(row);
    buffer_append_u8(row, '\n');
}

/* Before a row is made, so that a flood of them costs little. */
static bool has_room(struct reject_log *reject_log) {
    pthread_mutex_lock(&reject_log->lock);
    bool has = reject_log->waiting.length < REJECT_LOG_QUEUE_MAX;
    pthread_mutex_unlock(&reject_log->lock);
    return has;
}

static bool enqueue(struct reject_log *reject_log, struct text row, bool *ret_was_empty) {
    pthread_mutex_lock(&reject_log->lock);
    struct buffer *waiting = &reject_log->waiting;
    bool fits = waiting->length + row.length <= REJECT_LOG_QUEUE_MAX;
    *ret_was_empty = waiting->length == 0;
    if (fits)
        buffer_append(waiting, row.data, row.length);
    pthread_mutex_unlock(&reject_log->lock);
    return fits;
}

bool reject_log_add(struct reject_log *reject_log, const struct reject *reject) {
    struct buffer row;
    bool is_queued = false, was_empty = false;
    buffer_init(&row);
    if (has_room(reject_log)) {
        format_row(reject, &row);
        is_queued =
            row.length <= REJECT_LOG_ROW_MAX && enqueue(reject_log, buffer_text(&row), &was_empty);
    }
    buffer_deinit(&row);
    if (!is_queued)
        metric_add(reject_log->settings.metrics, REJECTS, REJECT_DROPPED, 1);
    return is_queued && was_empty;
}

/* ---- opening and closing ---- */

static void free_log(struct reject_log *reject_log) {
    close_file(reject_log);
    pthread_mutex_destroy(&reject_log->lock);
    buffer_deinit(&reject_log->waiting);
    buffer_deinit(&reject_log->writing);
    free(reject_log->old_path);
    free(reject_log->path);
    free(reject_log);
}

int reject_log_open(const struct reject_log_settings *settings, struct reject_log **ret_reject_log,
                    struct error *ret_error) {
    struct reject_log *reject_log = check_calloc(1, sizeof *reject_log);
    size_t old_size = strlen(settings->path) + sizeof ".1";
    reject_log->settings = *settings;
    reject_log->descriptor = -1;
    reject_log->path = text_copy(text_of(settings->path));
    reject_log->old_path = check_malloc(old_size);
    snprintf(reject_log->old_path, old_size, "%s.1", settings->path);
    lock_init(&reject_log->lock, LOCK_REJECT_LOG);
    buffer_init(&reject_log->waiting);
    buffer_init(&reject_log->writing);
    int r = open_file(reject_log, ret_error);
    if (r < 0) {
        free_log(reject_log);
        return error_prefix(ret_error, "rejects");
    }
    *ret_reject_log = reject_log;
    return 0;
}

void reject_log_close(struct reject_log *reject_log) {
    if (!reject_log)
        return;
    reject_log_write(reject_log);
    free_log(reject_log);
}
