/* Lines are gathered in a buffer, since a chunk of the source may end within one. */
#include "json_lines.h"

/* How a row begins that only a file of refused rows has, as no object with members of its own. */
#define BARE_BEGIN "{\"harrier."
/* A row of JSON_LINE_KEPT_MAX bytes as text, with each byte escaped, and what is beside it. */
#define BARE_MAX (2u * JSON_LINE_KEPT_MAX + JSON_REJECT_MEMBERS_MAX)

void json_lines_init(struct json_lines *lines, struct byte_source *source) {
    *lines = (struct json_lines){.source = source};
    buffer_init(&lines->bytes);
}

void json_lines_deinit(struct json_lines *lines) {
    buffer_deinit(&lines->bytes);
}

/* As far as the line is known. */
static bool is_bare(const struct json_lines *lines) {
    const size_t begin = sizeof BARE_BEGIN - 1;
    return lines->bytes.length >= begin && memcmp(lines->bytes.bytes, BARE_BEGIN, begin) == 0;
}

/* A part of the line that lies in the chunk. Its head first, by which the limit is known. */
static int take_part(struct json_lines *lines, size_t length, bool *is_too_long,
                     struct error *ret_error) {
    size_t head = length < sizeof BARE_BEGIN ? length : sizeof BARE_BEGIN;
    if (!*is_too_long) {
        buffer_append(&lines->bytes, lines->chunk.data, head);
        *is_too_long = lines->bytes.length + length - head >
                       (is_bare(lines) ? BARE_MAX : JSON_LINE_MAX + JSON_REJECT_MEMBERS_MAX);
    } else {
        head = 0;
    }
    if (*is_too_long && !lines->keeps_long)
        return 0;
    if (*is_too_long && (is_bare(lines) || lines->bytes.length + length > JSON_LINE_KEPT_MAX))
        return error_set(ret_error, ERROR_TOO_LARGE,
                         "%llu: the line is too long to be kept as refused (more than 16 MiB)",
                         (unsigned long long)lines->line + 1);
    buffer_append(&lines->bytes, lines->chunk.data + head, length - head);
    return 0;
}

/* One line, blank or not. */
static int read_line(struct json_lines *lines, struct error *ret_error) {
    bool any = false, is_too_long = false;
    buffer_clear(&lines->bytes);
    for (;;) {
        if (lines->chunk.length == 0) {
            int r = lines->source->read(lines->source, &lines->chunk, ret_error);
            if (r < 0)
                return r;
            if (r == 0) {
                lines->chunk.length = 0;
                break;
            }
        }
        any = true;
        const char *end = memchr(lines->chunk.data, '\n', lines->chunk.length);
        size_t n = end ? (size_t)(end - lines->chunk.data) : lines->chunk.length;
        int r = take_part(lines, n, &is_too_long, ret_error);
        if (r < 0)
            return r;
        lines->chunk.data += n + (end != NULL);
        lines->chunk.length -= n + (end != NULL);
        if (end)
            break;
    }
    if (!any)
        return JSON_LINES_END;
    lines->line++;
    return is_too_long ? JSON_LINES_TOO_LONG : JSON_LINES_LINE;
}

static bool is_blank(const struct buffer *line) {
    for (size_t i = 0; i < line->length; i++)
        if (line->bytes[i] != ' ' && line->bytes[i] != '\t' && line->bytes[i] != '\r')
            return false;
    return true;
}

/* Blank lines are skipped but counted, so that line numbers are those of an editor. */
int json_lines_next(struct json_lines *lines, struct error *ret_error) {
    int r;
    do
        r = read_line(lines, ret_error);
    while (r == JSON_LINES_LINE && is_blank(&lines->bytes));
    return r;
}
