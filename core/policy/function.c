#include "function.h"

#include "calendar.h"
#include "expression.h"
#include "ip_network.h"

#include <math.h>
#include <stdlib.h>

#define DOMAIN_MAX 253 /* bytes of a name in the DNS (RFC 1035) */

static struct value error_value(enum expression_error code) {
    return (struct value){.type = VALUE_ERROR, .error_code = code};
}

/* ------------------------------------------------------------------------------------------------
 * Order */

static int order_int(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int order_double(double a, double b) {
    if (isnan(a) || isnan(b))
        return 2;
    return (a > b) - (a < b);
}

/* Without rounding the int: 2^53 + 1 and 2^53 differ as numbers. */
static int order_int_double(int64_t a, double b) {
    if (isnan(b))
        return 2;
    if (b >= 0x1p63)
        return -1;
    if (b < -0x1p63)
        return 1;
    double whole = trunc(b);
    int order = order_int(a, (int64_t)whole);
    return order != 0 ? order : order_double(whole, b);
}

int value_order(struct value a, struct value b) {
    if (a.type == VALUE_INT && b.type == VALUE_DOUBLE)
        return order_int_double(a.integer, b.number);
    if (a.type == VALUE_DOUBLE && b.type == VALUE_INT) {
        int order = order_int_double(b.integer, a.number);
        return order == 2 ? 2 : -order;
    }
    switch (a.type) {
    case VALUE_BOOL:
        return a.boolean - b.boolean;
    case VALUE_DOUBLE:
        return order_double(a.number, b.number);
    case VALUE_TEXT: {
        int order = text_compare(a.text, b.text); /* UTF-8's bytes sort as its code points do */
        return (order > 0) - (order < 0);
    }
    case VALUE_INT:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        return order_int(a.integer, b.integer);
    case VALUE_ABSENT:
    case VALUE_ERROR:
        break;
    }
    return 2;
}

/* ------------------------------------------------------------------------------------------------
 * Arithmetic */

#define INT_OPERATOR(function, builtin)                                                            \
    static struct value function(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        int64_t result;                                                                            \
        if (builtin(a[0].integer, a[1].integer, &result))                                          \
            return error_value(EXPRESSION_OVERFLOW);                                               \
        return value_int(result);                                                                  \
    }
INT_OPERATOR(add_int, __builtin_add_overflow)
INT_OPERATOR(subtract_int, __builtin_sub_overflow)
INT_OPERATOR(multiply_int, __builtin_mul_overflow)

static struct value divide_int(const struct value *a, struct arena *arena) {
    (void)arena;
    if (a[1].integer == 0)
        return error_value(EXPRESSION_DIVISION_BY_ZERO);
    if (a[0].integer == INT64_MIN && a[1].integer == -1)
        return error_value(EXPRESSION_OVERFLOW);
    return value_int(a[0].integer / a[1].integer);
}

static struct value remainder_int(const struct value *a, struct arena *arena) {
    (void)arena;
    if (a[1].integer == 0)
        return error_value(EXPRESSION_DIVISION_BY_ZERO);
    if (a[0].integer == INT64_MIN && a[1].integer == -1)
        return error_value(EXPRESSION_OVERFLOW);
    return value_int(a[0].integer % a[1].integer);
}

static struct value negate_int(const struct value *a, struct arena *arena) {
    (void)arena;
    if (a[0].integer == INT64_MIN)
        return error_value(EXPRESSION_OVERFLOW);
    return value_int(-a[0].integer);
}

#define DOUBLE_OPERATOR(function, expression)                                                      \
    static struct value function(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        return value_double(expression);                                                           \
    }
DOUBLE_OPERATOR(add_double, a[0].number + a[1].number)
DOUBLE_OPERATOR(subtract_double, a[0].number - a[1].number)
DOUBLE_OPERATOR(multiply_double, a[0].number *a[1].number)
DOUBLE_OPERATOR(negate_double, -a[0].number)

/* IEEE 754: x / 0.0 is an infinity, 0.0 / 0.0 is NaN. */
__attribute__((no_sanitize("float-divide-by-zero"))) static struct value
divide_double(const struct value *a, struct arena *arena) {
    (void)arena;
    return value_double(a[0].number / a[1].number);
}

static struct value in_range(enum value_type type, bool overflow, int64_t us) {
    bool timestamp = type == VALUE_TIMESTAMP;
    int64_t low = timestamp ? CALENDAR_MIN_US : -CALENDAR_DURATION_MAX_US;
    int64_t high = timestamp ? CALENDAR_MAX_US : CALENDAR_DURATION_MAX_US;
    if (overflow || us < low || us > high)
        return error_value(EXPRESSION_OVERFLOW);
    return (struct value){.type = type, .integer = us};
}

#define TIME_OPERATOR(function, builtin, result)                                                   \
    static struct value function(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        int64_t us;                                                                                \
        bool overflow = builtin(a[0].integer, a[1].integer, &us);                                  \
        return in_range(result, overflow, us);                                                     \
    }
TIME_OPERATOR(add_timestamp, __builtin_add_overflow, VALUE_TIMESTAMP)
TIME_OPERATOR(subtract_from_timestamp, __builtin_sub_overflow, VALUE_TIMESTAMP)
TIME_OPERATOR(add_duration, __builtin_add_overflow, VALUE_DURATION)
TIME_OPERATOR(subtract_duration, __builtin_sub_overflow, VALUE_DURATION)

static struct value concatenate(const struct value *a, struct arena *arena) {
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

/* ------------------------------------------------------------------------------------------------
 * Texts */

static struct value text_size(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t characters = 0;
    for (size_t i = 0; i < a[0].text.length; i++)
        characters += text_begins_character(a[0].text.data[i]);
    return value_int(characters);
}

static struct value contains(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text all = a[0].text, part = a[1].text;
    return value_bool(part.length == 0 ||
                      (part.length <= all.length &&
                       memmem(all.data, all.length, part.data, part.length) != NULL));
}

static struct value starts_with(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text all = a[0].text, part = a[1].text;
    all.length = all.length < part.length ? all.length : part.length;
    return value_bool(text_equal(all, part));
}

static struct value ends_with(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text all = a[0].text, part = a[1].text;
    if (all.length < part.length)
        return value_bool(false);
    all.data += all.length - part.length;
    all.length = part.length;
    return value_bool(text_equal(all, part));
}

static struct value lower_ascii(const struct value *a, struct arena *arena) {
    struct text source = a[0].text;
    size_t first = 0;
    while (first < source.length && !(source.data[first] >= 'A' && source.data[first] <= 'Z'))
        first++;
    if (first == source.length)
        return a[0];
    struct text copy = arena_text(arena, source);
    if (!copy.data)
        return error_value(EXPRESSION_TOO_LARGE);
    char *bytes = (char *)(uintptr_t)copy.data; /* fresh memory of ours */
    for (size_t i = first; i < copy.length; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] - 'A' + 'a');
    return value_text(copy);
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

static struct value substring_to_end(const struct value *a, struct arena *arena) {
    (void)arena;
    return part_of_text(a[0].text, byte_of_character(a[0].text, a[1].integer), a[0].text.length);
}

static struct value substring(const struct value *a, struct arena *arena) {
    (void)arena;
    return part_of_text(a[0].text, byte_of_character(a[0].text, a[1].integer),
                        byte_of_character(a[0].text, a[2].integer));
}

static struct value index_of(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text all = a[0].text, part = a[1].text;
    if (part.length == 0)
        return value_int(0);
    const char *found = all.length ? memmem(all.data, all.length, part.data, part.length) : NULL;
    return value_int(found ? character_of_byte(all, (size_t)(found - all.data)) : -1);
}

static struct value last_index_of(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text all = a[0].text, part = a[1].text;
    for (size_t at = all.length + 1; at-- > 0;)
        if (all.length - at >= part.length &&
            (part.length == 0 || memcmp(all.data + at, part.data, part.length) == 0))
            return value_int(character_of_byte(all, at));
    return value_int(-1);
}

/* ------------------------------------------------------------------------------------------------
 * Addresses */

static struct value network(const struct value *a, struct arena *arena) {
    char text[IP_NETWORK_SIZE];
    if (a[1].integer < 0 || a[1].integer > IP_NETWORK_V4_BITS_MAX || a[2].integer < 0 ||
        a[2].integer > IP_NETWORK_V6_BITS_MAX)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    size_t length = ip_network(a[0].text, (unsigned)a[1].integer, (unsigned)a[2].integer, text);
    if (length == 0)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    struct text t = arena_text(arena, (struct text){.data = text, .length = length});
    return t.data ? value_text(t) : error_value(EXPRESSION_TOO_LARGE);
}

/* Labels of letters, digits, hyphens, underscores and what is not ASCII, with dots between them. */
static bool is_domain(struct text t) {
    bool label = false; /* has the current one a character? */
    for (size_t i = 0; i < t.length; i++) {
        char c = t.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.' &&
            (unsigned char)c < 0x80)
            return false;
        if (c == '.' && !label)
            return false;
        label = c != '.';
    }
    return label && t.length <= DOMAIN_MAX;
}

static struct value email_domain(const struct value *a, struct arena *arena) {
    struct text t = a[0].text;
    const char *at = t.length ? memrchr(t.data, '@', t.length) : NULL;
    if (!at || at == t.data)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    struct text domain = {.data = at + 1, .length = t.length - (size_t)(at + 1 - t.data)};
    if (!is_domain(domain))
        return error_value(EXPRESSION_BAD_ARGUMENT);
    struct value v = value_text(domain);
    return lower_ascii(&v, arena);
}

/* ------------------------------------------------------------------------------------------------
 * Times, in UTC */

#define DATE_PART(function, part)                                                                  \
    static struct value function(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        struct calendar_date date = calendar_date(a[0].integer);                                   \
        return value_int(part);                                                                    \
    }
DATE_PART(full_year, date.year)
DATE_PART(month, date.month - 1)
DATE_PART(date, date.day)
DATE_PART(day_of_month, date.day - 1)
DATE_PART(day_of_week, date.day_of_week)
DATE_PART(day_of_year, date.day_of_year)

#define TIME_PART(function, part)                                                                  \
    static struct value function(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        int64_t us = calendar_time_of_day(a[0].integer);                                           \
        return value_int(part);                                                                    \
    }
TIME_PART(hours, us / (3600 * CALENDAR_SECOND_US))
TIME_PART(minutes, us / (60 * CALENDAR_SECOND_US) % 60)
TIME_PART(seconds, us / CALENDAR_SECOND_US % 60)
TIME_PART(milliseconds, us / 1000 % 1000)

#define DURATION_PART(function, unit_us)                                                           \
    static struct value function(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        return value_int(a[0].integer / (unit_us));                                                \
    }
DURATION_PART(duration_hours, 3600 * CALENDAR_SECOND_US)
DURATION_PART(duration_minutes, 60 * CALENDAR_SECOND_US)
DURATION_PART(duration_seconds, CALENDAR_SECOND_US)

/* ------------------------------------------------------------------------------------------------
 * Conversions */

static struct value same(const struct value *a, struct arena *arena) {
    (void)arena;
    return a[0];
}

static struct value int_from_double(const struct value *a, struct arena *arena) {
    (void)arena;
    double whole = trunc(a[0].number);
    if (!(whole >= -0x1p63 && whole < 0x1p63))
        return error_value(EXPRESSION_OVERFLOW);
    return value_int((int64_t)whole);
}

static struct value int_from_text(const struct value *a, struct arena *arena) {
    (void)arena;
    struct text t = a[0].text;
    bool negative = t.length > 0 && t.data[0] == '-';
    int64_t result = 0;
    bool overflow = false;
    if (t.length == negative)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    for (size_t i = negative; i < t.length; i++) {
        if (t.data[i] < '0' || t.data[i] > '9')
            return error_value(EXPRESSION_BAD_ARGUMENT);
        int digit = t.data[i] - '0';
        overflow |= __builtin_mul_overflow(result, 10, &result);
        overflow |= __builtin_add_overflow(result, negative ? -digit : digit, &result);
    }
    return overflow ? error_value(EXPRESSION_OVERFLOW) : value_int(result);
}

static struct value int_from_timestamp(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t us = a[0].integer;
    return value_int(us / CALENDAR_SECOND_US - (us % CALENDAR_SECOND_US < 0));
}

static struct value double_from_int(const struct value *a, struct arena *arena) {
    (void)arena;
    return value_double((double)a[0].integer);
}

static struct value double_from_text(const struct value *a, struct arena *arena) {
    (void)arena;
    char string[400];
    struct text t = a[0].text;
    if (t.length == 0 || t.length >= sizeof string)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    for (size_t i = 0; i < t.length; i++) /* no white space, hexadecimal, "inf" or "nan" */
        if (!strchr("0123456789+-.eE", t.data[i]) || t.data[i] == '\0')
            return error_value(EXPRESSION_BAD_ARGUMENT);
    memcpy(string, t.data, t.length);
    string[t.length] = '\0';
    char *end;
    double number = strtod(string, &end);
    if (*end != '\0')
        return error_value(EXPRESSION_BAD_ARGUMENT);
    return isinf(number) ? error_value(EXPRESSION_OVERFLOW) : value_double(number);
}

static struct value text_from_value(const struct value *a, struct arena *arena) {
    char string[64];
    int length = value_format(a[0], string, sizeof string);
    struct text t = arena_text(arena, (struct text){.data = string, .length = (size_t)length});
    return t.data ? value_text(t) : error_value(EXPRESSION_TOO_LARGE);
}

static struct value timestamp_from_text(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t us;
    if (calendar_parse_timestamp(a[0].text, &us) < 0)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    return value_timestamp(us);
}

static struct value timestamp_from_int(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t us;
    bool overflow = __builtin_mul_overflow(a[0].integer, CALENDAR_SECOND_US, &us);
    return in_range(VALUE_TIMESTAMP, overflow, us);
}

static struct value duration_from_text(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t us;
    if (calendar_parse_duration(a[0].text, &us) < 0)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    return value_duration(us);
}

/* ------------------------------------------------------------------------------------------------
 * The table */

#define B VALUE_BOOL
#define I VALUE_INT
#define D VALUE_DOUBLE
#define S VALUE_TEXT
#define T VALUE_TIMESTAMP
#define P VALUE_DURATION /* period */

static const struct function functions[] = {
    {"+", FUNCTION_OPERATOR, 2, {I, I}, I, add_int},
    {"+", FUNCTION_OPERATOR, 2, {D, D}, D, add_double},
    {"+", FUNCTION_OPERATOR, 2, {S, S}, S, concatenate},
    {"+", FUNCTION_OPERATOR, 2, {T, P}, T, add_timestamp},
    {"+", FUNCTION_OPERATOR, 2, {P, T}, T, add_timestamp},
    {"+", FUNCTION_OPERATOR, 2, {P, P}, P, add_duration},
    {"-", FUNCTION_OPERATOR, 2, {I, I}, I, subtract_int},
    {"-", FUNCTION_OPERATOR, 2, {D, D}, D, subtract_double},
    {"-", FUNCTION_OPERATOR, 2, {T, P}, T, subtract_from_timestamp},
    {"-", FUNCTION_OPERATOR, 2, {T, T}, P, subtract_duration},
    {"-", FUNCTION_OPERATOR, 2, {P, P}, P, subtract_duration},
    {"-", FUNCTION_OPERATOR, 1, {I}, I, negate_int},
    {"-", FUNCTION_OPERATOR, 1, {D}, D, negate_double},
    {"*", FUNCTION_OPERATOR, 2, {I, I}, I, multiply_int},
    {"*", FUNCTION_OPERATOR, 2, {D, D}, D, multiply_double},
    {"/", FUNCTION_OPERATOR, 2, {I, I}, I, divide_int},
    {"/", FUNCTION_OPERATOR, 2, {D, D}, D, divide_double},
    {"%", FUNCTION_OPERATOR, 2, {I, I}, I, remainder_int},
    {"size", FUNCTION_GLOBAL, 1, {S}, I, text_size},
    {"size", FUNCTION_METHOD, 1, {S}, I, text_size},
    {"contains", FUNCTION_METHOD, 2, {S, S}, B, contains},
    {"startsWith", FUNCTION_METHOD, 2, {S, S}, B, starts_with},
    {"endsWith", FUNCTION_METHOD, 2, {S, S}, B, ends_with},
    {"lowerAscii", FUNCTION_METHOD, 1, {S}, S, lower_ascii},
    {"substring", FUNCTION_METHOD, 2, {S, I}, S, substring_to_end},
    {"substring", FUNCTION_METHOD, 3, {S, I, I}, S, substring},
    {"indexOf", FUNCTION_METHOD, 2, {S, S}, I, index_of},
    {"lastIndexOf", FUNCTION_METHOD, 2, {S, S}, I, last_index_of},
    {"network", FUNCTION_GLOBAL, 3, {S, I, I}, S, network},
    {"emailDomain", FUNCTION_GLOBAL, 1, {S}, S, email_domain},
    {"getFullYear", FUNCTION_METHOD, 1, {T}, I, full_year},
    {"getMonth", FUNCTION_METHOD, 1, {T}, I, month},
    {"getDate", FUNCTION_METHOD, 1, {T}, I, date},
    {"getDayOfMonth", FUNCTION_METHOD, 1, {T}, I, day_of_month},
    {"getDayOfWeek", FUNCTION_METHOD, 1, {T}, I, day_of_week},
    {"getDayOfYear", FUNCTION_METHOD, 1, {T}, I, day_of_year},
    {"getHours", FUNCTION_METHOD, 1, {T}, I, hours},
    {"getHours", FUNCTION_METHOD, 1, {P}, I, duration_hours},
    {"getMinutes", FUNCTION_METHOD, 1, {T}, I, minutes},
    {"getMinutes", FUNCTION_METHOD, 1, {P}, I, duration_minutes},
    {"getSeconds", FUNCTION_METHOD, 1, {T}, I, seconds},
    {"getSeconds", FUNCTION_METHOD, 1, {P}, I, duration_seconds},
    {"getMilliseconds", FUNCTION_METHOD, 1, {T}, I, milliseconds},
    {"int", FUNCTION_GLOBAL, 1, {I}, I, same},
    {"int", FUNCTION_GLOBAL, 1, {D}, I, int_from_double},
    {"int", FUNCTION_GLOBAL, 1, {S}, I, int_from_text},
    {"int", FUNCTION_GLOBAL, 1, {T}, I, int_from_timestamp},
    {"double", FUNCTION_GLOBAL, 1, {D}, D, same},
    {"double", FUNCTION_GLOBAL, 1, {I}, D, double_from_int},
    {"double", FUNCTION_GLOBAL, 1, {S}, D, double_from_text},
    {"string", FUNCTION_GLOBAL, 1, {S}, S, same},
    {"string", FUNCTION_GLOBAL, 1, {B}, S, text_from_value},
    {"string", FUNCTION_GLOBAL, 1, {I}, S, text_from_value},
    {"string", FUNCTION_GLOBAL, 1, {D}, S, text_from_value},
    {"string", FUNCTION_GLOBAL, 1, {T}, S, text_from_value},
    {"string", FUNCTION_GLOBAL, 1, {P}, S, text_from_value},
    {"timestamp", FUNCTION_GLOBAL, 1, {T}, T, same},
    {"timestamp", FUNCTION_GLOBAL, 1, {S}, T, timestamp_from_text},
    {"timestamp", FUNCTION_GLOBAL, 1, {I}, T, timestamp_from_int},
    {"duration", FUNCTION_GLOBAL, 1, {P}, P, same},
    {"duration", FUNCTION_GLOBAL, 1, {S}, P, duration_from_text},
};

const struct function *function_at(size_t index) {
    return index < sizeof functions / sizeof *functions ? &functions[index] : NULL;
}

const struct function *function_find(struct text name, enum function_form form,
                                     const enum value_type *types, size_t count) {
    const struct function *function;
    for (size_t i = 0; (function = function_at(i)); i++) {
        if (function->form != form || function->parameter_count != count ||
            !text_is(name, function->name))
            continue;
        size_t same_types = 0;
        while (same_types < count && types[same_types] == function->parameters[same_types])
            same_types++;
        if (same_types == count)
            return function;
    }
    return NULL;
}

bool function_exists(struct text name, enum function_form form) {
    const struct function *function;
    for (size_t i = 0; (function = function_at(i)); i++)
        if (function->form == form && text_is(name, function->name))
            return true;
    return false;
}

bool function_is_later(struct text name) {
    static const char *const names[] = {
        "matches", "all",     "exists", "exists_one", "filter", "map",     "type",   "dyn",
        "uint",    "bytes",   "bool",   "join",       "split",  "replace", "charAt", "upperAscii",
        "trim",    "reverse", "format", "ip",         "cidr",   "isIP",    "isCIDR"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_is(name, names[i]))
            return true;
    return false;
}
