/* The server's log: one line for each message, on standard error, as text or as JSON.
 *
 *   2026-11-21T12:47:20.123Z warning policy refused, the current one stays in force: …
 *   {"time":"2026-11-21T12:47:20.123456Z","level":"warning","message":"policy refused, …"}
 *
 * A message may have fields: values that it says in words, which a line of JSON has as members,
 * too. Nothing about a transaction's content is ever logged: no ids, no keys, no amounts. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* "error", "warning", …, NULL: the choices of the option log_level. */
extern const char *const log_level_names[];
/* "text", "json", NULL: the choices of the option log_format. */
extern const char *const log_format_names[];

struct log {
    int descriptor;
    atomic_int level;  /* of enum log_level; less severe lines are dropped */
    atomic_int format; /* of enum log_format */
    bool has_priority; /* each line begins with <N>, which journald takes as its priority */
};

/* As text, without priorities. */
void log_init(struct log *log, int descriptor, enum log_level level);
void log_set_level(struct log *log, enum log_level level);
void log_set_format(struct log *log, enum log_format format);
/* stream: systemd's JOURNAL_STREAM; NULL: not set. If that is where lines go, they get priorities.
 * Before other threads log. */
void log_use_journal(struct log *log, const char *stream);

/* Would a line of this level be written? To save the work of preparing it. */
bool log_shows(const struct log *log, enum log_level level);

enum log_field_type { LOG_FIELD_TEXT, LOG_FIELD_UNSIGNED, LOG_FIELD_SIGNED };

/* Keys are snake_case and not time, level or message. */
struct log_field {
    const char *key;
    enum log_field_type type;
    struct text text; /* an empty one is left out */
    uint64_t number;  /* LOG_FIELD_SIGNED: its bits */
};

struct log_fields {
    const struct log_field *items;
    size_t count;
};

static inline struct log_field log_field_text(const char *key, struct text text) {
    return (struct log_field){.key = key, .type = LOG_FIELD_TEXT, .text = text};
}
static inline struct log_field log_field_string(const char *key, const char *string) {
    return log_field_text(key, text_of(string));
}
static inline struct log_field log_field_unsigned(const char *key, uint64_t number) {
    return (struct log_field){.key = key, .type = LOG_FIELD_UNSIGNED, .number = number};
}
static inline struct log_field log_field_signed(const char *key, int64_t number) {
    return (struct log_field){.key = key, .type = LOG_FIELD_SIGNED, .number = (uint64_t)number};
}

#define LOG_FIELDS(...)                                                                            \
    ((struct log_fields){(const struct log_field[]){__VA_ARGS__},                                  \
                         sizeof((const struct log_field[]){__VA_ARGS__}) /                         \
                             sizeof(struct log_field)})

/* What a struct error says. */
#define LOG_FAILURE(error)                                                                         \
    LOG_FIELDS(log_field_string("code", error_code_name((error)->code)),                           \
               log_field_string("reason", (error)->text))

/* One line; line breaks in it become spaces (in JSON: are escaped). Any thread. A line that cannot
 * be written is dropped silently, as there is nowhere left to report it. */
void log_line(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with fields. */
void log_line_with(struct log *log, enum log_level level, struct log_fields fields,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* A text of several lines, each as a log line of its own. All get the same head, so that a caret
 * stays below what it points at. */
void log_lines(struct log *log, enum log_level level, struct text lines);
