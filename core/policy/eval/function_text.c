/* Functions on texts. A result that is part of an argument points into it; what is built is new
 * memory of at most FUNCTION_TEXT_MAX bytes. Indices count code points, as in CEL, so finding one
 * is linear in the text. */
#include "function_text.h"

struct value function_concatenate(const struct value *a, struct arena *arena) {
    struct text left = a[0].text, right = a[1].text;
    if (left.length + right.length > FUNCTION_TEXT_MAX)
        return error_value(EXPRESSION_TOO_LARGE);
    if (left.length == 0)
        return a[1];
    if (right.length == 0)
        return a[0];
    char *data = arena_alloc(arena, left.length + right.length);
    if (!data)
        return error_value(EXPRESSION_TOO_LARGE);
    memcpy(data, left.data, left.length);
    memcpy(data + left.length, right.data, right.length);
    return value_text((struct text){.data = data, .length = left.length + right.length});
}

struct value function_text_size(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t characters = 0;
    for (size_t i = 0; i < a[0].text.length; i++)
        characters += text_begins_character(a[0].text.data[i]);
    return value_int(characters);
}

struct value function_contains(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text all = a[0].text, part = a[1].text;
    return value_bool(part.length == 0 ||
                      (part.length <= all.length &&
                       memmem(all.data, all.length, part.data, part.length) != NULL));
}

struct value function_starts_with(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text all = a[0].text, part = a[1].text;
    all.length = all.length < part.length ? all.length : part.length;
    return value_bool(text_equal(all, part));
}

struct value function_ends_with(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text all = a[0].text, part = a[1].text;
    if (all.length < part.length)
        return value_bool(false);
    all.data += all.length - part.length;
    all.length = part.length;
    return value_bool(text_equal(all, part));
}

/* Is any of eight bytes between `first` and `last`, two ASCII characters? All at once in one word:
 * the top bit of each byte of `reach` says >= first, that of `pass` > last. */
static inline bool word_has(uint64_t bytes, char first, char last) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = bytes & 0x7f * ones;
    uint64_t reach = low + (uint64_t)(0x80 - first) * ones;
    uint64_t pass = low + (uint64_t)(0x7f - last) * ones;
    return reach & ~pass & ~bytes & 0x80 * ones;
}

static inline bool text_has(struct text t, char first, char last) {
    size_t at = 0;
    if (t.length >= 8) {
        for (; at < t.length - 8; at += 8)
            if (word_has(text_load8(t.data + at), first, last))
                return true;
        return word_has(text_load8(t.data + t.length - 8), first, last);
    }
    while (at < t.length && !(t.data[at] >= first && t.data[at] <= last))
        at++;
    return at < t.length;
}

/* With the letters from `first` to `last` changed by `by`. */
static struct value change_letters(struct value v, char first, char last, int by,
                                   struct arena *arena) {
    struct text copy = {0};
    if (v.text.length <= FUNCTION_TEXT_MAX)
        copy = arena_text(arena, v.text);
    if (!copy.data)
        return error_value(EXPRESSION_TOO_LARGE);
    char *bytes = (char *)(uintptr_t)copy.data; /* fresh memory of ours */
    for (size_t at = 0; at < copy.length; at++)
        if (bytes[at] >= first && bytes[at] <= last)
            bytes[at] = (char)(bytes[at] + by);
    return value_text(copy);
}

/* Without such letters, the common case, the text is returned as it is and nothing is allocated. */
struct value function_lower_ascii(const struct value *a, struct arena *arena) {
    return text_has(a[0].text, 'A', 'Z') ? change_letters(a[0], 'A', 'Z', 'a' - 'A', arena) : a[0];
}

struct value function_upper_ascii(const struct value *a, struct arena *arena) {
    return text_has(a[0].text, 'a', 'z') ? change_letters(a[0], 'a', 'z', 'A' - 'a', arena) : a[0];
}

/* The bytes of the white space character that the text begins with; 0: it begins with another. */
static size_t space_length(struct text t) {
    static const char *const spaces[] = {" ",      "\t",       "\n",       "\v",     "\f",
                                         "\r",     "\xc2\x85", "\xc2\xa0", "\u1680", "\u2000",
                                         "\u2001", "\u2002",   "\u2003",   "\u2004", "\u2005",
                                         "\u2006", "\u2007",   "\u2008",   "\u2009", "\u200a",
                                         "\u2028", "\u2029",   "\u202f",   "\u205f", "\u3000"};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        size_t length = strlen(spaces[i]);
        if (t.length >= length && memcmp(t.data, spaces[i], length) == 0)
            return length;
    }
    return 0;
}

/* Unicode's white space at both ends. */
struct value function_trim(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text t = a[0].text;
    for (size_t length; (length = space_length(t)) > 0;) {
        t.data += length;
        t.length -= length;
    }
    for (size_t start = t.length; start > 0;) {
        start--;
        if (!text_begins_character(t.data[start]))
            continue;
        struct text last = {.data = t.data + start, .length = t.length - start};
        if (space_length(last) != last.length)
            break;
        t.length = start;
    }
    return value_text(t);
}

/* Indices count characters (code points), from 0; what lies outside of the text is an error. */

/* The byte where character `index` begins, the text's length for its end; SIZE_MAX beyond. */
static size_t byte_of_character(struct text t, int64_t index) {
    size_t at = 0;
    if (index < 0 || index > (int64_t)t.length)
        return SIZE_MAX;
    while (at < t.length && (!text_begins_character(t.data[at]) || index-- > 0))
        at++;
    return index > 0 ? SIZE_MAX : at;
}

static int64_t character_of_byte(struct text t, size_t byte) {
    int64_t character = 0;
    for (size_t i = 0; i < byte; i++)
        character += text_begins_character(t.data[i]);
    return character;
}

static struct value part_of_text(struct text t, size_t start, size_t end) {
    if (start == SIZE_MAX || end == SIZE_MAX || start > end)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    return value_text((struct text){.data = t.data + start, .length = end - start});
}

struct value function_substring_to_end(const struct value *a, struct arena *arena) {
    (void)arena;
    return part_of_text(a[0].text, byte_of_character(a[0].text, a[1].integer), a[0].text.length);
}

struct value function_substring(const struct value *a, struct arena *arena) {
    (void)arena;
    return part_of_text(a[0].text, byte_of_character(a[0].text, a[1].integer),
                        byte_of_character(a[0].text, a[2].integer));
}

struct value function_char_at(const struct value *a, struct arena *arena) {
    (void)arena;
    size_t start = byte_of_character(a[0].text, a[1].integer), end = start;
    if (start == SIZE_MAX)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    while (end < a[0].text.length && (end == start || !text_begins_character(a[0].text.data[end])))
        end++;
    return part_of_text(a[0].text, start, end);
}

/* The first byte from `start` on where `part`, which is not empty, is found; SIZE_MAX: nowhere. */
static size_t find(struct text all, struct text part, size_t start) {
    const char *found = start < all.length
                            ? memmem(all.data + start, all.length - start, part.data, part.length)
                            : NULL;
    return found ? (size_t)(found - all.data) : SIZE_MAX;
}

/* The last byte up to `start` where it is found; SIZE_MAX: nowhere. */
static size_t find_back(struct text all, struct text part, size_t start) {
    for (size_t at = start + 1; at-- > 0;)
        if (all.length - at >= part.length &&
            (part.length == 0 || memcmp(all.data + at, part.data, part.length) == 0))
            return at;
    return SIZE_MAX;
}

static struct value index_value(struct text all, size_t byte) {
    return value_int(byte == SIZE_MAX ? -1 : character_of_byte(all, byte));
}

struct value function_index_of(const struct value *a, struct arena *arena) {
    (void)arena;
    if (a[1].text.length == 0)
        return value_int(0);
    return index_value(a[0].text, find(a[0].text, a[1].text, 0));
}

struct value function_last_index_of(const struct value *a, struct arena *arena) {
    (void)arena;
    return index_value(a[0].text, find_back(a[0].text, a[1].text, a[0].text.length));
}

/* Where to begin, as CEL has it: a place after the text is one where nothing is found. 0: look
 * from *ret_byte on; 1: *ret_result is the result. */
static int search_start(const struct value *a, size_t *ret_byte, struct value *ret_result) {
    if (a[2].integer < 0) {
        *ret_result = error_value(EXPRESSION_BAD_ARGUMENT);
        return 1;
    }
    if (a[1].text.length == 0) {
        *ret_result = a[2];
        return 1;
    }
    *ret_byte = byte_of_character(a[0].text, a[2].integer);
    if (*ret_byte < a[0].text.length)
        return 0;
    *ret_result = value_int(-1);
    return 1;
}

struct value function_index_of_from(const struct value *a, struct arena *arena) {
    (void)arena;
    size_t start;
    struct value result;
    if (search_start(a, &start, &result))
        return result;
    return index_value(a[0].text, find(a[0].text, a[1].text, start));
}

struct value function_last_index_of_from(const struct value *a, struct arena *arena) {
    (void)arena;
    size_t start;
    struct value result;
    if (search_start(a, &start, &result))
        return result;
    return index_value(a[0].text, find_back(a[0].text, a[1].text, start));
}

/* ------------------------------------------------------------------------------------------------
 * Replacing */

/* The next occurrence of `part` from `start` on: returns the byte after it, and where it begins in
 * *ret_found. An empty part occurs before every character and at the end. SIZE_MAX: none. */
static size_t next_place(struct text all, struct text part, size_t start, bool first,
                         size_t *ret_found) {
    size_t found = start;
    if (part.length > 0) {
        found = find(all, part, start);
    } else if (!first) {
        if (start >= all.length)
            return SIZE_MAX;
        do
            found++;
        while (found < all.length && !text_begins_character(all.data[found]));
    }
    *ret_found = found;
    return found == SIZE_MAX ? SIZE_MAX : found + part.length;
}

static void put(char *to, size_t at, struct text t) {
    if (to && t.length > 0)
        memcpy(to + at, t.data, t.length);
}

/* Replaces up to `limit` occurrences. Called twice: with `to` NULL to measure, then to write.
 * Returns the length of the result. */
static size_t write_replaced(const struct value *a, int64_t limit, char *to) {
    struct text all = a[0].text, part = a[1].text, by = a[2].text;
    size_t length = 0, at = 0, found, end;
    for (int64_t i = 0; i < limit; i++) {
        end = next_place(all, part, at, i == 0, &found);
        if (end == SIZE_MAX)
            break;
        put(to, length, (struct text){.data = all.data + at, .length = found - at});
        put(to, length + (found - at), by);
        length += found - at + by.length;
        at = end;
    }
    put(to, length, (struct text){.data = all.data + at, .length = all.length - at});
    return length + (all.length - at);
}

static struct value replace(const struct value *a, int64_t limit, struct arena *arena) {
    if (limit < 0)
        limit = INT64_MAX;
    size_t length = write_replaced(a, limit, NULL);
    char *data = length <= FUNCTION_TEXT_MAX ? arena_alloc(arena, length) : NULL;
    if (!data)
        return error_value(EXPRESSION_TOO_LARGE);
    write_replaced(a, limit, data);
    return value_text((struct text){.data = data, .length = length});
}

struct value function_replace(const struct value *a, struct arena *arena) {
    return replace(a, -1, arena);
}

struct value function_replace_some(const struct value *a, struct arena *arena) {
    return replace(a, a[3].integer, arena);
}
