/* What the server tells people: one line each on standard error,
 *
 *   2026-11-21T12:47:20.123Z warning the policy was not adopted: …
 *
 * Nothing of a transaction is ever written here: no ids, no keys, no amounts. */
#pragma once

#include "core/base/text.h"

#include <stdatomic.h>
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* "error", "warning", …, NULL: the choices of the option log_level. */
extern const char *const log_level_names[];

struct log {
    int descriptor;
    atomic_int level; /* lines above it are left out */
};

void log_init(struct log *log, int descriptor, enum log_level level);
void log_set_level(struct log *log, enum log_level level);

/* Would a line of this level be written? For what it takes to make one. */
bool log_shows(const struct log *log, enum log_level level);

/* One line; line breaks in it become spaces. Any thread; one write(2). What cannot be written is
 * lost: there is nobody left to tell. */
void log_line(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A text of several lines, each as a line of its own, so that carets stay below what they point at.
 */
void log_lines(struct log *log, enum log_level level, struct text lines);
