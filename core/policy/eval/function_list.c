/* Functions on lists and maps, and between texts and lists. */
#include "function_list.h"

/* Room is reserved for all items at once: lists are built by code that knows how many there will
 * be. */
struct value_items *function_new_items(size_t count, struct arena *arena) {
    struct value_items *items = NULL;
    if (count <= (SIZE_MAX - sizeof *items) / sizeof(struct value))
        items = arena_alloc(arena, sizeof *items + count * sizeof(struct value));
    if (items)
        items->count = 0;
    return items;
}

struct value function_list_size(const struct value *a, struct arena *arena) {
    (void)arena;
    return value_int((int64_t)a[0].items->count);
}

struct value function_map_size(const struct value *a, struct arena *arena) {
    (void)arena;
    return value_int((int64_t)a[0].items->count / 2);
}

struct value function_join_lists(const struct value *a, struct arena *arena) {
    const struct value_items *left = a[0].items, *right = a[1].items;
    struct value_items *items = function_new_items(left->count + right->count, arena);
    if (!items)
        return error_value(EXPRESSION_TOO_LARGE);
    for (size_t i = 0; i < left->count; i++)
        items->values[items->count++] = left->values[i];
    for (size_t i = 0; i < right->count; i++)
        items->values[items->count++] = right->values[i];
    return function_items_value(VALUE_LIST, items);
}

/* ------------------------------------------------------------------------------------------------
 * Texts to lists and back */

/* Where the piece that begins at `start` ends: at the next separator, or after the next character
 * when that is empty. SIZE_MAX: it is the last one. */
static size_t piece_end(struct text all, struct text separator, size_t start) {
    if (separator.length > 0) {
        const char *found = start < all.length ? memmem(all.data + start, all.length - start,
                                                        separator.data, separator.length)
                                               : NULL;
        return found ? (size_t)(found - all.data) : SIZE_MAX;
    }
    size_t end = start + 1;
    while (end < all.length && !text_begins_character(all.data[end]))
        end++;
    return end < all.length ? end : SIZE_MAX;
}

/* Into at most `limit` pieces, above 0, of which the last has the rest. */
static struct value split(struct text all, struct text separator, int64_t limit,
                          struct arena *arena) {
    size_t count = 0, start = 0, end;
    struct text pieces[FUNCTION_PIECES_MAX];
    bool nothing = all.length == 0 && separator.length == 0;
    while (!nothing) {
        if (count == FUNCTION_PIECES_MAX)
            return error_value(EXPRESSION_TOO_LARGE);
        end = (int64_t)count + 1 < limit ? piece_end(all, separator, start) : SIZE_MAX;
        size_t behind = end == SIZE_MAX ? all.length : end;
        pieces[count++] = (struct text){.data = all.length ? all.data + start : all.data,
                                        .length = behind - start};
        if (end == SIZE_MAX)
            break;
        start = end + separator.length;
    }
    struct value_items *items = function_new_items(count, arena);
    if (!items)
        return error_value(EXPRESSION_TOO_LARGE);
    for (size_t i = 0; i < count; i++)
        items->values[items->count++] = value_text(pieces[i]);
    return function_items_value(VALUE_LIST, items);
}

struct value function_split(const struct value *a, struct arena *arena) {
    return split(a[0].text, a[1].text, INT64_MAX, arena);
}

struct value function_split_some(const struct value *a, struct arena *arena) {
    int64_t limit = a[2].integer;
    if (limit == 0) {
        struct value_items *none = function_new_items(0, arena);
        return none ? function_items_value(VALUE_LIST, none) : error_value(EXPRESSION_TOO_LARGE);
    }
    return split(a[0].text, a[1].text, limit < 0 ? INT64_MAX : limit, arena);
}

static char *append(char *to, struct text t) {
    if (t.length > 0)
        memcpy(to, t.data, t.length);
    return to + t.length;
}

/* Measures first, so that the result is one allocation. */
static struct value join(const struct value_items *items, struct text separator,
                         struct arena *arena) {
    size_t length = 0;
    for (size_t i = 0; i < items->count && length <= FUNCTION_TEXT_MAX; i++)
        length += items->values[i].text.length + (i ? separator.length : 0);
    char *data = length <= FUNCTION_TEXT_MAX ? arena_alloc(arena, length) : NULL, *at = data;
    if (!data)
        return error_value(EXPRESSION_TOO_LARGE);
    for (size_t i = 0; i < items->count; i++) {
        if (i > 0)
            at = append(at, separator);
        at = append(at, items->values[i].text);
    }
    return value_text((struct text){.data = data, .length = length});
}

struct value function_join(const struct value *a, struct arena *arena) {
    return join(a[0].items, (struct text){0}, arena);
}

struct value function_join_with(const struct value *a, struct arena *arena) {
    return join(a[0].items, a[1].text, arena);
}
