/* Two lists of files are merged by path; each pair that differs becomes hunks. */
#include "files_diff.h"

#include "line_diff.h"
#include "quoted_path.h"

#include "core/base/check.h"

#include <stdlib.h>

#define CONTEXT 3 /* unchanged lines around a change */

/* ---- paths ---- */

/* Heap. */
static char *name_file(const char *label, struct text path) {
    struct buffer name;
    buffer_init(&name);
    quoted_path_write(label, path, &name);
    buffer_append_u8(&name, '\0');
    return (char *)name.bytes;
}

/* Without a tab behind it, patch takes a name with a space for a name and a time. */
static void write_head(const char *mark, const char *name, struct buffer *out) {
    buffer_printf(out, "%s %s%s\n", mark, name, strchr(name, ' ') ? "\t" : "");
}

/* ---- hunks ---- */

/* A run of changes: a's lines [a, a_end) become b's [b, b_end). */
struct change {
    size_t a, a_end, b, b_end;
};

/* The first change at or after these unchanged places. false: there is none. */
static bool find_change(const struct line_diff *diff, size_t a, size_t b,
                        struct change *ret_change) {
    while (a < diff->a.count && b < diff->b.count && !diff->a.is_changed[a] &&
           !diff->b.is_changed[b])
        a++, b++;
    *ret_change = (struct change){a, a, b, b};
    while (ret_change->a_end < diff->a.count && diff->a.is_changed[ret_change->a_end])
        ret_change->a_end++;
    while (ret_change->b_end < diff->b.count && diff->b.is_changed[ret_change->b_end])
        ret_change->b_end++;
    return ret_change->a_end > a || ret_change->b_end > b;
}

static void write_line(char mark, struct text line, struct buffer *out) {
    buffer_append_u8(out, (uint8_t)mark);
    buffer_append(out, line.data, line.length);
    if (line.length == 0 || line.data[line.length - 1] != '\n')
        buffer_append_string(out, "\n\\ No newline at end of file\n");
}

static void write_lines(char mark, const struct diff_lines *lines, size_t from, size_t until,
                        struct buffer *out) {
    for (size_t i = from; i < until; i++)
        write_line(mark, lines->lines[i], out);
}

/* "3", "3,7"; an empty range is named by the line before it. */
static void write_range(size_t from, size_t until, struct buffer *out) {
    if (until - from == 1)
        buffer_printf(out, "%zu", from + 1);
    else
        buffer_printf(out, "%zu,%zu", until == from ? from : from + 1, until - from);
}

/* Changes [first, last] with their context; what is between them is unchanged. */
static void write_hunk(const struct line_diff *diff, const struct change *changes, size_t count,
                       struct buffer *out) {
    const struct change *last = &changes[count - 1];
    size_t before = changes->a < CONTEXT ? changes->a : CONTEXT;
    size_t left = diff->a.count - last->a_end, after = left < CONTEXT ? left : CONTEXT;
    buffer_append_string(out, "@@ -");
    write_range(changes->a - before, last->a_end + after, out);
    buffer_append_string(out, " +");
    write_range(changes->b - before, last->b_end + after, out);
    buffer_append_string(out, " @@\n");
    size_t at = changes->a - before;
    for (size_t i = 0; i < count; i++) {
        write_lines(' ', &diff->a, at, changes[i].a, out);
        write_lines('-', &diff->a, changes[i].a, changes[i].a_end, out);
        write_lines('+', &diff->b, changes[i].b, changes[i].b_end, out);
        at = changes[i].a_end;
    }
    write_lines(' ', &diff->a, at, last->a_end + after, out);
}

/* Changes that are so close that their contexts touch share a hunk. */
static void write_hunks(const struct line_diff *diff, struct buffer *out) {
    struct change *changes = check_calloc(diff->a.changed + diff->b.changed + 1, sizeof *changes);
    size_t count = 0;
    for (size_t a = 0, b = 0; find_change(diff, a, b, &changes[count]);) {
        a = changes[count].a_end;
        b = changes[count].b_end;
        if (count > 0 && changes[count].a - changes[count - 1].a_end > 2 * CONTEXT) {
            write_hunk(diff, changes, count, out);
            changes[0] = changes[count];
            count = 0;
        }
        count++;
    }
    if (count > 0)
        write_hunk(diff, changes, count, out);
    free(changes);
}

/* ---- files ---- */

static bool is_binary(struct text content) {
    return content.length > 0 && memchr(content.data, '\0', content.length);
}

/* a or b is NULL if that side lacks the file. */
static void write_file(const struct diff_side *a_side, const struct policy_file *a,
                       const struct diff_side *b_side, const struct policy_file *b, bool in_full,
                       struct buffer *out) {
    struct text a_content = a ? a->content : TEXT_LITERAL(""),
                b_content = b ? b->content : TEXT_LITERAL("");
    char *a_name = a ? name_file(a_side->label, a->path) : text_copy(TEXT_LITERAL("/dev/null"));
    char *b_name = b ? name_file(b_side->label, b->path) : text_copy(TEXT_LITERAL("/dev/null"));
    struct line_diff diff = {0};
    if (is_binary(a_content) || is_binary(b_content)) {
        buffer_printf(out, "Binary files %s and %s differ\n", a_name, b_name);
    } else if (!line_diff_make(a_content, b_content, &diff)) {
        buffer_printf(out, "Files %s and %s differ: too many lines to compare\n", a_name, b_name);
    } else if (!in_full && diff.a.changed + diff.b.changed > FILES_DIFF_LINES_MAX) {
        buffer_printf(out, "Files %s and %s differ: %zu lines removed, %zu added\n", a_name, b_name,
                      diff.a.changed, diff.b.changed);
    } else {
        write_head("---", a_name, out);
        write_head("+++", b_name, out);
        write_hunks(&diff, out);
    }
    line_diff_deinit(&diff);
    free(a_name);
    free(b_name);
}

size_t files_diff_write(const struct diff_side *a, const struct diff_side *b, bool in_full,
                        struct buffer *out) {
    size_t differ = 0;
    for (size_t i = 0, j = 0; i < a->count || j < b->count;) {
        int order = i == a->count   ? 1
                    : j == b->count ? -1
                                    : text_compare(a->files[i].path, b->files[j].path);
        const struct policy_file *left = order <= 0 ? &a->files[i++] : NULL;
        const struct policy_file *right = order >= 0 ? &b->files[j++] : NULL;
        if (left && right && text_equal(left->content, right->content))
            continue;
        write_file(a, left, b, right, in_full, out);
        differ++;
    }
    return differ;
}
