/* The server's log: one line for each message, on standard error.
 *
 *   2026-11-21T12:47:20.123Z warning policy refused, the current one stays in force: …
 *
 * Nothing about a transaction's content is ever logged: no ids, no keys, no amounts. */
#pragma once

#include "core/base/text.h"

#include <stdatomic.h>
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* "error", "warning", …, NULL: the choices of the option log_level. */
extern const char *const log_level_names[];

struct log {
    int descriptor;
    atomic_int level; /* of enum log_level; less severe lines are dropped */
};

void log_init(struct log *log, int descriptor, enum log_level level);
void log_set_level(struct log *log, enum log_level level);

/* Would a line of this level be written? To save the work of preparing it. */
bool log_shows(const struct log *log, enum log_level level);

/* One line; line breaks in it become spaces. Any thread. A line that cannot be written is dropped
 * silently, as there is nowhere left to report it. */
void log_line(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A text of several lines, each as a log line of its own. All get the same head, so that a caret
 * stays below what it points at. */
void log_lines(struct log *log, enum log_level level, struct text lines);
