/* The table of functions and operators, and those that are a line of C each: arithmetic, rounding.
 * The others are in function_text.c, function_list.c, function_time.c, function_address.c and
 * function_conversion.c.
 *
 * A row is one combination of types, so a function never inspects the types of its arguments, and
 * the checker's error messages are made from the rows. Behaviour follows CEL's specification and
 * its extension libraries for strings and math; what differs is in docs/POLICY.md. */
#include "function.h"

#include "expression.h"
#include "function_address.h"
#include "function_conversion.h"
#include "function_list.h"
#include "function_text.h"
#include "function_time.h"
#include "program.h"
#include "value_order.h"

#include <math.h>

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

/* INT64_MIN / -1 overflows, in C with undefined behaviour; CEL makes it an error. */
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

#define TIME_OPERATOR(function, builtin, result)                                                   \
    static struct value function(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        int64_t us;                                                                                \
        bool overflow = builtin(a[0].integer, a[1].integer, &us);                                  \
        return function_time_value(result, overflow, us);                                          \
    }
TIME_OPERATOR(add_timestamp, __builtin_add_overflow, VALUE_TIMESTAMP)
TIME_OPERATOR(subtract_from_timestamp, __builtin_sub_overflow, VALUE_TIMESTAMP)
TIME_OPERATOR(add_duration, __builtin_add_overflow, VALUE_DURATION)
TIME_OPERATOR(subtract_duration, __builtin_sub_overflow, VALUE_DURATION)

/* ------------------------------------------------------------------------------------------------
 * Numbers */

static struct value abs_int(const struct value *a, struct arena *arena) {
    return a[0].integer < 0 ? negate_int(a, arena) : a[0];
}

static struct value sign_int(const struct value *a, struct arena *arena) {
    (void)arena;
    return value_int((a[0].integer > 0) - (a[0].integer < 0));
}

#define ROUNDING(function, expression)                                                             \
    static struct value function(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        double x = a[0].number;                                                                    \
        return value_double(expression);                                                           \
    }
ROUNDING(abs_double, fabs(x))
ROUNDING(sign_double, isnan(x) ? x : (x > 0) - (x < 0))
ROUNDING(ceiling, ceil(x))
ROUNDING(floor_of, floor(x))
ROUNDING(rounded, round(x))
ROUNDING(truncated, trunc(x))
ROUNDING(square_root, sqrt(x))

#define PREDICATE(function, expression)                                                            \
    static struct value function(const struct value *a, struct arena *arena) {                     \
        (void)arena;                                                                               \
        return value_bool(expression);                                                             \
    }
PREDICATE(is_not_a_number, isnan(a[0].number))
PREDICATE(is_infinite, isinf(a[0].number))
PREDICATE(is_finite, isfinite(a[0].number))

/* B. Iglewicz, D. C. Hoaglin, How to Detect and Handle Outliers, 1993: 0.6745 makes the unit that
 * of a standard deviation, where numbers are distributed normally. If more than half of the numbers
 * are the median, the mad is 0: then only the median itself is no deviation. */
static struct value robust_z_score_of(double x, double median, double mad) {
    double distance = x - median;
    if (mad < 0)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    if (mad == 0)
        return value_double(distance > 0 ? HUGE_VAL : distance < 0 ? -HUGE_VAL : distance);
    return value_double(0.6745 * distance / mad);
}

static struct value robust_z_score(const struct value *a, struct arena *arena) {
    (void)arena;
    return robust_z_score_of(a[0].number, a[1].number, a[2].number);
}

static struct value robust_z_score_of_int(const struct value *a, struct arena *arena) {
    (void)arena;
    return robust_z_score_of((double)a[0].integer, a[1].number, a[2].number);
}

/* Of what is not ordered (NaN) the first stays, as in CEL. */
static struct value greatest(const struct value *a, struct arena *arena) {
    (void)arena;
    return value_order(a[1], a[0]) == 1 ? a[1] : a[0];
}

static struct value least(const struct value *a, struct arena *arena) {
    (void)arena;
    return value_order(a[1], a[0]) == -1 ? a[1] : a[0];
}

/* Of an empty list there is no greatest item: an error, as in CEL. */
static struct value extreme_item(const struct value_items *items, int wanted) {
    if (items->count == 0)
        return error_value(EXPRESSION_BAD_ARGUMENT);
    const struct value *best = &items->values[0];
    for (size_t i = 1; i < items->count; i++)
        if (value_order(items->values[i], *best) == wanted)
            best = &items->values[i];
    return *best;
}

static struct value greatest_item(const struct value *a, struct arena *arena) {
    (void)arena;
    return extreme_item(a[0].items, 1);
}

static struct value least_item(const struct value *a, struct arena *arena) {
    (void)arena;
    return extreme_item(a[0].items, -1);
}

static struct value same(const struct value *a, struct arena *arena) {
    (void)arena;
    return a[0];
}

/* ------------------------------------------------------------------------------------------------
 * The table */

#define B     VALUE_BOOL
#define I     VALUE_INT
#define D     VALUE_DOUBLE
#define S     VALUE_TEXT
#define T     VALUE_TIMESTAMP
#define P     VALUE_DURATION /* period */
#define L     VALUE_LIST
#define M     VALUE_MAP
#define TEXTS TYPE_LIST_OF(S)

/* Of a time and an offset or time zone. */
#define IN_ZONE(name, form, result, function, ...)                                                 \
    {                                                                                              \
        name, form, 2, {T, S}, result, function_##function##_there,                                \
            .in_local_time = function_##function, ##__VA_ARGS__                                    \
    }

static const struct function functions[] = {
    {"+", FUNCTION_OPERATOR, 2, {I, I}, I, add_int, .operation = OPERATION_ADD_INTS},
    {"+", FUNCTION_OPERATOR, 2, {D, D}, D, add_double, .operation = OPERATION_ADD},
    {"+", FUNCTION_OPERATOR, 2, {S, S}, S, function_concatenate, .builds = FUNCTION_JOINS_TEXTS},
    {"+", FUNCTION_OPERATOR, 2, {L, L}, L, function_join_lists, FUNCTION_JOINS_LISTS},
    {"+", FUNCTION_OPERATOR, 2, {T, P}, T, add_timestamp},
    {"+", FUNCTION_OPERATOR, 2, {P, T}, T, add_timestamp},
    {"+", FUNCTION_OPERATOR, 2, {P, P}, P, add_duration},
    {"-", FUNCTION_OPERATOR, 2, {I, I}, I, subtract_int, .operation = OPERATION_SUBTRACT_INTS},
    {"-", FUNCTION_OPERATOR, 2, {D, D}, D, subtract_double, .operation = OPERATION_SUBTRACT},
    {"-", FUNCTION_OPERATOR, 2, {T, P}, T, subtract_from_timestamp},
    {"-", FUNCTION_OPERATOR, 2, {T, T}, P, subtract_duration},
    {"-", FUNCTION_OPERATOR, 2, {P, P}, P, subtract_duration},
    {"-", FUNCTION_OPERATOR, 1, {I}, I, negate_int},
    {"-", FUNCTION_OPERATOR, 1, {D}, D, negate_double},
    {"*", FUNCTION_OPERATOR, 2, {I, I}, I, multiply_int, .operation = OPERATION_MULTIPLY_INTS},
    {"*", FUNCTION_OPERATOR, 2, {D, D}, D, multiply_double, .operation = OPERATION_MULTIPLY},
    {"/", FUNCTION_OPERATOR, 2, {I, I}, I, divide_int},
    {"/", FUNCTION_OPERATOR, 2, {D, D}, D, divide_double, .operation = OPERATION_DIVIDE},
    {"%", FUNCTION_OPERATOR, 2, {I, I}, I, remainder_int},
    {"size", FUNCTION_GLOBAL, 1, {S}, I, function_text_size},
    {"size", FUNCTION_METHOD, 1, {S}, I, function_text_size},
    {"size", FUNCTION_GLOBAL, 1, {L}, I, function_list_size},
    {"size", FUNCTION_METHOD, 1, {L}, I, function_list_size},
    {"size", FUNCTION_GLOBAL, 1, {M}, I, function_map_size},
    {"size", FUNCTION_METHOD, 1, {M}, I, function_map_size},
    {"contains", FUNCTION_METHOD, 2, {S, S}, B, function_contains},
    {"startsWith", FUNCTION_METHOD, 2, {S, S}, B, function_starts_with, .reads_edge = true},
    {"endsWith", FUNCTION_METHOD, 2, {S, S}, B, function_ends_with, .reads_edge = true},
    {"matches", FUNCTION_METHOD, 2, {S, S}, B, NULL}, /* an instruction of its own */
    {"matches", FUNCTION_GLOBAL, 2, {S, S}, B, NULL},
    {"lowerAscii", FUNCTION_METHOD, 1, {S}, S, function_lower_ascii, .is_tidy = true},
    {"upperAscii", FUNCTION_METHOD, 1, {S}, S, function_upper_ascii, .is_tidy = true},
    {"trim", FUNCTION_METHOD, 1, {S}, S, function_trim},
    {"charAt", FUNCTION_METHOD, 2, {S, I}, S, function_char_at},
    {"substring", FUNCTION_METHOD, 2, {S, I}, S, function_substring_to_end},
    {"substring", FUNCTION_METHOD, 3, {S, I, I}, S, function_substring},
    {"indexOf", FUNCTION_METHOD, 2, {S, S}, I, function_index_of},
    {"indexOf", FUNCTION_METHOD, 3, {S, S, I}, I, function_index_of_from},
    {"lastIndexOf", FUNCTION_METHOD, 2, {S, S}, I, function_last_index_of, .searches_back = true},
    {"lastIndexOf",
     FUNCTION_METHOD,
     3,
     {S, S, I},
     I,
     function_last_index_of_from,
     .searches_back = true},
    {"replace", FUNCTION_METHOD, 3, {S, S, S}, S, function_replace, .builds = FUNCTION_FILLS_TEXT},
    {"replace",
     FUNCTION_METHOD,
     4,
     {S, S, S, I},
     S,
     function_replace_some,
     .builds = FUNCTION_FILLS_TEXT},
    {"split", FUNCTION_METHOD, 2, {S, S}, TEXTS, function_split, FUNCTION_MAKES_PIECES},
    {"split", FUNCTION_METHOD, 3, {S, S, I}, TEXTS, function_split_some, FUNCTION_MAKES_PIECES},
    {"join",
     FUNCTION_METHOD,
     1,
     {TEXTS},
     S,
     function_join,
     FUNCTION_OF_ITEMS,
     .builds = FUNCTION_FILLS_TEXT},
    {"join",
     FUNCTION_METHOD,
     2,
     {TEXTS, S},
     S,
     function_join_with,
     FUNCTION_OF_ITEMS,
     .builds = FUNCTION_FILLS_TEXT},
    {"math.greatest", FUNCTION_GLOBAL, 1, {I}, I, same},
    {"math.greatest", FUNCTION_GLOBAL, 1, {D}, D, same},
    {"math.greatest", FUNCTION_GLOBAL, 2, {I, I}, I, greatest, FUNCTION_OF_VALUES, true},
    {"math.greatest", FUNCTION_GLOBAL, 2, {D, D}, D, greatest, FUNCTION_OF_VALUES, true},
    {"math.greatest", FUNCTION_GLOBAL, 1, {TYPE_LIST_OF(I)}, I, greatest_item, FUNCTION_OF_ITEMS},
    {"math.greatest", FUNCTION_GLOBAL, 1, {TYPE_LIST_OF(D)}, D, greatest_item, FUNCTION_OF_ITEMS},
    {"math.least", FUNCTION_GLOBAL, 1, {I}, I, same},
    {"math.least", FUNCTION_GLOBAL, 1, {D}, D, same},
    {"math.least", FUNCTION_GLOBAL, 2, {I, I}, I, least, FUNCTION_OF_VALUES, true},
    {"math.least", FUNCTION_GLOBAL, 2, {D, D}, D, least, FUNCTION_OF_VALUES, true},
    {"math.least", FUNCTION_GLOBAL, 1, {TYPE_LIST_OF(I)}, I, least_item, FUNCTION_OF_ITEMS},
    {"math.least", FUNCTION_GLOBAL, 1, {TYPE_LIST_OF(D)}, D, least_item, FUNCTION_OF_ITEMS},
    {"math.abs", FUNCTION_GLOBAL, 1, {I}, I, abs_int},
    {"math.abs", FUNCTION_GLOBAL, 1, {D}, D, abs_double},
    {"math.sign", FUNCTION_GLOBAL, 1, {I}, I, sign_int},
    {"math.sign", FUNCTION_GLOBAL, 1, {D}, D, sign_double},
    {"math.ceil", FUNCTION_GLOBAL, 1, {D}, D, ceiling},
    {"math.floor", FUNCTION_GLOBAL, 1, {D}, D, floor_of},
    {"math.round", FUNCTION_GLOBAL, 1, {D}, D, rounded},
    {"math.trunc", FUNCTION_GLOBAL, 1, {D}, D, truncated},
    {"math.sqrt", FUNCTION_GLOBAL, 1, {D}, D, square_root},
    {"math.isNaN", FUNCTION_GLOBAL, 1, {D}, B, is_not_a_number},
    {"math.isInf", FUNCTION_GLOBAL, 1, {D}, B, is_infinite},
    {"math.isFinite", FUNCTION_GLOBAL, 1, {D}, B, is_finite},
    {"robustZScore", FUNCTION_GLOBAL, 3, {D, D, D}, D, robust_z_score},
    {"robustZScore", FUNCTION_GLOBAL, 3, {I, D, D}, D, robust_z_score_of_int},
    {"network",
     FUNCTION_GLOBAL,
     3,
     {S, I, I},
     S,
     function_network,
     .builds = FUNCTION_SHORT_TEXT,
     .is_tidy = true},
    {"emailDomain", FUNCTION_GLOBAL, 1, {S}, S, function_email_domain, .is_tidy = true},
    {"getFullYear", FUNCTION_METHOD, 1, {T}, I, function_full_year},
    IN_ZONE("getFullYear", FUNCTION_METHOD, I, full_year),
    {"getMonth", FUNCTION_METHOD, 1, {T}, I, function_month},
    IN_ZONE("getMonth", FUNCTION_METHOD, I, month),
    {"getDate", FUNCTION_METHOD, 1, {T}, I, function_date},
    IN_ZONE("getDate", FUNCTION_METHOD, I, date),
    {"getDayOfMonth", FUNCTION_METHOD, 1, {T}, I, function_day_of_month},
    IN_ZONE("getDayOfMonth", FUNCTION_METHOD, I, day_of_month),
    {"getDayOfWeek", FUNCTION_METHOD, 1, {T}, I, function_day_of_week},
    IN_ZONE("getDayOfWeek", FUNCTION_METHOD, I, day_of_week),
    {"getDayOfYear", FUNCTION_METHOD, 1, {T}, I, function_day_of_year},
    IN_ZONE("getDayOfYear", FUNCTION_METHOD, I, day_of_year),
    {"getHours", FUNCTION_METHOD, 1, {T}, I, function_hours},
    IN_ZONE("getHours", FUNCTION_METHOD, I, hours),
    {"getHours", FUNCTION_METHOD, 1, {P}, I, function_duration_hours},
    {"getMinutes", FUNCTION_METHOD, 1, {T}, I, function_minutes},
    IN_ZONE("getMinutes", FUNCTION_METHOD, I, minutes),
    {"getMinutes", FUNCTION_METHOD, 1, {P}, I, function_duration_minutes},
    {"getSeconds", FUNCTION_METHOD, 1, {T}, I, function_seconds},
    IN_ZONE("getSeconds", FUNCTION_METHOD, I, seconds),
    {"getSeconds", FUNCTION_METHOD, 1, {P}, I, function_duration_seconds},
    {"getMilliseconds", FUNCTION_METHOD, 1, {T}, I, function_milliseconds},
    IN_ZONE("getMilliseconds", FUNCTION_METHOD, I, milliseconds),
    IN_ZONE("localDate", FUNCTION_GLOBAL, S, local_date, .builds = FUNCTION_SHORT_TEXT,
            .is_tidy = true),
    {"bool", FUNCTION_GLOBAL, 1, {B}, B, same},
    {"bool", FUNCTION_GLOBAL, 1, {S}, B, function_bool_from_text},
    {"int", FUNCTION_GLOBAL, 1, {I}, I, same},
    {"int", FUNCTION_GLOBAL, 1, {D}, I, function_int_from_double},
    {"int", FUNCTION_GLOBAL, 1, {S}, I, function_int_from_text},
    {"int", FUNCTION_GLOBAL, 1, {T}, I, function_int_from_timestamp},
    {"double", FUNCTION_GLOBAL, 1, {D}, D, same},
    {"double", FUNCTION_GLOBAL, 1, {I}, D, function_double_from_int},
    {"double", FUNCTION_GLOBAL, 1, {S}, D, function_double_from_text},
    {"string", FUNCTION_GLOBAL, 1, {S}, S, same},
    {"string", FUNCTION_GLOBAL, 1, {B}, S, function_text_from_value, .builds = FUNCTION_SHORT_TEXT},
    {"string", FUNCTION_GLOBAL, 1, {I}, S, function_text_from_value, .builds = FUNCTION_SHORT_TEXT},
    {"string", FUNCTION_GLOBAL, 1, {D}, S, function_text_from_value, .builds = FUNCTION_SHORT_TEXT},
    {"string", FUNCTION_GLOBAL, 1, {T}, S, function_text_from_value, .builds = FUNCTION_SHORT_TEXT},
    {"string", FUNCTION_GLOBAL, 1, {P}, S, function_text_from_value, .builds = FUNCTION_SHORT_TEXT},
    {"timestamp", FUNCTION_GLOBAL, 1, {T}, T, same},
    {"timestamp", FUNCTION_GLOBAL, 1, {S}, T, function_timestamp_from_text},
    {"timestamp", FUNCTION_GLOBAL, 1, {I}, T, function_timestamp_from_int},
    {"duration", FUNCTION_GLOBAL, 1, {P}, P, same},
    {"duration", FUNCTION_GLOBAL, 1, {S}, P, function_duration_from_text},
};

const struct function *function_at(size_t index) {
    return index < sizeof functions / sizeof *functions ? &functions[index] : NULL;
}

/* Does an argument of this type fit the parameter? VALUE_LIST and VALUE_MAP take any list or map,
 * and VALUE_ABSENT, the item of an empty list, fits everywhere. */
static bool fits(type_code parameter, type_code type) {
    type_code joined;
    if (parameter == type || type == VALUE_ABSENT)
        return true;
    if (parameter == VALUE_LIST || parameter == VALUE_MAP)
        return type_kind(type) == parameter;
    return type_join(parameter, type, &joined) && joined == parameter;
}

/* Linear: it runs only while policies load. */
const struct function *function_find(struct text name, enum function_form form,
                                     const type_code *types, size_t count) {
    const struct function *function;
    for (size_t i = 0; (function = function_at(i)); i++) {
        if (function->form != form || function->parameter_count != count ||
            !text_is(name, function->name))
            continue;
        size_t fitting = 0;
        while (fitting < count && fits(function->parameters[fitting], types[fitting]))
            fitting++;
        if (fitting == count)
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

const char *function_instead(struct text name) {
    static const char *const names[][2] = {
        {"uint", "numbers are int and double"},
        {"bytes", "texts are string"},
        {"dyn", "types are checked when a policy is loaded"},
        {"type", "types are checked when a policy is loaded"},
        {"transformMapEntry", "transformMap(k, v, value) keeps the keys"},
        {"reverse", "docs/POLICY.md lists the functions"},
        {"format", "join texts with + and convert values with string()"},
        {"quote", "docs/POLICY.md lists the functions"},
        {"length", "write s.size()"},
        {"len", "write s.size()"},
        {"substr", "write s.substring(from, end)"},
        {"toLowerCase", "write s.lowerAscii()"},
        {"lower", "write s.lowerAscii()"},
        {"toUpperCase", "write s.upperAscii()"},
        {"upper", "write s.upperAscii()"},
        {"math.pow", "write x * x"},
        {"ip", "write network(ip, 24, 48) == \"192.0.2.0/24\", or use a list"},
        {"cidr", "write network(ip, 24, 48) == \"192.0.2.0/24\", or use a list"},
        {"isIP", "network() fails on a text that is not an address"},
        {"isCIDR", "network() fails on a text that is not an address"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_is(name, names[i][0]))
            return names[i][1];
    return NULL;
}
