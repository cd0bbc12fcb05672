/* Collecting, ordering and printing diagnostics.
 *
 * They are kept as a list in their own arena and sorted only when they are printed, by path, line,
 * column and then the order in which they were found, so that a load may read files and keys in
 * whichever order suits it. What is printed is made safe first: a policy's author must not be able
 * to send control characters to the terminal on which it is checked. */
#include "diagnostic.h"

#include "core/base/check.h"

#include <stdio.h>
#include <stdlib.h>

/* Widest part of a source line that is shown, in characters. */
#define SHOWN_MAX    100u
#define SHOWN_BEFORE 60u

struct diagnostic {
    struct diagnostic *older;
    const struct source *source;
    struct position at;
    struct text text;
    bool warning;
    size_t order;
};

void diagnostics_init(struct diagnostics *diagnostics) {
    *diagnostics = (struct diagnostics){0};
    /* Bounded by DIAGNOSTICS_STORED_MAX, not by the arena. */
    arena_init(&diagnostics->arena, SIZE_MAX / 4);
}

void diagnostics_deinit(struct diagnostics *diagnostics) {
    arena_deinit(&diagnostics->arena);
}

/* All are counted, but only the first DIAGNOSTICS_STORED_MAX are kept: a broken file of many
 * megabytes must not fill the memory with messages. */
static void add(struct diagnostics *diagnostics, const struct source *source, struct position at,
                bool warning, const char *format, va_list arguments) {
    if (warning)
        diagnostics->warnings++;
    else
        diagnostics->errors++;
    if (diagnostics->stored == DIAGNOSTICS_STORED_MAX)
        return;
    char text[768];
    vsnprintf(text, sizeof text, format, arguments);
    struct diagnostic *diagnostic = arena_alloc(&diagnostics->arena, sizeof *diagnostic);
    *diagnostic = (struct diagnostic){.older = diagnostics->newest,
                                      .source = source,
                                      .at = at,
                                      .text = arena_text(&diagnostics->arena, text_of(text)),
                                      .warning = warning,
                                      .order = diagnostics->stored++};
    diagnostics->newest = diagnostic;
}

void diagnostic_add(struct diagnostics *diagnostics, const struct source *source,
                    struct position at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(diagnostics, source, at, false, format, arguments);
    va_end(arguments);
}

void diagnostic_warn(struct diagnostics *diagnostics, const struct source *source,
                     struct position at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(diagnostics, source, at, true, format, arguments);
    va_end(arguments);
}

static int compare_diagnostics(const void *left, const void *right) {
    const struct diagnostic *a = *(const struct diagnostic *const *)left;
    const struct diagnostic *b = *(const struct diagnostic *const *)right;
    int order = text_compare(a->source->path, b->source->path);
    if (order == 0)
        order = (a->at.line > b->at.line) - (a->at.line < b->at.line);
    if (order == 0)
        order = (a->at.column > b->at.column) - (a->at.column < b->at.column);
    if (order == 0)
        order = (a->order > b->order) - (a->order < b->order);
    return order;
}

/* The stored diagnostics in the order they are printed in. The caller frees the array. */
static const struct diagnostic **sorted(const struct diagnostics *diagnostics) {
    const struct diagnostic **list = check_calloc(diagnostics->stored + 1, sizeof *list);
    size_t count = 0;
    for (const struct diagnostic *diagnostic = diagnostics->newest; diagnostic;
         diagnostic = diagnostic->older)
        list[count++] = diagnostic;
    qsort(list, count, sizeof *list, compare_diagnostics);
    return list;
}

/* A line of the file without its line break and without a byte order mark; empty after the last
 * line. */
static struct text line_of(struct text content, size_t line) {
    const char *at = content.data, *end = content.data + content.length;
    if (content.length >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (line > 1 && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
        line--;
    }
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    const char *stop = newline ? newline : end;
    if (stop > at && stop[-1] == '\r')
        stop--;
    return (struct text){.data = at, .length = (size_t)(stop - at)};
}

/* Byte offset of a character, the text's length beyond its end. */
static size_t character_offset(struct text t, size_t character) {
    size_t at = 0;
    while (at < t.length) {
        if (text_begins_character(t.data[at]) && character-- == 0)
            break;
        at++;
    }
    return at;
}

static size_t character_count(struct text t) {
    size_t count = 0;
    for (size_t i = 0; i < t.length; i++)
        count += text_begins_character(t.data[i]);
    return count;
}

static void append_repeated(struct buffer *buffer, char character, size_t count) {
    while (count-- > 0)
        buffer_append_u8(buffer, (uint8_t)character);
}

/* Clean text; the control characters U+0080 to U+009F are replaced all the same. */
static void append_clean(struct buffer *buffer, struct text t) {
    for (size_t i = 0; i < t.length; i++) {
        bool control =
            t.data[i] == '\xc2' && i + 1 < t.length && (unsigned char)t.data[i + 1] < 0xa0;
        buffer_append_u8(buffer, control ? '?' : (uint8_t)t.data[i]);
        i += control;
    }
}

/* One line, with control characters and broken UTF-8 made harmless. */
static void append_line(struct buffer *buffer, struct text line) {
    size_t bad;
    while (!text_is_clean(line, &bad)) {
        append_clean(buffer, (struct text){.data = line.data, .length = bad});
        buffer_append_string(buffer, line.data[bad] == '\t' ? " " : "?");
        line.data += bad + 1;
        line.length -= bad + 1;
    }
    append_clean(buffer, line);
}

/* The line and a caret below it. Of a long line only SHOWN_MAX characters are shown, beginning
 * SHOWN_BEFORE characters in front of the place, with an ellipsis at each cut. Widths count
 * characters, not columns of the terminal: wide ones shift the caret. */
static void append_excerpt(struct buffer *buffer, const struct diagnostic *diagnostic) {
    struct text line = line_of(diagnostic->source->content, diagnostic->at.line);
    size_t column = diagnostic->at.column ? diagnostic->at.column - 1 : 0;
    size_t first = column > SHOWN_MAX - 20 ? column - SHOWN_BEFORE : 0;
    size_t from = character_offset(line, first), to = character_offset(line, first + SHOWN_MAX);
    char gutter[32];
    int width = snprintf(gutter, sizeof gutter, "%5zu | ", diagnostic->at.line);
    buffer_append_string(buffer, gutter);
    if (first > 0)
        buffer_append_string(buffer, "…");
    append_line(buffer, (struct text){.data = line.data + from, .length = to - from});
    if (to < line.length)
        buffer_append_string(buffer, "…");
    buffer_append_string(buffer, "\n");

    struct text shown = {.data = line.data + from, .length = to - from};
    size_t visible = character_count(shown), indent = column - first;
    size_t length = diagnostic->at.length ? diagnostic->at.length : 1;
    if (indent + length > visible)
        length = visible > indent ? visible - indent : 1;
    append_repeated(buffer, ' ', (size_t)width - 2);
    buffer_append_string(buffer, "| ");
    append_repeated(buffer, ' ', indent + (first > 0));
    buffer_append_string(buffer, "^");
    append_repeated(buffer, '~', length - 1);
    buffer_append_string(buffer, "\n");
}

/* "path:line:column: warning: text", without the numbers when it is about the file as a whole. */
static void append_head(struct buffer *buffer, const struct diagnostic *diagnostic) {
    append_line(buffer, diagnostic->source->path);
    if (diagnostic->at.line > 0) {
        char numbers[48];
        snprintf(numbers, sizeof numbers, ":%zu:%zu", diagnostic->at.line, diagnostic->at.column);
        buffer_append_string(buffer, numbers);
    }
    buffer_append_string(buffer, diagnostic->warning ? ": warning: " : ": ");
    append_line(buffer, diagnostic->text); /* may name a path, and may have been cut */
}

void diagnostics_write(const struct diagnostics *diagnostics, struct buffer *buffer) {
    const struct diagnostic **list = sorted(diagnostics);
    for (size_t i = 0; i < diagnostics->stored; i++) {
        append_head(buffer, list[i]);
        buffer_append_string(buffer, "\n");
        if (list[i]->at.line > 0 && !list[i]->at.secret)
            append_excerpt(buffer, list[i]);
    }
    free(list);
    size_t left_out = diagnostics->errors + diagnostics->warnings - diagnostics->stored;
    if (left_out > 0) {
        char line[64];
        snprintf(line, sizeof line, "… and %zu more\n", left_out);
        buffer_append_string(buffer, line);
    }
}

void diagnostics_report(const struct diagnostics *diagnostics, struct diagnostic_sink *sink) {
    const struct diagnostic **list = sorted(diagnostics);
    for (size_t i = 0; i < diagnostics->stored; i++) {
        struct diagnostic_view view = {.warning = list[i]->warning,
                                       .path = list[i]->source->path,
                                       .at = list[i]->at,
                                       .text = list[i]->text};
        sink->take(sink, &view);
    }
    free(list);
}

/* The first error by position, not by time: the one that the author sees at the top of the list. */
int diagnostics_error(const struct diagnostics *diagnostics, struct error *ret_error) {
    check(diagnostics->errors > 0);
    const struct diagnostic **list = sorted(diagnostics);
    size_t first = 0;
    while (first < diagnostics->stored && list[first]->warning)
        first++;
    struct buffer head;
    buffer_init(&head);
    if (first < diagnostics->stored)
        append_head(&head, list[first]);
    free(list);
    int r;
    if (diagnostics->errors > 1)
        r = error_set(ret_error, ERROR_INVALID, "%.*s (and %zu more)", (int)head.length,
                      head.bytes ? (const char *)head.bytes : "", diagnostics->errors - 1);
    else
        r = error_set(ret_error, ERROR_INVALID, "%.*s", (int)head.length,
                      head.bytes ? (const char *)head.bytes : "");
    buffer_deinit(&head);
    return r;
}

void near_try(struct near *near, struct text candidate) {
    size_t distance = text_distance(near->wanted, candidate);
    if (distance < near->distance) {
        near->distance = distance;
        near->best = candidate;
    }
}

const char *near_hint(const struct near *near, char ret_hint[NEAR_HINT_SIZE]) {
    /* A third of the letters may be wrong, never all of them. */
    size_t allowed = near->wanted.length < 5 ? 1 : (near->wanted.length + 1) / 3;
    ret_hint[0] = '\0';
    if (near->distance <= allowed && near->distance < near->wanted.length)
        snprintf(ret_hint, NEAR_HINT_SIZE, "; did you mean \"%" TEXT_FORMAT "\"?",
                 TEXT_ARGS(near->best));
    return ret_hint;
}
