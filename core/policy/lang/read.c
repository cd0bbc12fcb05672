/* Reading typed values from YAML nodes. YAML itself types nothing here (tree.h), so a number is a
 * plain text that parses as one, and "5" in quotes is a text: an author who quotes a number means
 * it.
 *
 * Messages cut the texts that they quote, and never quote more than one line. */
#include "read.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "lexer.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void read_diagnostic(const struct reader *reader, const struct tree_node *node, const char *format,
                     ...) {
    char text[640];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    diagnostic_add(reader->diagnostics, reader->source, tree_position(node), "%s", text);
}

static const char *kind_name(const struct tree_node *node) {
    switch (node->kind) {
    case TREE_LIST:
        return "a list";
    case TREE_MAPPING:
        return "a mapping";
    case TREE_TEXT:
        break;
    }
    return node->text.length ? "a text" : "empty";
}

/* A node that is broken was reported when it was parsed: it fails without another message. */
static bool read_kind(const struct reader *reader, const struct tree_node *node, const char *what,
                      enum tree_kind kind, const char *expected) {
    if (node->broken)
        return false;
    if (node->kind == kind)
        return true;
    /* A text that begins with a bracket and has lost its quotes. */
    bool flow = node->kind != TREE_TEXT && kind == TREE_TEXT;
    read_diagnostic(reader, node, "%s is %s; expected %s%s", what, kind_name(node), expected,
                    flow ? " (put a text that starts with { or [ in quotes)" : "");
    return false;
}

bool read_mapping(const struct reader *reader, const struct tree_node *node, const char *what) {
    return read_kind(reader, node, what, TREE_MAPPING, "a mapping (key: value)");
}

bool read_list(const struct reader *reader, const struct tree_node *node, const char *what) {
    return read_kind(reader, node, what, TREE_LIST, "a list (- item)");
}

/* "a, b or c" */
static void join(const struct key *keys, size_t count, char *ret_string, size_t size) {
    size_t length = 0;
    while (count > 0 && !*keys[count - 1].name)
        count--;
    for (size_t i = 0; i < count && length < size; i++) {
        const char *between = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        if (!*keys[i].name)
            continue;
        length +=
            (size_t)snprintf(ret_string + length, size - length, "%s%s", between, keys[i].name);
    }
}

/* A key that is near enough to a known one is reported and then used as that one, unless the known
 * one is there as well: so a misspelt required key is one error, not two. */
static void unknown_key(const struct reader *reader, struct tree_node *child, const char *what,
                        struct key *keys, size_t count) {
    const struct tree_node *key = child->key;
    struct near near = near_to(key->text);
    for (size_t i = 0; i < count; i++)
        if (*keys[i].name)
            near_try(&near, text_of(keys[i].name));
    char expected[300], hint[NEAR_HINT_SIZE];
    join(keys, count, expected, sizeof expected);
    if (*near_hint(&near, hint)) {
        read_diagnostic(reader, key, "unknown key \"%" TEXT_FORMAT "\" of %s%s",
                        TEXT_ARGS(key->text), what, hint);
        for (size_t i = 0; i < count; i++)
            if (text_is(near.best, keys[i].name) && !keys[i].node)
                keys[i].node = child;
    } else {
        read_diagnostic(reader, key, "unknown key \"%" TEXT_FORMAT "\" of %s; expected %s",
                        TEXT_ARGS(key->text), what, expected);
    }
}

/* A list where a mapping with a single key belongs is a common mistake: the file lacks its
 * "rules:". */
bool read_keys(const struct reader *reader, const struct tree_node *node, const char *what,
               struct key *keys, size_t count) {
    if (count == 1 && node->kind == TREE_LIST && !node->broken) {
        read_diagnostic(reader, node, "%s is a list; expected \"%s:\" and the list below it", what,
                        keys[0].name);
        return false;
    }
    if (!read_mapping(reader, node, what))
        return false;
    for (struct tree_node *child = node->first; child; child = child->next) {
        if (child->key->broken)
            continue;
        size_t i = 0;
        while (i < count && !text_is(child->key->text, keys[i].name))
            i++;
        if (i < count)
            keys[i].node = child;
        else
            unknown_key(reader, child, what, keys, count);
    }
    bool complete = true;
    for (size_t i = 0; i < count; i++) {
        if (!keys[i].required || keys[i].node)
            continue;
        read_diagnostic(reader, node, "%s needs \"%s\"", what, keys[i].name);
        complete = false;
    }
    return complete;
}

/* YAML's ways of writing nothing. */
static bool is_empty(const struct tree_node *node) {
    return node->text.length == 0 ||
           (node->style == TREE_PLAIN && (text_is(node->text, "~") || text_is(node->text, "null")));
}

static bool read_scalar(const struct reader *reader, const struct tree_node *node, const char *what,
                        const char *expected) {
    if (!read_kind(reader, node, what, TREE_TEXT, expected))
        return false;
    if (!is_empty(node))
        return true;
    read_diagnostic(reader, node, "%s is empty; expected %s", what, expected);
    return false;
}

bool read_text(const struct reader *reader, const struct tree_node *node, const char *what,
               size_t max, struct text *ret_text) {
    if (!read_scalar(reader, node, what, "a text"))
        return false;
    if (node->text.length > max) {
        read_diagnostic(reader, node, "%s has %zu bytes; expected at most %zu", what,
                        node->text.length, max);
        return false;
    }
    *ret_text = arena_text(reader->arena, node->text);
    check(ret_text->data);
    return true;
}

/* ASCII only, so that names need no normalisation and sort alike everywhere. */
static bool is_name(struct text t, bool hyphens) {
    for (size_t i = 0; i < t.length; i++) {
        char c = t.data[i];
        bool letter = c >= 'a' && c <= 'z';
        bool later = (c >= '0' && c <= '9') || c == '_' || (hyphens && c == '-');
        if (!letter && !(later && i > 0))
            return false;
    }
    return t.length > 0 && t.length <= NAME_SIZE_MAX;
}

bool read_name(const struct reader *reader, const struct tree_node *node, const char *what,
               bool hyphens, struct text *ret_name) {
    if (!read_scalar(reader, node, what, "a name"))
        return false;
    if (!is_name(node->text, hyphens)) {
        read_diagnostic(reader, node,
                        "%s \"%" TEXT_FORMAT "\" is not a name; expected a lower-case letter, then "
                        "lower-case letters, digits%s and _, at most %u bytes",
                        what, (int)(node->text.length > 80 ? 80 : node->text.length),
                        node->text.data, hyphens ? ", -" : "", NAME_SIZE_MAX);
        return false;
    }
    if (token_is_reserved(node->text)) {
        read_diagnostic(reader, node, "%s \"%" TEXT_FORMAT "\" is a reserved word in expressions",
                        what, TEXT_ARGS(node->text));
        return false;
    }
    *ret_name = arena_text(reader->arena, node->text);
    check(ret_name->data);
    return true;
}

/* strtoll() alone would accept blanks, a plus sign and octal numbers; the first character excludes
 * them. */
bool read_int(const struct reader *reader, const struct tree_node *node, const char *what,
              int64_t least, int64_t most, int64_t *ret_number) {
    char expected[80];
    if (least == INT64_MIN && most == INT64_MAX)
        snprintf(expected, sizeof expected, "a whole number");
    else
        snprintf(expected, sizeof expected, "a whole number, %" PRId64 " to %" PRId64, least, most);
    if (!read_scalar(reader, node, what, expected))
        return false;
    const char *string = node->text.data; /* NUL-terminated: tree_parse() copies it so */
    char *end;
    errno = 0;
    long long number = strtoll(string, &end, 10);
    bool digits = string[0] == '-' ? string[1] >= '0' && string[1] <= '9'
                                   : string[0] >= '0' && string[0] <= '9';
    if (node->style != TREE_PLAIN || !digits || end != string + node->text.length || errno ||
        number < least || number > most) {
        read_diagnostic(reader, node, "%s is %s%.*s%s; expected %s", what,
                        node->style == TREE_PLAIN ? "" : "the text \"",
                        (int)(node->text.length > 40 ? 40 : node->text.length), string,
                        node->style == TREE_PLAIN ? "" : "\"", expected);
        return false;
    }
    *ret_number = number;
    return true;
}

/* strtod() would also accept "inf", "nan" and hexadecimal numbers; the set of characters excludes
 * them. */
bool read_double(const struct reader *reader, const struct tree_node *node, const char *what,
                 double *ret_number) {
    if (!read_scalar(reader, node, what, "a number"))
        return false;
    const char *string = node->text.data;
    char *end;
    double number = strtod(string, &end);
    bool plain =
        node->style == TREE_PLAIN && strspn(string, "0123456789+-.eE") == node->text.length;
    if (!plain || end != string + node->text.length || !isfinite(number)) {
        read_diagnostic(reader, node, "%s is %.*s; expected a number", what,
                        (int)(node->text.length > 40 ? 40 : node->text.length), string);
        return false;
    }
    *ret_number = number;
    return true;
}

bool read_bool(const struct reader *reader, const struct tree_node *node, const char *what,
               bool *ret_bool) {
    if (!read_scalar(reader, node, what, "true or false"))
        return false;
    bool yes = text_is(node->text, "true");
    if (node->style != TREE_PLAIN || (!yes && !text_is(node->text, "false"))) {
        read_diagnostic(reader, node, "%s is %.*s; expected true or false", what,
                        (int)(node->text.length > 40 ? 40 : node->text.length), node->text.data);
        return false;
    }
    *ret_bool = yes;
    return true;
}

static int64_t unit_us(char unit) {
    switch (unit) {
    case 's':
        return INT64_C(1000000);
    case 'm':
        return INT64_C(60000000);
    case 'h':
        return INT64_C(3600000000);
    case 'd':
        return INT64_C(86400000000);
    case 'w':
        return INT64_C(604800000000);
    default:
        return 0;
    }
}

/* Exact decimals: shares are compared and hashed as integers. */
bool read_parse_millionths(struct text t, int64_t *ret_number) {
    int64_t number = 0;
    size_t digits = 0, decimals = 0;
    bool point = false;
    for (size_t i = 0; i < t.length; i++) {
        char c = t.data[i];
        if (c == '.' && !point && digits > 0) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || number > INT64_C(100000000000))
            return false;
        number = number * 10 + (c - '0');
        digits++;
        decimals += point;
    }
    if (digits == 0 || decimals > 6 || (point && decimals == 0))
        return false;
    for (; decimals < 6; decimals++)
        number *= 10;
    *ret_number = number;
    return true;
}

/* Stricter than calendar_parse_duration(): one number, one unit, no fraction. Windows are compared
 * by their microseconds, so there should be few ways to write one. */
bool read_parse_duration(struct text t, int64_t *ret_us) {
    if (t.length < 2)
        return false;
    int64_t number = 0, unit = unit_us(t.data[t.length - 1]);
    for (size_t i = 0; i + 1 < t.length; i++) {
        if (t.data[i] < '0' || t.data[i] > '9' || number > INT64_C(1000000000000))
            return false;
        number = number * 10 + (t.data[i] - '0');
    }
    return unit != 0 && !__builtin_mul_overflow(number, unit, ret_us);
}

const char *read_format_duration(int64_t us, char ret_string[READ_DURATION_SIZE]) {
    static const char units[] = "wdhms";
    for (size_t i = 0; i < sizeof units - 1; i++) {
        int64_t unit = unit_us(units[i]);
        if (us % unit == 0 && (us != 0 || units[i] == 's')) {
            snprintf(ret_string, READ_DURATION_SIZE, "%" PRId64 "%c", us / unit, units[i]);
            return ret_string;
        }
    }
    snprintf(ret_string, READ_DURATION_SIZE, "%" PRId64 "us", us);
    return ret_string;
}

bool read_duration(const struct reader *reader, const struct tree_node *node, const char *what,
                   int64_t least_us, int64_t most_us, int64_t *ret_us) {
    if (!read_scalar(reader, node, what, "a duration such as 10m"))
        return false;
    int shown = (int)(node->text.length > 40 ? 40 : node->text.length);
    int64_t us = 0;
    if (!read_parse_duration(node->text, &us)) {
        read_diagnostic(
            reader, node,
            "%s \"%.*s\" is not a duration; expected a whole number and a unit s, m, h, d or w, "
            "such as 10m",
            what, shown, node->text.data);
        return false;
    }
    if (us < least_us || us > most_us) {
        char least[READ_DURATION_SIZE], most[READ_DURATION_SIZE];
        read_diagnostic(reader, node, "%s %.*s is out of range; expected %s to %s", what, shown,
                        node->text.data, read_format_duration(least_us, least),
                        read_format_duration(most_us, most));
        return false;
    }
    *ret_us = us;
    return true;
}

bool read_choice(const struct reader *reader, const struct tree_node *node, const char *what,
                 const char *const *names, size_t *ret_index) {
    char expected[300];
    size_t count = 0;
    while (names[count])
        count++;
    text_join_names(names, count, " or ", expected, sizeof expected);
    if (!read_scalar(reader, node, what, expected))
        return false;
    struct near near = near_to(node->text);
    for (size_t i = 0; names[i]; i++) {
        if (text_is(node->text, names[i])) {
            *ret_index = i;
            return true;
        }
        near_try(&near, text_of(names[i]));
    }
    char hint[NEAR_HINT_SIZE];
    near_hint(&near, hint);
    read_diagnostic(reader, node, "%s \"%.*s\" is unknown; expected %s%s", what,
                    (int)(node->text.length > 40 ? 40 : node->text.length), node->text.data,
                    expected, hint);
    return false;
}

bool read_parse_percent(struct text t, uint32_t *ret_parts) {
    uint32_t parts = 0, decimals = 0, digits = 0;
    bool point = false;
    if (t.length < 2 || t.length > 7 || t.data[t.length - 1] != '%')
        return false;
    for (size_t i = 0; i + 1 < t.length; i++) {
        char c = t.data[i];
        if (c == '.' && !point && digits > 0) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        parts = parts * 10 + (uint32_t)(c - '0');
        digits++;
        decimals += point;
    }
    if (digits == 0 || decimals > 2 || (point && decimals == 0))
        return false;
    for (; decimals < 2; decimals++)
        parts *= 10;
    *ret_parts = parts;
    return parts > 0 && parts <= READ_PERCENT_ALL;
}

void read_put_percent(struct buffer *buffer, uint32_t share_e6) {
    uint32_t decimals = share_e6 % 10000;
    buffer_printf(buffer, "%" PRIu32, share_e6 / 10000);
    if (decimals == 0)
        return;
    char digits[8];
    int length = snprintf(digits, sizeof digits, "%04" PRIu32, decimals);
    while (digits[length - 1] == '0')
        length--;
    buffer_printf(buffer, ".%.*s", length, digits);
}
