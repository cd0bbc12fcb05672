/* For the loader, and for who writes such files. */
#include "list_line.h"

#include <string.h>

static struct text trim(struct text t) {
    while (t.length > 0 && list_line_is_blank(t.data[t.length - 1]))
        t.length--;
    while (t.length > 0 && list_line_is_blank(t.data[0])) {
        t.data++;
        t.length--;
    }
    return t;
}

/* A # begins a comment only at the start of a line or after a blank, so that values may contain it.
 */
static struct text without_comment(struct text line) {
    for (size_t i = 0; i < line.length; i++)
        if (line.data[i] == '#' && (i == 0 || list_line_is_blank(line.data[i - 1])))
            line.length = i;
    return trim(line);
}

/* Where the word "until" begins the end of the line: the last one between blanks. SIZE_MAX: it does
 * not. */
static size_t find_until(struct text body) {
    static const struct text word = TEXT_LITERAL("until");
    for (size_t i = body.length; i-- > 0;) {
        if (body.length - i < word.length || memcmp(body.data + i, word.data, word.length) != 0)
            continue;
        size_t behind = i + word.length;
        if ((i == 0 || list_line_is_blank(body.data[i - 1])) &&
            (behind == body.length || list_line_is_blank(body.data[behind])))
            return i;
    }
    return SIZE_MAX;
}

struct list_line list_line_split(struct text line) {
    struct list_line parts = {.value = without_comment(line)};
    size_t until = find_until(parts.value);
    if (until == SIZE_MAX)
        return parts;
    parts.has_until = true;
    parts.word = (struct text){.data = parts.value.data + until, .length = 5};
    parts.until = trim((struct text){.data = parts.word.data + parts.word.length,
                                     .length = parts.value.length - until - parts.word.length});
    parts.value = trim((struct text){.data = parts.value.data, .length = until});
    return parts;
}
