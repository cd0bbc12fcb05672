/* One pass over the bytes, with the depth of brackets. */
#include "json_members.h"

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* `at` is on a quote; returns the offset behind the closing one. */
static size_t skip_string(struct text object, size_t at) {
    for (at++; at < object.length && object.data[at] != '"'; at++)
        if (object.data[at] == '\\')
            at++;
    return at + 1;
}

static size_t skip_spaces(struct text object, size_t at) {
    while (at < object.length && is_space(object.data[at]))
        at++;
    return at;
}

/* From the first byte of a value to the one behind its last. */
static size_t skip_value(struct text object, size_t at) {
    size_t depth = 0, end = at;
    while (at < object.length) {
        char c = object.data[at];
        if (depth == 0 && (c == ',' || c == '}'))
            break;
        if (c == '"') {
            at = end = skip_string(object, at);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        at++;
        if (!is_space(c))
            end = at;
    }
    return end;
}

/* Of the member at `at`, which is on its name's quote: the name, and the offset behind its value.
 */
static size_t read_member(struct text object, size_t at, struct text *ret_name) {
    size_t name_end = skip_string(object, at);
    *ret_name = (struct text){.data = object.data + at + 1, .length = name_end - at - 2};
    size_t colon = skip_spaces(object, name_end);
    return skip_value(object, skip_spaces(object, colon + 1));
}

/* A member is removed with what stands between it and the one before it. */
void json_members_remove(struct buffer *buffer, struct text object,
                         bool (*is_removed)(struct text name)) {
    size_t end = skip_spaces(object, 0) + 1; /* of what was looked at */
    size_t at = skip_spaces(object, end);
    bool is_first = true;
    if (at < object.length && object.data[at] == '"')
        buffer_append(buffer, object.data, at);
    else
        buffer_append(buffer, object.data, end);
    while (at < object.length && object.data[at] == '"') {
        struct text name;
        size_t begin = at, between = end;
        end = read_member(object, begin, &name);
        if (!is_removed(name)) {
            if (is_first)
                between = begin;
            buffer_append(buffer, object.data + between, end - between);
            is_first = false;
        }
        at = skip_spaces(object, end);
        if (at < object.length && object.data[at] == ',')
            at = skip_spaces(object, at + 1);
    }
    buffer_append(buffer, object.data + end, object.length - end);
}

size_t json_members_end(struct text object, bool *ret_is_empty) {
    size_t end = object.length;
    while (is_space(object.data[end - 1]))
        end--;
    end--; /* the bracket */
    while (is_space(object.data[end - 1]))
        end--;
    *ret_is_empty = end == skip_spaces(object, 0) + 1;
    return end;
}
