/* A value is parsed into the caller's struct and kept as text as well, for reports. Errors say
 * where the value was found, what it is, and what the row allows: the expectation is generated from
 * the row. */
#include "option.h"

#include "check.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HELP_COLUMNS 96

/* A value in force. Strings are owned by the entry. */
struct entry {
    char *text;
    enum option_origin origin;
    int line; /* in the file; 0: not from there */
    char **items;
    size_t item_count;
};

struct option_set {
    const struct option *table;
    size_t count;
    unsigned char *target;
    struct entry *entries; /* parallel to table */
};

/* ---- numbers with units ---- */

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: printing takes the largest unit that divides the value. */
static const struct unit duration_units[] = {
    {"d", INT64_C(86400000000)},
    {"h", INT64_C(3600000000)},
    {"m", 60000000},
    {"s", 1000000},
    {"ms", 1000},
    {"us", 1},
    {NULL, 0},
};
static const struct unit byte_units[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}, {NULL, 0},
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum option_type type) {
    return type == OPTION_DURATION ? duration_units : type == OPTION_BYTES ? byte_units : no_units;
}

/* Digits, then a unit of the type. Overflow is "not a number", like anything else. */
static bool parse_number(enum option_type type, struct text value, int64_t *ret_number) {
    size_t digits = 0;
    int64_t number = 0;
    while (digits < value.length && isdigit((unsigned char)value.data[digits])) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, value.data[digits] - '0', &number))
            return false;
        digits++;
    }
    if (digits == 0)
        return false;
    struct text unit = {.data = value.data + digits, .length = value.length - digits};
    for (const struct unit *u = units_of(type); u->name; u++)
        if (text_is(unit, u->name))
            return !__builtin_mul_overflow(number, u->factor, ret_number);
    /* 0 needs no unit. */
    *ret_number = 0;
    return unit.length == 0 && number == 0;
}

static const char *print_number(enum option_type type, int64_t number, char *ret_string,
                                size_t size) {
    for (const struct unit *u = units_of(type); u->name; u++)
        if (number % u->factor == 0 && (number != 0 || u->factor == 1)) {
            snprintf(ret_string, size, "%" PRId64 "%s", number / u->factor,
                     number == 0 ? "" : u->name);
            return ret_string;
        }
    return "";
}

/* ---- words for messages ---- */

/* Appends to a string of fixed size; what does not fit is cut. */
static void add(char *string, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add(char *string, size_t size, const char *format, ...) {
    size_t length = strlen(string);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(string + length, size - length, format, arguments);
    va_end(arguments);
}

static bool is_number(enum option_type type) {
    return type == OPTION_INTEGER || type == OPTION_BYTES || type == OPTION_DURATION;
}

/* "1ms to 10s", "0 to 1GiB, or auto" */
static const char *describe_range(const struct option *option, char *ret_string, size_t size) {
    char least[32], most[32];
    snprintf(ret_string, size, "%s to %s",
             print_number(option->type, option->least, least, sizeof least),
             print_number(option->type, option->most, most, sizeof most));
    if (option->automatic)
        add(ret_string, size, ", or %s", option->automatic);
    return ret_string;
}

/* "a duration like 5ms …, from 1ms to 10s", "written or synced" */
static const char *describe(const struct option *option, char *ret_string, size_t size) {
    static const char *const nouns[] = {
        [OPTION_TEXT] = "a text",
        [OPTION_LIST] = "a list",
        [OPTION_CHOICE] = "",
        [OPTION_FLAG] = "yes or no",
        [OPTION_INTEGER] = "a number",
        [OPTION_BYTES] = "a size like 64KiB or 2MiB",
        [OPTION_DURATION] = "a duration like 500us, 5ms, 30s, 10m, 1h or 1d",
    };
    char range[80];
    snprintf(ret_string, size, "%s", nouns[option->type]);
    if (is_number(option->type))
        add(ret_string, size, ", from %s", describe_range(option, range, sizeof range));
    if (option->type == OPTION_CHOICE)
        for (const char *const *choice = option->choices; *choice; choice++)
            add(ret_string, size, "%s%s", choice == option->choices ? "" : " or ", *choice);
    return ret_string;
}

const char *option_nearest(const struct option *table, size_t count, struct text name) {
    const char *nearest = NULL;
    size_t least = 1 + name.length / 3; /* more than a third wrong is another word */
    for (size_t i = 0; i < count; i++) {
        size_t distance = text_distance(name, text_of(table[i].name));
        if (distance <= least && (!nearest || distance < least)) {
            nearest = table[i].name;
            least = distance;
        }
    }
    return nearest;
}

static int unknown_option(const struct option_set *set, struct text name, const char *where,
                          struct error *ret_error) {
    const char *nearest = option_nearest(set->table, set->count, name);
    return error_set(ret_error, ERROR_INVALID, "%s: there is no option %" TEXT_FORMAT "%s%s%s",
                     where, TEXT_ARGS(name), nearest ? "; did you mean " : "",
                     nearest ? nearest : "", nearest ? "?" : "");
}

static int bad_value(const struct option *option, struct text value, const char *where,
                     struct error *ret_error) {
    char expected[256];
    return error_set(ret_error, ERROR_INVALID, "%s: %s cannot be \"%" TEXT_FORMAT "\"; expected %s",
                     where, option->name, TEXT_ARGS(value),
                     describe(option, expected, sizeof expected));
}

/* ---- taking a value ---- */

/* Such as the escape sequence of a key that was pressed in an editor. A tab separates items. */
static bool has_control_character(struct text value) {
    for (size_t i = 0; i < value.length; i++)
        if (((unsigned char)value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f)
            return true;
    return false;
}

static void free_items(struct entry *entry) {
    for (size_t i = 0; i < entry->item_count; i++)
        free(entry->items[i]);
    free(entry->items);
    entry->items = NULL;
    entry->item_count = 0;
}

static bool separates(char c) {
    return c == ',' || c == ' ' || c == '\t';
}

static void add_items(struct entry *entry, struct text value) {
    size_t at = 0;
    for (;;) {
        while (at < value.length && separates(value.data[at]))
            at++;
        size_t begin = at;
        while (at < value.length && !separates(value.data[at]))
            at++;
        if (at == begin)
            return;
        entry->items =
            check_reallocarray(entry->items, entry->item_count + 1, sizeof *entry->items);
        entry->items[entry->item_count++] =
            text_copy((struct text){.data = value.data + begin, .length = at - begin});
    }
}

static char *join_items(const struct entry *entry) {
    struct buffer joined;
    buffer_init(&joined);
    for (size_t i = 0; i < entry->item_count; i++) {
        if (i > 0)
            buffer_append(&joined, ", ", 2);
        buffer_append_string(&joined, entry->items[i]);
    }
    char *text = text_copy((struct text){.data = (char *)joined.bytes, .length = joined.length});
    buffer_deinit(&joined);
    return text;
}

static bool parse_choice(const struct option *option, struct text value, int *ret_choice) {
    for (int i = 0; option->choices[i]; i++)
        if (text_is(value, option->choices[i])) {
            *ret_choice = i;
            return true;
        }
    return false;
}

static bool parse_flag(struct text value, bool *ret_flag) {
    bool yes = text_is(value, "yes") || text_is(value, "true") || text_is(value, "on");
    bool no = text_is(value, "no") || text_is(value, "false") || text_is(value, "off");
    if (yes || no)
        *ret_flag = yes;
    return yes || no;
}

/* The struct, the text and the origin change together, or not at all. false: not a valid value for
 * this option. */
static bool take(struct option_set *set, size_t index, struct text value,
                 enum option_origin origin) {
    const struct option *option = &set->table[index];
    struct entry *entry = &set->entries[index];
    void *field = set->target + option->offset;
    int choice;
    bool flag;
    int64_t number;
    switch (option->type) {
    case OPTION_CHOICE:
        if (!parse_choice(option, value, &choice))
            return false;
        *(int *)field = choice;
        break;
    case OPTION_FLAG:
        if (!parse_flag(value, &flag))
            return false;
        *(bool *)field = flag;
        break;
    case OPTION_INTEGER:
    case OPTION_BYTES:
    case OPTION_DURATION:
        if (option->automatic && text_is(value, option->automatic))
            number = OPTION_AUTOMATIC;
        else if (!parse_number(option->type, value, &number) || number < option->least ||
                 number > option->most)
            return false;
        *(int64_t *)field = number;
        break;
    case OPTION_LIST:
        if (origin != entry->origin || origin == OPTION_ORIGIN_DEFAULT)
            free_items(entry);
        add_items(entry, value);
        *(struct option_list *)field = (struct option_list){
            .items = (const char *const *)entry->items, .count = entry->item_count};
        break;
    case OPTION_TEXT:
        break;
    }
    free(entry->text);
    entry->text = option->type == OPTION_LIST ? join_items(entry) : text_copy(value);
    entry->origin = origin;
    if (option->type == OPTION_TEXT)
        *(const char **)field = entry->text;
    return true;
}

struct option_set *option_set_new(const struct option *table, size_t count, void *target) {
    struct option_set *set = check_malloc(sizeof *set);
    *set = (struct option_set){
        .table = table,
        .count = count,
        .target = target,
        .entries = check_calloc(count, sizeof *set->entries),
    };
    for (size_t i = 0; i < count; i++)
        check(take(set, i, text_of(table[i].initial), OPTION_ORIGIN_DEFAULT));
    return set;
}

void option_set_free(struct option_set *set) {
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++) {
        free_items(&set->entries[i]);
        free(set->entries[i].text);
    }
    free(set->entries);
    free(set);
}

const struct option *option_find(const struct option_set *set, struct text name) {
    for (size_t i = 0; i < set->count; i++)
        if (text_is(name, set->table[i].name))
            return &set->table[i];
    return NULL;
}

int option_set_put(struct option_set *set, struct text name, struct text value,
                   enum option_origin origin, const char *where, struct error *ret_error) {
    const struct option *option = option_find(set, name);
    if (!option)
        return unknown_option(set, name, where, ret_error);
    size_t index = (size_t)(option - set->table);
    if (has_control_character(value))
        return error_set(ret_error, ERROR_INVALID,
                         "%s: %s has a control character; expected printable text", where,
                         option->name);
    if (origin < set->entries[index].origin)
        return 0;
    if (!take(set, index, value, origin))
        return bad_value(option, value, where, ret_error);
    return 0;
}

const char *option_set_text(const struct option_set *set, const struct option *option) {
    return set->entries[option - set->table].text;
}

enum option_origin option_set_origin(const struct option_set *set, const struct option *option) {
    return set->entries[option - set->table].origin;
}

/* ---- the file ---- */

static struct text trim(struct text t) {
    while (t.length > 0 && isspace((unsigned char)t.data[0])) {
        t.data++;
        t.length--;
    }
    while (t.length > 0 && isspace((unsigned char)t.data[t.length - 1]))
        t.length--;
    return t;
}

/* A # inside a word is part of the value: "a#b". */
static struct text without_comment(struct text line) {
    for (size_t i = 0; i < line.length; i++)
        if (line.data[i] == '#' && (i == 0 || isspace((unsigned char)line.data[i - 1])))
            return (struct text){.data = line.data, .length = i};
    return line;
}

static int read_line(struct option_set *set, const char *shown, int number, struct text line,
                     struct error *ret_error) {
    char where[512];
    snprintf(where, sizeof where, "%s:%d", shown, number);
    line = trim(without_comment(line));
    if (line.length == 0)
        return 0;
    const char *equals = memchr(line.data, '=', line.length);
    if (!equals)
        return error_set(ret_error, ERROR_INVALID,
                         "%s: \"%" TEXT_FORMAT "\" has no =; expected name = value", where,
                         TEXT_ARGS(line));
    struct text name = trim((struct text){line.data, (size_t)(equals - line.data)});
    struct text value =
        trim((struct text){equals + 1, line.length - (size_t)(equals - line.data) - 1});
    const struct option *option = option_find(set, name);
    struct entry *entry = option ? &set->entries[option - set->table] : NULL;
    if (entry && entry->line > 0 && option->type != OPTION_LIST)
        return error_set(ret_error, ERROR_INVALID, "%s: %s was already set in line %d", where,
                         option->name, entry->line);
    int r = option_set_put(set, name, value, OPTION_ORIGIN_FILE, where, ret_error);
    if (r == 0)
        entry->line = number;
    return r;
}

/* Lines are numbered from 1. `line` of an entry finds an option that is set twice in one file; it
 * is cleared for the next one. */
int option_set_read_file(struct option_set *set, const char *shown, struct text content,
                         struct error *ret_error) {
    for (size_t i = 0; i < set->count; i++)
        set->entries[i].line = 0;
    int number = 1;
    for (size_t at = 0; at < content.length; number++) {
        const char *begin = content.data + at;
        const char *newline = memchr(begin, '\n', content.length - at);
        size_t length = newline ? (size_t)(newline - begin) : content.length - at;
        int r = read_line(set, shown, number, (struct text){begin, length}, ret_error);
        if (r < 0)
            return r;
        at += length + 1;
    }
    return 0;
}

/* ---- the environment ---- */

static bool is_among(const char *const *names, struct text name) {
    for (; *names; names++)
        if (text_is(name, *names))
            return true;
    return false;
}

/* Names are in capitals in the environment and in small letters in the table. An unknown name with
 * the prefix is an error: it is more likely misspelt than meant for another program. */
int option_set_read_environment(struct option_set *set, const char *prefix,
                                const char *const *environment, const char *const *except,
                                struct error *ret_error) {
    size_t prefix_length = strlen(prefix);
    for (; *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (!equals || strncmp(*environment, prefix, prefix_length) != 0)
            continue;
        struct text variable = {*environment, (size_t)(equals - *environment)};
        if (is_among(except, variable))
            continue;
        char where[128], name[128];
        snprintf(where, sizeof where, "%" TEXT_FORMAT, TEXT_ARGS(variable));
        snprintf(name, sizeof name, "%s", where + prefix_length);
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        int r = option_set_put(set, text_of(name), text_of(equals + 1), OPTION_ORIGIN_ENVIRONMENT,
                               where, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- manual texts ---- */

/* Wraps words to lines of at most HELP_COLUMNS, each starting with lead. */
static void wrap(struct buffer *out, const char *lead, const char *words) {
    size_t room = HELP_COLUMNS - strlen(lead);
    while (*words) {
        size_t length = strlen(words);
        if (length > room) {
            length = room;
            while (length > 0 && words[length] != ' ')
                length--;
            if (length == 0) /* one word longer than a line */
                length = strcspn(words, " ");
        }
        buffer_printf(out, "%s%.*s\n", lead, (int)length, words);
        words += length;
        while (*words == ' ')
            words++;
    }
}

static void wrap_help(struct buffer *out, const char *lead, const struct option *option) {
    char words[1024], expected[256];
    snprintf(words, sizeof words, "%s", option->help);
    if (is_number(option->type))
        add(words, sizeof words, " (%s)", describe_range(option, expected, sizeof expected));
    else if (option->type == OPTION_CHOICE || option->type == OPTION_FLAG)
        add(words, sizeof words, " (%s)", describe(option, expected, sizeof expected));
    if (option->reloadable)
        add(words, sizeof words, " [SIGHUP]");
    wrap(out, lead, words);
}

void option_write_example(const struct option *table, size_t count, struct buffer *out) {
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(table[i].group, table[i - 1].group) != 0)
            buffer_printf(out, "%s# ---- %s ----\n", i == 0 ? "" : "\n", table[i].group);
        buffer_printf(out, "\n");
        wrap_help(out, "# ", &table[i]);
        buffer_printf(out, "#%s =%s%s\n", table[i].name, *table[i].initial ? " " : "",
                      table[i].initial);
    }
}

void option_write_help(const struct option *table, size_t count, struct buffer *out) {
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(table[i].group, table[i - 1].group) != 0)
            buffer_printf(out, "\n%s:\n", table[i].group);
        buffer_printf(out, "  --%s=%s\n", table[i].name,
                      *table[i].initial ? table[i].initial : "\"\"");
        wrap_help(out, "        ", &table[i]);
    }
}
