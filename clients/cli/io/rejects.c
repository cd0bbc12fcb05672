/* One write() for each row. Refused rows are few, and if they are not, a microsecond each is little
 * beside what they cost before: so nothing is buffered, and nothing has to be flushed in time. */
#include "rejects.h"

#include "clients/cli/rows/base64.h"
#include "clients/cli/rows/json_lines.h"
#include "clients/cli/rows/json_members.h"
#include "clients/cli/terminal/exit_status.h"
#include "clients/cli/terminal/quantity.h"
#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/wire/types/reject_column.h"
#include "csv_cell.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct rejects {
    char *path;
    int descriptor;
    bool is_regular;        /* so that what was written can be taken back */
    enum row_format format; /* GUESS: not known yet */
    char *format_of;        /* the name of the file that it, and the header, were taken from */
    struct buffer header;   /* of CSV, without our columns */
    size_t column_count;    /* of CSV, likewise */
    bool has_mark;
    bool is_raw; /* no row is an object */
    struct buffer line;
    off_t length; /* of the file: whole rows */
    uint64_t count;
    int failed; /* errno of a row that could not be written, so that no other may be; 0: none */
};

/* ---- the file ---- */

const char *rejects_option_parse(const char *value, struct argp_state *state) {
    if (strcmp(value, "-") == 0)
        argp_error(state, "--rejects: expected a file, not standard output");
    return value;
}

/* Rows hold what the input holds, so whoever may read that may read them. */
static mode_t mode_of(const char *input) {
    struct stat status;
    if (!input || stat(input, &status) < 0 || !S_ISREG(status.st_mode))
        return 0600;
    return 0600 | (status.st_mode & 0066);
}

static int in_use(const struct rejects *rejects, struct error *ret_error) {
    return error_set(ret_error, ERROR_EXISTS, "--rejects: another run writes %s", rejects->path);
}

/* Refuses a regular file that has something in it, or will have from another run. What is there
 * counts once the lock is ours: until then another run may add rows, or remove its empty file. */
static int look_at(struct rejects *rejects, struct error *ret_error) {
    struct stat status;
    if (fstat(rejects->descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "cannot write %s", rejects->path);
    rejects->is_regular = S_ISREG(status.st_mode);
    if (!rejects->is_regular)
        return 0;
    if (flock(rejects->descriptor, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? in_use(rejects, ret_error)
                   : error_set_errno(ret_error, errno, "cannot lock %s", rejects->path);
    if (fstat(rejects->descriptor, &status) < 0)
        return error_set_errno(ret_error, errno, "cannot write %s", rejects->path);
    if (status.st_nlink == 0)
        return in_use(rejects, ret_error);
    if (status.st_size == 0)
        return 0;
    return error_set(ret_error, ERROR_EXISTS,
                     "--rejects: %s exists, and is not overwritten: if it has rows that were "
                     "refused before, retry them first, or name another file",
                     rejects->path);
}

int rejects_open(const char *path, const char *input, struct rejects **ret_rejects,
                 struct error *ret_error) {
    struct rejects *rejects = check_calloc(1, sizeof *rejects);
    struct error ignored;
    buffer_init(&rejects->header);
    buffer_init(&rejects->line);
    rejects->path = text_copy(text_of(path));
    rejects->descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode_of(input));
    int r = 0;
    if (rejects->descriptor < 0)
        r = error_set_errno(ret_error, errno, "cannot write %s", path);
    else if (input && rejects_is_at(rejects, input))
        r = error_set(ret_error, ERROR_EXISTS, "--rejects: %s is the input", path);
    else
        r = look_at(rejects, ret_error);
    if (r < 0) {
        rejects->is_regular = false; /* what is there is not ours */
        rejects_close(rejects, &ignored);
        return r;
    }
    *ret_rejects = rejects;
    return 0;
}

/* The folder is not synced: after a crash of the machine, the input is still there. */
static int close_file(struct rejects *rejects, struct error *ret_error) {
    int failed = 0;
    if (rejects->is_regular && rejects->count == 0)
        unlink(rejects->path);
    else if (rejects->is_regular && fsync(rejects->descriptor) < 0)
        failed = errno;
    if (close(rejects->descriptor) < 0 && !failed)
        failed = errno;
    return failed ? error_set_errno(ret_error, failed, "cannot write %s", rejects->path) : 0;
}

int rejects_close(struct rejects *rejects, struct error *ret_error) {
    if (!rejects)
        return 0;
    int r = rejects->descriptor < 0 ? 0 : close_file(rejects, ret_error);
    buffer_deinit(&rejects->header);
    buffer_deinit(&rejects->line);
    free(rejects->format_of);
    free(rejects->path);
    free(rejects);
    return r;
}

int rejects_close_at_exit(struct rejects *rejects, int status) {
    struct error error;
    if (rejects_close(rejects, &error) == 0)
        return status;
    int failed = (int)exit_with(&error);
    return status == EXIT_STATUS_OK || status == EXIT_STATUS_ROWS_FAILED ? failed : status;
}

bool rejects_is_at(const struct rejects *rejects, const char *path) {
    struct stat ours, theirs;
    return fstat(rejects->descriptor, &ours) == 0 && stat(path, &theirs) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

uint64_t rejects_count(const struct rejects *rejects) {
    return rejects ? rejects->count : 0;
}

bool rejects_has_failed(const struct rejects *rejects) {
    return rejects && rejects->failed;
}

const char *rejects_path(const struct rejects *rejects) {
    return rejects->path;
}

/* ---- format and header ---- */

static int differs(const struct rejects *rejects, const char *name, const char *what,
                   struct error *ret_error) {
    return error_set(
        ret_error, ERROR_INVALID,
        "%s: its %s differ from %s, so refused rows do not fit one file: give each its "
        "own run with its own --rejects",
        name, what, rejects->format_of);
}

int rejects_begin_file(struct rejects *rejects, struct rows *rows, const char *name,
                       struct error *ret_error) {
    bool has_mark = false;
    size_t column_count = 0;
    struct text header = {0};
    if (rows_format(rows) == ROW_FORMAT_CSV) {
        header = rows_header_bytes(rows, &has_mark);
        rows_columns(rows, &column_count);
    }
    rows_keep_originals(rows);
    if (rejects->format == ROW_FORMAT_GUESS) {
        rejects->format = rows_format(rows);
        rejects->format_of = text_copy(text_of(name));
        rejects->has_mark = has_mark;
        rejects->column_count = column_count;
        buffer_append(&rejects->header, header.data, header.length);
        return 0;
    }
    if (rejects->format != rows_format(rows))
        return differs(rejects, name, "format and columns", ret_error);
    if (!text_equal(buffer_text(&rejects->header), header))
        return differs(rejects, name, "columns", ret_error);
    return 0;
}

void rejects_begin_values(struct rejects *rejects, bool is_protobuf) {
    rejects->format = ROW_FORMAT_JSONL;
    rejects->is_raw = is_protobuf;
}

/* ---- rows ---- */

/* A sentence that quotes bytes of a row may have some that are no text, or half a character. */
static struct text clean_text(struct buffer *buffer, struct text text) {
    size_t at;
    buffer_clear(buffer);
    buffer_append(buffer, text.data, text.length);
    while (!text_is_clean(buffer_text(buffer), &at))
        buffer->bytes[at] = '?';
    return buffer_text(buffer);
}

struct place {
    struct text source;
    uint64_t line;
};

/* Of a row that was refused before: where it came from then. */
static struct place place_of(const struct row_original *original, const struct rejected *why) {
    if (original->source.length > 0)
        return (struct place){original->source, original->source_line};
    return (struct place){text_of(why->source), original->line};
}

static void add_csv_header(struct rejects *rejects) {
    struct buffer *line = &rejects->line;
    if (rejects->has_mark)
        buffer_append_string(line, BYTE_ORDER_MARK);
    buffer_append(line, rejects->header.bytes, rejects->header.length);
    for (enum reject_column i = 0; i < REJECT_RAW_BASE64; i++)
        buffer_printf(line, ",%s", reject_column_name(i));
    buffer_append_u8(line, '\n');
}

static void add_csv_cell(struct buffer *line, struct text text) {
    buffer_append_u8(line, ',');
    csv_add_text(line, text);
}

/* Bytes of a whole row can be continued with a comma, as its quotes are closed. */
static void add_csv_row(struct rejects *rejects, const struct row_original *original,
                        const struct rejected *why) {
    struct buffer *line = &rejects->line, clean;
    struct place place = place_of(original, why);
    buffer_init(&clean);
    if (original->bytes.data)
        buffer_append(line, original->bytes.data, original->bytes.length);
    for (size_t i = 1; i < rejects->column_count && !original->bytes.data; i++)
        buffer_append_u8(line, ',');
    add_csv_cell(line, place.source);
    buffer_append_u8(line, ',');
    if (place.line > 0)
        buffer_printf(line, "%" PRIu64, place.line);
    add_csv_cell(line, text_of(error_code_name(why->code)));
    add_csv_cell(line, clean_text(&clean, why->field));
    add_csv_cell(line, clean_text(&clean, text_of(why->reason)));
    if (original->raw.length == 0)
        buffer_append_u8(line, ',');
    else
        add_csv_cell(line, original->columns.length > 0 ? original->columns
                                                        : buffer_text(&rejects->header));
    add_csv_cell(line, original->raw);
    buffer_append_u8(line, '\n');
    buffer_deinit(&clean);
}

/* An object in one line can be continued with further members. */
static bool is_plain_object(struct text text) {
    const char *key;
    json_t *value;
    if (text.length == 0 || text.length > JSON_LINE_MAX || memchr(text.data, '\n', text.length))
        return false;
    json_t *object = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
    bool is_plain = json_is_object(object);
    json_object_foreach(object, key, value) {
        is_plain = is_plain && !reject_column_is_reserved(text_of(key));
    }
    json_decref(object);
    return is_plain;
}

/* Text that JSON keeps byte for byte, in no more room than base 64 takes. */
static bool is_text(struct text text) {
    while (text.length > 0) {
        size_t length = 0;
        while (length < text.length && text.data[length] != '\n' && text.data[length] != '\r' &&
               text.data[length] != '\t')
            length++;
        if (!text_is_clean((struct text){.data = text.data, .length = length}, NULL))
            return false;
        length += length < text.length;
        text.data += length;
        text.length -= length;
    }
    return true;
}

static void add_json_raw(struct buffer *line, struct text raw) {
    struct buffer encoded;
    if (is_text(raw)) {
        json_add_text(line, reject_column_name(REJECT_RAW), raw);
        return;
    }
    buffer_init(&encoded);
    base64_encode(&encoded, raw);
    json_add_text(line, reject_column_name(REJECT_RAW_BASE64), buffer_text(&encoded));
    buffer_deinit(&encoded);
}

/* The members that come behind those of the row, without commas around them. */
static void add_json_members(struct buffer *members, const struct place *place,
                             const struct rejected *why, struct text raw) {
    struct buffer clean;
    buffer_init(&clean);
    json_add_text(members, reject_column_name(REJECT_SOURCE), clean_text(&clean, place->source));
    if (place->line > 0)
        json_add_unsigned(members, reject_column_name(REJECT_LINE), place->line);
    json_add_text(members, reject_column_name(REJECT_CODE), text_of(error_code_name(why->code)));
    json_add_text(members, reject_column_name(REJECT_FIELD), clean_text(&clean, why->field));
    json_add_text(members, reject_column_name(REJECT_REASON),
                  clean_text(&clean, text_of(why->reason)));
    if (raw.length > 0)
        add_json_raw(members, raw);
    buffer_deinit(&clean);
}

static void add_json_row(struct rejects *rejects, const struct row_original *original,
                         const struct rejected *why) {
    struct buffer *line = &rejects->line, members;
    struct text object = original->bytes, raw = original->raw;
    const struct place place = place_of(original, why);
    if (!object.data && !rejects->is_raw && is_plain_object(raw)) {
        object = raw;
        raw = (struct text){0};
    }
    if (!object.data)
        object = TEXT_LITERAL("{}");
    bool is_empty;
    size_t end = json_members_end(object, &is_empty);
    buffer_init(&members);
    add_json_members(&members, &place, why, raw);
    buffer_append(line, object.data, end);
    if (!is_empty)
        buffer_append_u8(line, ',');
    buffer_append(line, members.bytes, members.length);
    buffer_append(line, object.data + end, object.length - end);
    buffer_append_u8(line, '\n');
    buffer_deinit(&members);
}

/* All of it or, in a regular file, nothing. */
static int write_line(struct rejects *rejects, struct error *ret_error) {
    const struct buffer *line = &rejects->line;
    for (size_t written = 0; written < line->length;) {
        ssize_t r = write(rejects->descriptor, line->bytes + written, line->length - written);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            int failed = errno;
            if (rejects->is_regular && ftruncate(rejects->descriptor, rejects->length) < 0)
                failed = errno;
            rejects->failed = failed;
            return error_set_errno(ret_error, failed, "cannot write %s", rejects->path);
        }
        written += (size_t)r;
    }
    rejects->length += (off_t)line->length;
    return 0;
}

int rejects_add(struct rejects *rejects, const struct row_original *original,
                const struct rejected *why, struct error *ret_error) {
    if (rejects->failed)
        return error_set_errno(ret_error, rejects->failed, "cannot write %s", rejects->path);
    if (original->raw.length > JSON_LINE_KEPT_MAX)
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "%s:%" PRIu64 ": the row is longer than 16 MiB, too long for %s",
                         why->source, original->line, rejects->path);
    buffer_clear(&rejects->line);
    if (rejects->format == ROW_FORMAT_CSV) {
        if (rejects->count == 0)
            add_csv_header(rejects);
        add_csv_row(rejects, original, why);
    } else {
        add_json_row(rejects, original, why);
    }
    int r = write_line(rejects, ret_error);
    if (r == 0)
        rejects->count++;
    return r;
}

void rejects_print_retry(const struct rejects *rejects, const char *input, FILE *to) {
    char number[QUANTITY_COUNT_SIZE];
    if (rejects_count(rejects) == 0)
        return;
    fprintf(to,
            "harrier: %s %s in %s: once you have mended them or the cause is gone, run the "
            "same command with it in place of %s and with other output files\n",
            quantity_format_count(rejects->count, number),
            rejects->count == 1 ? "row is" : "rows are", rejects->path, input);
}
