/* Each line is formatted on the stack and written with one write(2): lines of several threads do
 * not mix, and logging neither allocates nor locks. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048 /* longer lines are cut */

const char *const log_level_names[] = {"error", "warning", "info", "debug", NULL};

void log_init(struct log *log, int descriptor, enum log_level level) {
    log->descriptor = descriptor;
    atomic_init(&log->level, level);
}

void log_set_level(struct log *log, enum log_level level) {
    atomic_store_explicit(&log->level, level, memory_order_relaxed);
}

bool log_shows(const struct log *log, enum log_level level) {
    return (int)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* "2026-11-21T12:47:20.123Z warning ": returns its length. */
static size_t write_head(enum log_level level, char *line, size_t size) {
    struct timespec now;
    struct tm tm;
    char date[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    int length =
        snprintf(line, size, "%s.%03ldZ %s ", date, now.tv_nsec / 1000000, log_level_names[level]);
    return (size_t)length;
}

void log_line(struct log *log, enum log_level level, const char *format, ...) {
    if (!log_shows(log, level))
        return;
    char line[LINE_MAX_BYTES];
    size_t head = write_head(level, line, sizeof line);
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(line + head, sizeof line - head, format, arguments);
    va_end(arguments);
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

void log_lines(struct log *log, enum log_level level, struct text lines) {
    for (size_t at = 0; at < lines.length;) {
        const char *begin = lines.data + at;
        const char *newline = memchr(begin, '\n', lines.length - at);
        size_t length = newline ? (size_t)(newline - begin) : lines.length - at;
        log_line(log, level, "%.*s", (int)length, begin);
        at += length + 1;
    }
}
