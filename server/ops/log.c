/* Each line is written with one write(2), so that lines of several threads do not mix: a pipe keeps
 * that promise up to PIPE_BUF bytes, and no line is longer. Logging takes no lock. Text is
 * formatted on the stack; a line of JSON is made in a buffer of its own. */
#include "log.h"

#include "core/base/buffer.h"
#include "core/base/json_writer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX_BYTES 2048 /* longer messages are cut */
#define FIELD_MAX_BYTES   256  /* so are texts of fields */
#define JSON_MAX_BYTES    4096 /* of a line: PIPE_BUF. Escapes may make more of the message */

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};
const char *const log_format_names[] = {"text", "json", NULL};

/* sd-daemon(3): syslog's numbers. */
static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"};

void log_init(struct log *log, int descriptor, enum log_level level) {
    log->descriptor = descriptor;
    atomic_init(&log->level, level);
    atomic_init(&log->format, LOG_FORMAT_TEXT);
    log->has_priority = false;
}

void log_set_level(struct log *log, enum log_level level) {
    atomic_store_explicit(&log->level, level, memory_order_relaxed);
}

void log_set_format(struct log *log, enum log_format format) {
    atomic_store_explicit(&log->format, format, memory_order_relaxed);
}

/* "DEVICE:INODE" of the stream that systemd connected; standard error may lead elsewhere since. */
void log_use_journal(struct log *log, const char *stream) {
    uintmax_t device, inode;
    struct stat status;
    log->has_priority = stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
                        fstat(log->descriptor, &status) == 0 && status.st_dev == device &&
                        status.st_ino == inode;
}

bool log_shows(const struct log *log, enum log_level level) {
    return (int)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

static const char *priority_of(const struct log *log, enum log_level level) {
    return log->has_priority ? priorities[level] : "";
}

/* "2026-11-21T12:47:20" */
static void format_second(const struct timespec *now, char *date, size_t size) {
    struct tm tm;
    gmtime_r(&now->tv_sec, &tm);
    strftime(date, size, "%Y-%m-%dT%H:%M:%S", &tm);
}

/* ---- text ---- */

/* "2026-11-21T12:47:20.123Z warning ": returns its length. */
static size_t write_head(const struct log *log, enum log_level level, char *line, size_t size) {
    struct timespec now;
    char date[32];
    clock_gettime(CLOCK_REALTIME, &now);
    format_second(&now, date, sizeof date);
    int length = snprintf(line, size, "%s%s.%03ldZ %s ", priority_of(log, level), date,
                          now.tv_nsec / 1000000, log_level_names[level]);
    return (size_t)length;
}

static void write_text(struct log *log, enum log_level level, const char *format,
                       va_list arguments) {
    char line[MESSAGE_MAX_BYTES];
    size_t head = write_head(log, level, line, sizeof line);
    int written = vsnprintf(line + head, sizeof line - head, format, arguments);
    size_t length = head + (written < 0 ? 0 : (size_t)written);
    if (length > sizeof line - 2) /* cut; one byte for the newline, one was vsnprintf()'s NUL */
        length = sizeof line - 2;
    for (size_t i = head; i < length; i++)
        if (line[i] == '\n' || line[i] == '\r')
            line[i] = ' ';
    line[length++] = '\n';
    ssize_t ignored = write(log->descriptor, line, length);
    (void)ignored;
}

/* ---- JSON ---- */

/* At most length bytes, and no part of a character of UTF-8. */
static struct text cut(struct text text, size_t length) {
    if (text.length <= length)
        return text;
    for (int i = 0; i < 3 && length > 0 && ((unsigned char)text.data[length] & 0xc0) == 0x80; i++)
        length--;
    return (struct text){.data = text.data, .length = length};
}

/* Returns whether something was cut. */
static bool add_field(struct buffer *line, const struct log_field *field) {
    switch (field->type) {
    case LOG_FIELD_TEXT:
        if (field->text.length > 0)
            json_add_text(line, field->key, cut(field->text, FIELD_MAX_BYTES));
        return field->text.length > FIELD_MAX_BYTES;
    case LOG_FIELD_UNSIGNED:
        json_add_unsigned(line, field->key, field->number);
        return false;
    case LOG_FIELD_SIGNED:
        json_add_signed(line, field->key, (int64_t)field->number);
        return false;
    }
    return false;
}

static void make_json(struct buffer *line, const char *time, enum log_level level,
                      struct text message, struct log_fields fields, bool is_cut) {
    buffer_clear(line);
    json_begin_object(line, NULL);
    json_add_text(line, "time", text_of(time));
    json_add_text(line, "level", text_of(log_level_names[level]));
    json_add_text(line, "message", message);
    for (size_t i = 0; i < fields.count; i++)
        is_cut |= add_field(line, &fields.items[i]);
    if (is_cut)
        json_add_bool(line, "cut", true);
    json_end_object(line);
}

/* A line that is too long loses of its message as many bytes as it is too long by, since each takes
 * at least one; if that is not enough, its fields. */
static void write_json(struct log *log, enum log_level level, struct log_fields fields,
                       const char *format, va_list arguments) {
    struct timespec now;
    char date[32], time[64], bytes[MESSAGE_MAX_BYTES];
    const char *priority = priority_of(log, level);
    size_t most = JSON_MAX_BYTES - strlen(priority) - 1; /* and a newline */
    struct buffer line, out;
    clock_gettime(CLOCK_REALTIME, &now);
    format_second(&now, date, sizeof date);
    snprintf(time, sizeof time, "%s.%06ldZ", date, now.tv_nsec / 1000);
    int written = vsnprintf(bytes, sizeof bytes, format, arguments);
    struct text message = {bytes, written < 0 ? 0 : (size_t)written};
    bool is_cut = message.length > sizeof bytes - 1;
    if (is_cut)
        message = cut((struct text){bytes, sizeof bytes - 1}, sizeof bytes - 5);
    buffer_init(&line);
    buffer_init(&out);
    make_json(&line, time, level, message, fields, is_cut);
    while (line.length > most && (message.length > 0 || fields.count > 0)) {
        size_t excess = line.length - most + sizeof ",\"cut\":true";
        if (message.length > 0)
            message = cut(message, message.length > excess ? message.length - excess : 0);
        else
            fields.count--;
        make_json(&line, time, level, message, fields, true);
    }
    buffer_append_string(&out, priority);
    buffer_append(&out, line.bytes, line.length);
    buffer_append_u8(&out, '\n');
    ssize_t ignored = write(log->descriptor, out.bytes, out.length);
    (void)ignored;
    buffer_deinit(&out);
    buffer_deinit(&line);
}

/* ---- any format ---- */

static void write_line(struct log *log, enum log_level level, struct log_fields fields,
                       const char *format, va_list arguments) {
    if (atomic_load_explicit(&log->format, memory_order_relaxed) == LOG_FORMAT_JSON)
        write_json(log, level, fields, format, arguments);
    else
        write_text(log, level, format, arguments);
}

void log_line(struct log *log, enum log_level level, const char *format, ...) {
    if (!log_shows(log, level))
        return;
    va_list arguments;
    va_start(arguments, format);
    write_line(log, level, (struct log_fields){0}, format, arguments);
    va_end(arguments);
}

void log_line_with(struct log *log, enum log_level level, struct log_fields fields,
                   const char *format, ...) {
    if (!log_shows(log, level))
        return;
    va_list arguments;
    va_start(arguments, format);
    write_line(log, level, fields, format, arguments);
    va_end(arguments);
}

void log_lines(struct log *log, enum log_level level, struct text lines) {
    for (size_t at = 0; at < lines.length;) {
        const char *begin = lines.data + at;
        const char *newline = memchr(begin, '\n', lines.length - at);
        size_t length = newline ? (size_t)(newline - begin) : lines.length - at;
        log_line(log, level, "%.*s", (int)length, begin);
        at += length + 1;
    }
}
