/* Digits are gathered into an integer of the wanted units; decimals that are missing count as
 * zeros. No double takes part: 0.1 has none that equals it. Overflow is noticed digit by digit. */
#include "decimal.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define SHOWN_BYTES  64  /* of what was read, in a message */
#define INT64_DIGITS 18u /* any number of so many digits fits an int64 */

/* Cuts what is quoted in a message. */
static struct text shown(struct text t) {
    if (t.length > SHOWN_BYTES)
        t.length = SHOWN_BYTES;
    return t;
}

static int not_a_number(struct text t, struct error *ret_error) {
    return error_set(ret_error, ERROR_INVALID,
                     "\"%" TEXT_FORMAT
                     "\" is not a decimal number (expected digits and at most one "
                     "point, as in 1234.56)",
                     TEXT_ARGS(shown(t)));
}

/* False on overflow; *units is then worthless. */
static bool push_digit(int64_t *units, char c) {
    return !__builtin_mul_overflow(*units, 10, units) &&
           !__builtin_add_overflow(*units, c - '0', units);
}

/* One pass. `beyond` counts decimals behind the last one that fits: only the first of them
 * decides about rounding. */
static int parse(struct text t, unsigned digits, bool rounded, int64_t *ret_units,
                 struct error *ret_error) {
    size_t at = 0;
    bool negative = t.length > 0 && t.data[0] == '-';
    if (t.length > 0 && (t.data[0] == '-' || t.data[0] == '+'))
        at++;
    bool any = false, point = false, fits = true, round_up = false;
    unsigned decimals = 0, beyond = 0;
    int64_t units = 0;
    for (; at < t.length; at++) {
        char c = t.data[at];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (!text_is_digit(c))
            return not_a_number(t, ret_error);
        any = true;
        if (point && decimals == digits) {
            if (!rounded && c != '0' && digits == 0)
                return error_set(ret_error, ERROR_INVALID,
                                 "\"%" TEXT_FORMAT "\" has decimals (expected a whole number)",
                                 TEXT_ARGS(shown(t)));
            if (!rounded && c != '0')
                return error_set(ret_error, ERROR_INVALID,
                                 "\"%" TEXT_FORMAT "\" has too many decimals (expected at most %u)",
                                 TEXT_ARGS(shown(t)), digits);
            round_up = round_up || (beyond++ == 0 && c >= '5');
            continue;
        }
        decimals += point;
        fits = fits && push_digit(&units, c);
    }
    if (!any)
        return not_a_number(t, ret_error);
    for (; decimals < digits; decimals++)
        fits = fits && push_digit(&units, '0');
    if (!fits || (round_up && __builtin_add_overflow(units, 1, &units)))
        return error_set(ret_error, ERROR_INVALID,
                         "\"%" TEXT_FORMAT "\" is too large (expected at most %u digits%s)",
                         TEXT_ARGS(shown(t)), INT64_DIGITS - digits,
                         digits > 0 ? " before the point" : "");
    *ret_units = negative ? -units : units;
    return 0;
}

int decimal_parse(struct text t, unsigned digits, int64_t *ret_units, struct error *ret_error) {
    return parse(t, digits, false, ret_units, ret_error);
}

int decimal_parse_rounded(struct text t, unsigned digits, int64_t *ret_units,
                          struct error *ret_error) {
    return parse(t, digits, true, ret_units, ret_error);
}

const char *decimal_format(int64_t units, unsigned digits, char ret_text[DECIMAL_SIZE]) {
    uint64_t magnitude = units < 0 ? 0 - (uint64_t)units : (uint64_t)units, whole = 1;
    const char *sign = units < 0 ? "-" : "";
    check(digits <= 18);
    for (unsigned i = 0; i < digits; i++)
        whole *= 10;
    if (digits == 0)
        snprintf(ret_text, DECIMAL_SIZE, "%s%" PRIu64, sign, magnitude);
    else
        snprintf(ret_text, DECIMAL_SIZE, "%s%" PRIu64 ".%0*" PRIu64, sign, magnitude / whole,
                 (int)digits, magnitude % whole);
    return ret_text;
}
