/* bool(), int(), double(), string(), timestamp() and duration(), of other types. Conversions are
 * strict: a text must be entirely what it is converted to, without blanks around it, and a value
 * that does not fit is an error, never clamped. */
#include "function_conversion.h"

#include "core/policy/lang/calendar.h"

#include <math.h>
#include <stdlib.h>

struct value function_time_value(enum value_type type, bool overflow, int64_t us) {
    bool timestamp = type == VALUE_TIMESTAMP;
    int64_t low = timestamp ? CALENDAR_MIN_US : -CALENDAR_DURATION_MAX_US;
    int64_t high = timestamp ? CALENDAR_MAX_US : CALENDAR_DURATION_MAX_US;
    if (overflow || us < low || us > high)
        return error_value(EXPRESSION_OVERFLOW);
    return (struct value){.type = type, .integer = us};
}

struct value function_bool_from_text(const struct value *a, struct arena *arena) {
    (void)arena;
    static const char *const words[][2] = {{"false", "true"}, {"False", "True"}, {"FALSE", "TRUE"},
                                           {"f", "t"},        {"F", "T"},        {"0", "1"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t truth = 0; truth < 2; truth++)
            if (text_is(a[0].text, words[i][truth]))
                return value_bool(truth);
    return error_value(EXPRESSION_BAD_ARGUMENT);
}

struct value function_int_from_double(const struct value *a, struct arena *arena) {
    (void)arena;
    double whole = trunc(a[0].number);
    if (!(whole > -0x1p63 && whole < 0x1p63)) /* in CEL −2^63 is out of range, too */
        return error_value(EXPRESSION_OVERFLOW);
    return value_int((int64_t)whole);
}

/* Digits are subtracted when negative, so that INT64_MIN can be read. */
struct value function_int_from_text(const struct value *a, struct arena *arena) {
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

/* Rounds down, also before 1970, so that equal seconds have equal numbers. */
struct value function_int_from_timestamp(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t us = a[0].integer;
    return value_int(us / CALENDAR_SECOND_US - (us % CALENDAR_SECOND_US < 0));
}

struct value function_double_from_int(const struct value *a, struct arena *arena) {
    (void)arena;
    return value_double((double)a[0].integer);
}

/* strtod() decides; its extras, such as "inf" and hexadecimal numbers, are excluded by the
 * characters. */
struct value function_double_from_text(const struct value *a, struct arena *arena) {
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

struct value function_text_from_value(const struct value *a, struct arena *arena) {
    char string[64];
    int length = value_format(a[0], string, sizeof string);
    struct text t = arena_text(arena, (struct text){.data = string, .length = (size_t)length});
    return t.data ? value_text(t) : error_value(EXPRESSION_TOO_LARGE);
}

struct value function_timestamp_from_text(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t us;
    if (calendar_parse_timestamp(a[0].text, &us) < 0)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    return value_timestamp(us);
}

struct value function_timestamp_from_int(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t us;
    bool overflow = __builtin_mul_overflow(a[0].integer, CALENDAR_SECOND_US, &us);
    return function_time_value(VALUE_TIMESTAMP, overflow, us);
}

struct value function_duration_from_text(const struct value *a, struct arena *arena) {
    (void)arena;
    int64_t us;
    if (calendar_parse_duration(a[0].text, &us) < 0)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    return value_duration(us);
}
