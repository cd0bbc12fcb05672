/* Sets of values as an interval with exceptions. Every operation may leave the set too large, never
 * too small: what does not fit, such as a 65th exception, is dropped. NaN is kept apart, because it
 * is outside of every interval and yet makes negated comparisons true. */
#include "possible.h"

#include "core/policy/eval/value_order.h"

#include <math.h>

static bool is_whole(enum value_type type) {
    return type == VALUE_INT || type == VALUE_TIMESTAMP || type == VALUE_DURATION;
}

void possible_init(struct possible *possible, enum value_type type) {
    *possible = (struct possible){.type = type, .nan = type == VALUE_DOUBLE};
    if (type == VALUE_BOOL) {
        possible->has_only = true;
        possible->only[0] = value_bool(false);
        possible->only[1] = value_bool(true);
        possible->only_count = 2;
    } else if (type == VALUE_DOUBLE) {
        possible->has_low = possible->has_high = true;
        possible->low = value_double(-INFINITY);
        possible->high = value_double(INFINITY);
    } else if (type == VALUE_TEXT) {
        possible->has_low = true;
        possible->low = value_text(TEXT_LITERAL(""));
    }
}

/* −1, 0, 1, or 2 when they have no order; bools have none but equality. */
static int order(struct value a, struct value b) {
    if (a.type == VALUE_BOOL || b.type == VALUE_BOOL)
        return a.type == b.type && a.boolean == b.boolean ? 0 : 2;
    return value_order(a, b);
}

static void raise_low(struct possible *possible, struct value low, bool open) {
    int o = possible->has_low ? order(low, possible->low) : 1;
    if (o == 1 || (o == 0 && open)) {
        possible->has_low = true;
        possible->low = low;
        possible->low_open = open;
    }
}

static void lower_high(struct possible *possible, struct value high, bool open) {
    int o = possible->has_high ? order(high, possible->high) : -1;
    if (o == -1 || (o == 0 && open)) {
        possible->has_high = true;
        possible->high = high;
        possible->high_open = open;
    }
}

void possible_at_least(struct possible *possible, struct value least) {
    raise_low(possible, least, false);
    possible->nan = false;
}

void possible_at_most(struct possible *possible, struct value most) {
    lower_high(possible, most, false);
    possible->nan = false;
}

static bool is_among(struct value v, const struct value *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (order(v, values[i]) == 0)
            return true;
    return false;
}

static void keep_only(struct possible *possible, const struct value *values, size_t count) {
    possible->nan = false;
    if (possible->has_only) {
        size_t kept = 0;
        for (size_t i = 0; i < possible->only_count; i++)
            if (is_among(possible->only[i], values, count))
                possible->only[kept++] = possible->only[i];
        possible->only_count = kept;
    } else if (count <= POSSIBLE_VALUES_MAX) {
        possible->has_only = true;
        possible->only_count = count;
        for (size_t i = 0; i < count; i++)
            possible->only[i] = values[i];
    }
}

static void take_out(struct possible *possible, struct value v) {
    if (possible->without_count < POSSIBLE_VALUES_MAX &&
        !is_among(v, possible->without, possible->without_count))
        possible->without[possible->without_count++] = v;
}

void possible_in(struct possible *possible, const struct value *values, size_t count, bool holds) {
    if (holds) {
        keep_only(possible, values, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        take_out(possible, values[i]);
}

/* The comparison that holds of two numbers exactly when this one does not. NaN is not a number: see
 * possible_compare(). */
static enum token_type opposite(enum token_type sign) {
    switch (sign) {
    case TOKEN_EQUAL:
        return TOKEN_NOT_EQUAL;
    case TOKEN_NOT_EQUAL:
        return TOKEN_EQUAL;
    case TOKEN_LESS:
        return TOKEN_GREATER_EQUAL;
    case TOKEN_LESS_EQUAL:
        return TOKEN_GREATER;
    case TOKEN_GREATER:
        return TOKEN_LESS_EQUAL;
    default:
        return TOKEN_LESS;
    }
}

void possible_compare(struct possible *possible, enum token_type sign, struct value constant,
                      bool holds) {
    /* Compared with NaN only != is true. */
    if (constant.type == VALUE_DOUBLE && isnan(constant.number)) {
        possible->is_empty |= holds == (sign != TOKEN_NOT_EQUAL);
        return;
    }
    bool nan = possible->nan && !holds;
    if (!holds)
        sign = opposite(sign);
    switch (sign) {
    case TOKEN_EQUAL:
        keep_only(possible, &constant, 1);
        return;
    case TOKEN_NOT_EQUAL:
        take_out(possible, constant);
        return;
    case TOKEN_LESS:
    case TOKEN_LESS_EQUAL:
        lower_high(possible, constant, sign == TOKEN_LESS);
        break;
    default:
        raise_low(possible, constant, sign == TOKEN_GREATER);
    }
    possible->nan = nan;
}

/* ------------------------------------------------------------------------------------------------
 * Is anything left? */

static bool is_within(const struct possible *possible, struct value v) {
    int low = possible->has_low ? order(v, possible->low) : 1;
    int high = possible->has_high ? order(v, possible->high) : -1;
    return (low == 1 || (low == 0 && !possible->low_open)) &&
           (high == -1 || (high == 0 && !possible->high_open));
}

/* Can a term of a whole type be this number? */
static bool is_reachable(const struct possible *possible, struct value v) {
    return !is_whole(possible->type) || v.type != VALUE_DOUBLE || v.number == floor(v.number);
}

static bool any_of_only(const struct possible *possible) {
    for (size_t i = 0; i < possible->only_count; i++) {
        struct value v = possible->only[i];
        bool bounded = v.type == VALUE_BOOL || is_within(possible, v);
        if (bounded && is_reachable(possible, v) &&
            !is_among(v, possible->without, possible->without_count))
            return true;
    }
    return false;
}

/* The least whole number that the low bound allows. */
/* 128 bits, so that a bound one beyond INT64_MAX can be represented: then nothing is left. */
static __int128 least_whole(const struct possible *possible) {
    if (!possible->has_low)
        return INT64_MIN;
    if (possible->low.type != VALUE_DOUBLE)
        return (__int128)possible->low.integer + possible->low_open;
    double d = possible->low.number;
    if (d < -0x1p63)
        return INT64_MIN;
    if (d >= 0x1p63)
        return (__int128)INT64_MAX + 1;
    return (__int128)ceil(d) + (possible->low_open && d == floor(d));
}

static __int128 greatest_whole(const struct possible *possible) {
    if (!possible->has_high)
        return INT64_MAX;
    if (possible->high.type != VALUE_DOUBLE)
        return (__int128)possible->high.integer - possible->high_open;
    double d = possible->high.number;
    if (d >= 0x1p63)
        return INT64_MAX;
    if (d < -0x1p63)
        return (__int128)INT64_MIN - 1;
    return (__int128)floor(d) - (possible->high_open && d == floor(d));
}

static bool any_whole(const struct possible *possible) {
    __int128 low = least_whole(possible), high = greatest_whole(possible);
    if (high - low >= (__int128)POSSIBLE_VALUES_MAX)
        return true; /* more than can have been excluded */
    for (__int128 i = low; i <= high; i++) {
        struct value v = {.type = possible->type, .integer = (int64_t)i};
        if (!is_among(v, possible->without, possible->without_count))
            return true;
    }
    return false;
}

/* Exact for ints, times and listed values; of doubles and texts only the bounds are compared. */
bool possible_is_empty(const struct possible *possible) {
    if (possible->is_empty)
        return true;
    if (possible->nan)
        return false;
    if (possible->has_only)
        return !any_of_only(possible);
    if (is_whole(possible->type))
        return !any_whole(possible);
    if (!possible->has_low || !possible->has_high)
        return false;
    int o = order(possible->low, possible->high);
    if (o != 0)
        return o == 1;
    return possible->low_open || possible->high_open ||
           is_among(possible->low, possible->without, possible->without_count);
}
