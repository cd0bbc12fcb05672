/* Errors and warnings about a policy's files, as their author reads them: file, line and column,
 * the line itself, a caret under the place. They are collected, so that one load reports them all.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* A file as it was read. path and content belong to the caller and must outlive all diagnostics
 * about the file. */
struct source {
    struct text path;
    struct text content;
};

/* Lines and columns count from 1, columns in characters. Line 0 is the file as a whole. */
struct position {
    size_t line;
    size_t column;
    size_t length; /* characters to underline; 0 and 1 both give a single caret */
    bool secret;   /* the line may hold a card number: no message shows it */
};

struct diagnostic;

struct diagnostics {
    struct arena arena;
    struct diagnostic *newest;
    size_t stored;
    size_t errors;
    size_t warnings;
};

#define DIAGNOSTICS_STORED_MAX 200 /* further ones are counted */

void diagnostics_init(struct diagnostics *diagnostics);
void diagnostics_deinit(struct diagnostics *diagnostics);

/* Adds an error. The text is formatted at once and cut at 767 bytes; source is kept as a pointer.
 */
void diagnostic_add(struct diagnostics *diagnostics, const struct source *source,
                    struct position at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds a warning: it is reported, but the policy loads. */
void diagnostic_warn(struct diagnostics *diagnostics, const struct source *source,
                     struct position at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends all of them as text, ordered by path, line and column. */
void diagnostics_write(const struct diagnostics *diagnostics, struct buffer *buffer);
/* One of them, for output in another form, such as JSON. Texts live as long as the diagnostics. */
struct diagnostic_view {
    bool warning;
    struct text path;
    struct position at;
    struct text text;
};
struct diagnostic_sink {
    void (*take)(struct diagnostic_sink *self, const struct diagnostic_view *diagnostic);
};
/* Calls take() for each stored one, in the same order. */
void diagnostics_report(const struct diagnostics *diagnostics, struct diagnostic_sink *sink);
/* The first error and how many more there are; ERROR_INVALID. There must be one. */
int diagnostics_error(const struct diagnostics *diagnostics, struct error *ret_error);

/* "Did you mean": the nearest of the names tried, when it is near enough to be a slip. */
struct near {
    struct text wanted;
    struct text best;
    size_t distance;
};

static inline struct near near_to(struct text wanted) {
    return (struct near){.wanted = wanted, .distance = SIZE_MAX};
}
void near_try(struct near *near, struct text candidate);
/* "; did you mean "x"?" or "" */
#define NEAR_HINT_SIZE 160
const char *near_hint(const struct near *near, char ret_hint[NEAR_HINT_SIZE]);
