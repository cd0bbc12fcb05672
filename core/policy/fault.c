#include "fault.h"

#include "../base/check.h"

#include <stdio.h>
#include <stdlib.h>

/* Widest part of a source line that is shown, in characters. */
#define SHOWN_MAX    100u
#define SHOWN_BEFORE 60u

struct fault {
    struct fault *older;
    const struct source *source;
    struct position at;
    struct text text;
    bool warning;
    size_t order;
};

void faults_init(struct faults *faults) {
    *faults = (struct faults){0};
    /* Bounded by FAULTS_STORED_MAX, not by the arena. */
    arena_init(&faults->arena, SIZE_MAX / 4);
}

void faults_deinit(struct faults *faults) {
    arena_deinit(&faults->arena);
}

static void add(struct faults *faults, const struct source *source, struct position at,
                bool warning, const char *format, va_list arguments) {
    if (warning)
        faults->warnings++;
    else
        faults->errors++;
    if (faults->stored == FAULTS_STORED_MAX)
        return;
    char text[768];
    vsnprintf(text, sizeof text, format, arguments);
    struct fault *fault = arena_alloc(&faults->arena, sizeof *fault);
    *fault = (struct fault){.older = faults->newest,
                            .source = source,
                            .at = at,
                            .text = arena_text(&faults->arena, text_of(text)),
                            .warning = warning,
                            .order = faults->stored++};
    faults->newest = fault;
}

void fault_add(struct faults *faults, const struct source *source, struct position at,
               const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(faults, source, at, false, format, arguments);
    va_end(arguments);
}

void fault_warn(struct faults *faults, const struct source *source, struct position at,
                const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(faults, source, at, true, format, arguments);
    va_end(arguments);
}

static int compare_faults(const void *left, const void *right) {
    const struct fault *a = *(const struct fault *const *)left;
    const struct fault *b = *(const struct fault *const *)right;
    int order = text_compare(a->source->path, b->source->path);
    if (order == 0)
        order = (a->at.line > b->at.line) - (a->at.line < b->at.line);
    if (order == 0)
        order = (a->at.column > b->at.column) - (a->at.column < b->at.column);
    if (order == 0)
        order = (a->order > b->order) - (a->order < b->order);
    return order;
}

/* All stored faults in the order they are read in; free() the array. */
static const struct fault **sorted(const struct faults *faults) {
    const struct fault **list = check_calloc(faults->stored + 1, sizeof *list);
    size_t count = 0;
    for (const struct fault *fault = faults->newest; fault; fault = fault->older)
        list[count++] = fault;
    qsort(list, count, sizeof *list, compare_faults);
    return list;
}

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

static void append_excerpt(struct buffer *buffer, const struct fault *fault) {
    struct text line = line_of(fault->source->content, fault->at.line);
    size_t column = fault->at.column ? fault->at.column - 1 : 0;
    size_t first = column > SHOWN_MAX - 20 ? column - SHOWN_BEFORE : 0;
    size_t from = character_offset(line, first), to = character_offset(line, first + SHOWN_MAX);
    char gutter[32];
    int width = snprintf(gutter, sizeof gutter, "%5zu | ", fault->at.line);
    buffer_append_string(buffer, gutter);
    if (first > 0)
        buffer_append_string(buffer, "…");
    append_line(buffer, (struct text){.data = line.data + from, .length = to - from});
    if (to < line.length)
        buffer_append_string(buffer, "…");
    buffer_append_string(buffer, "\n");

    struct text shown = {.data = line.data + from, .length = to - from};
    size_t visible = character_count(shown), indent = column - first;
    size_t length = fault->at.length ? fault->at.length : 1;
    if (indent + length > visible)
        length = visible > indent ? visible - indent : 1;
    append_repeated(buffer, ' ', (size_t)width - 2);
    buffer_append_string(buffer, "| ");
    append_repeated(buffer, ' ', indent + (first > 0));
    buffer_append_string(buffer, "^");
    append_repeated(buffer, '~', length - 1);
    buffer_append_string(buffer, "\n");
}

static void append_head(struct buffer *buffer, const struct fault *fault) {
    append_line(buffer, fault->source->path);
    if (fault->at.line > 0) {
        char numbers[48];
        snprintf(numbers, sizeof numbers, ":%zu:%zu", fault->at.line, fault->at.column);
        buffer_append_string(buffer, numbers);
    }
    buffer_append_string(buffer, fault->warning ? ": warning: " : ": ");
    append_line(buffer, fault->text); /* may name a path, and may have been cut */
}

void faults_write(const struct faults *faults, struct buffer *buffer) {
    const struct fault **list = sorted(faults);
    for (size_t i = 0; i < faults->stored; i++) {
        append_head(buffer, list[i]);
        buffer_append_string(buffer, "\n");
        if (list[i]->at.line > 0 && !list[i]->at.secret)
            append_excerpt(buffer, list[i]);
    }
    free(list);
    size_t left_out = faults->errors + faults->warnings - faults->stored;
    if (left_out > 0) {
        char line[64];
        snprintf(line, sizeof line, "… and %zu more\n", left_out);
        buffer_append_string(buffer, line);
    }
}

void faults_tell(const struct faults *faults, struct fault_sink *sink) {
    const struct fault **list = sorted(faults);
    for (size_t i = 0; i < faults->stored; i++) {
        struct fault_view view = {.warning = list[i]->warning,
                                  .path = list[i]->source->path,
                                  .at = list[i]->at,
                                  .text = list[i]->text};
        sink->take(sink, &view);
    }
    free(list);
}

int faults_error(const struct faults *faults, struct error *ret_error) {
    check(faults->errors > 0);
    const struct fault **list = sorted(faults);
    size_t first = 0;
    while (first < faults->stored && list[first]->warning)
        first++;
    struct buffer head;
    buffer_init(&head);
    if (first < faults->stored)
        append_head(&head, list[first]);
    free(list);
    int r;
    if (faults->errors > 1)
        r = error_set(ret_error, ERROR_INVALID, "%.*s (and %zu more)", (int)head.length,
                      head.bytes ? (const char *)head.bytes : "", faults->errors - 1);
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
