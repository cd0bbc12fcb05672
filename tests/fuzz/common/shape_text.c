/* Changes one word, bracket or line of a text: JSON, YAML, CSV, an expression; see shape.h. */
#include "shape.h"

#include <string.h>

#define HEAD_MAX 2 /* bytes before the message or text */

static bool is_word(uint8_t byte) {
    return byte == '_' || byte == '.' || byte == '-' || byte == '+' || byte >= 0x80 ||
           (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Where the token at `at` ends: a quoted text, a word, spaces, or one other byte. */
static size_t token_end(const uint8_t *bytes, size_t size, size_t at) {
    uint8_t first = bytes[at++];
    if (first == '"') {
        for (; at < size && bytes[at] != '\n'; at++)
            if (bytes[at] == '"')
                return at + 1;
            else if (bytes[at] == '\\' && at + 1 < size)
                at++;
        return at;
    }
    if (is_space(first))
        while (at < size && is_space(bytes[at]))
            at++;
    else if (is_word(first))
        while (at < size && is_word(bytes[at]))
            at++;
    return at;
}

/* The end of the group that begins with the bracket at `at`, or of the token, if it is none. */
static size_t group_end(const uint8_t *bytes, size_t size, size_t at) {
    size_t depth = 0, next = at;
    if (bytes[at] != '{' && bytes[at] != '[' && bytes[at] != '(')
        return token_end(bytes, size, at);
    while (next < size) {
        uint8_t byte = bytes[next];
        next = token_end(bytes, size, next);
        if (byte == '{' || byte == '[' || byte == '(')
            depth++;
        else if ((byte == '}' || byte == ']' || byte == ')') && --depth == 0)
            return next;
    }
    return token_end(bytes, size, at);
}

/* The token in which the byte at `at` is, or the next one that is not of spaces. */
static void find_token(const uint8_t *bytes, size_t size, size_t at, size_t *ret_start,
                       size_t *ret_end) {
    size_t start = at, end;
    while (start > 0 && bytes[start - 1] != '\n')
        start--;
    do
        end = token_end(bytes, size, start);
    while ((end <= at || is_space(bytes[start])) && end < size && (start = end, true));
    *ret_start = start;
    *ret_end = end;
}

static const char *const odd[] = {"null",
                                  "true",
                                  "false",
                                  "0",
                                  "1",
                                  "2",
                                  "-1",
                                  "0.5",
                                  "-0.0",
                                  "1e999",
                                  "1e30",
                                  "65536",
                                  "4294967296",
                                  "9223372036854775807",
                                  "9223372036854775808",
                                  "18446744073709551616",
                                  "nan",
                                  "inf",
                                  "\"\"",
                                  "\"x\"",
                                  "\"-1\"",
                                  "\"1e30\"",
                                  "\"\\u0000\"",
                                  "\"\\ud800\"",
                                  "\"\\u00e9\"",
                                  "x",
                                  "[]",
                                  "{}",
                                  "[1]",
                                  "[[]]",
                                  "{\"x\": 1}",
                                  "{x: 1}",
                                  "[x, x]",
                                  "\"",
                                  ",",
                                  ":",
                                  ": ",
                                  "\n",
                                  "- ",
                                  "#",
                                  "'",
                                  "2026-01-01T00:00:00Z",
                                  "2026-13-01",
                                  "1h",
                                  "card",
                                  "amount",
                                  "4111111111111111",
                                  "\x7f",
                                  "\xc3",
                                  "=",
                                  "&a ",
                                  "*a",
                                  "|",
                                  "(",
                                  ")",
                                  "\\"};

static void put_odd(struct chance *chance, struct buffer *out) {
    const char *text = odd[chance_below(chance, sizeof odd / sizeof *odd)];
    buffer_append(out, text, strlen(text));
}

static void put_long(struct chance *chance, bool is_quoted, struct buffer *out) {
    static const size_t lengths[] = {65, 130, 257, 600, 1025};
    size_t length = lengths[chance_below(chance, sizeof lengths / sizeof *lengths)];
    if (is_quoted)
        buffer_append_u8(out, '"');
    for (size_t i = 0; i < length; i++)
        buffer_append_u8(out, 'a');
    if (is_quoted)
        buffer_append_u8(out, '"');
}

/* Lines [from, to) of the input: one that is chosen, or a whole text without lines. */
static void find_line(const uint8_t *bytes, size_t size, size_t at, size_t *ret_from,
                      size_t *ret_to) {
    size_t from = at, to = at;
    while (from > 0 && bytes[from - 1] != '\n')
        from--;
    while (to < size && bytes[to] != '\n')
        to++;
    *ret_from = from;
    *ret_to = to < size ? to + 1 : to;
}

/* What stands in place of bytes [start, end). */
static void put_instead(struct chance *chance, const uint8_t *bytes, size_t size, size_t start,
                        size_t end, struct buffer *out) {
    size_t from, to;
    switch (chance_below(chance, 8)) {
    case 0: /* nothing */
        break;
    case 1: /* it twice */
        buffer_append(out, bytes + start, end - start);
        buffer_append(out, bytes + start, end - start);
        break;
    case 2: /* more before it */
        put_odd(chance, out);
        buffer_append(out, bytes + start, end - start);
        break;
    case 3: /* more behind it */
        buffer_append(out, bytes + start, end - start);
        put_odd(chance, out);
        break;
    case 4: /* another token of the same text */
    case 5:
        find_token(bytes, size, (size_t)chance_below(chance, size), &from, &to);
        if (chance_below(chance, 2))
            to = group_end(bytes, size, from);
        buffer_append(out, bytes + from, to - from);
        break;
    case 6:
        if (chance_below(chance, 4) == 0) {
            put_long(chance, bytes[start] == '"', out);
            break;
        }
        /* fall through */
    default:
        if (bytes[start] == '"' && chance_below(chance, 2)) { /* stays a quoted text */
            buffer_append_u8(out, '"');
            put_odd(chance, out);
            buffer_append_u8(out, '"');
        } else
            put_odd(chance, out);
    }
}

void shape_change_text(struct chance *chance, const uint8_t *bytes, size_t size,
                       struct buffer *out) {
    size_t at = (size_t)chance_below(chance, size), start, end;
    switch (chance_below(chance, 8)) {
    case 0: /* a line is missing, or there twice */
        find_line(bytes, size, at, &start, &end);
        buffer_append(out, bytes, start);
        if (chance_below(chance, 2)) {
            buffer_append(out, bytes + start, end - start);
            buffer_append(out, bytes + start, end - start);
        }
        break;
    case 1: /* all lines of a text that ends early */
        find_line(bytes, size, at, &start, &end);
        if (chance_below(chance, 4) == 0) {
            buffer_append(out, bytes, start);
            return;
        }
        buffer_append(out, bytes, end);
        { /* another line behind it */
            size_t from, to;
            find_line(bytes, size, (size_t)chance_below(chance, size), &from, &to);
            buffer_append(out, bytes + from, to - from);
        }
        break;
    default:
        find_token(bytes, size, at, &start, &end);
        if (chance_below(chance, 2))
            end = group_end(bytes, size, start);
        buffer_append(out, bytes, start);
        put_instead(chance, bytes, size, start, end, out);
    }
    buffer_append(out, bytes + end, size - end);
}

bool shape_is_text(const uint8_t *bytes, size_t size) {
    size_t printable = 0;
    for (size_t i = 0; i < size; i++)
        printable += bytes[i] == '\n' || bytes[i] == '\t' || (bytes[i] >= ' ' && bytes[i] < 0x7f);
    return size > 0 && printable * 10 >= size * 9;
}

bool shape_change(struct chance *chance, const uint8_t *bytes, size_t size, struct buffer *out) {
    for (size_t head = 0; head <= HEAD_MAX && head < size; head++) {
        bool is_text = shape_is_text(bytes + head, size - head);
        if (!is_text && !shape_is_message(bytes + head, size - head))
            continue;
        if (is_text) /* the byte before a text may look like one of it */
            head = bytes[0] < ' ' || bytes[0] > '~' ? head : 0;
        buffer_append(out, bytes, head);
        (is_text ? shape_change_text : shape_change_message)(chance, bytes + head, size - head,
                                                             out);
        return true;
    }
    return false;
}
