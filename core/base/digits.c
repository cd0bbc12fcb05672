/* Doubles: for the common range, %g is computed in 128-bit integers, exactly except where the
 * decimal is cut off.
 *
 *   number = mantissa / 2^shift                     0 < shift
 *   number × 10^k = mantissa × 10^k / 2^shift       k decimal places, exact: below 2^128
 *
 * The decimal is the nearest integer to that. It reads back as the number if it is less than half a
 * step of the mantissa away, that is 10^k / 2 in units of 2^-shift. No decimal with so few digits
 * lies half way between two numbers in this range. Below a power of two the steps are half as wide,
 * which matters for none in this range: the test covers all of them.
 *
 * Everything else (very large, very small, not finite) is left to printf and strtod, a microsecond
 * each. */
#include "digits.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POWERS 20
static const uint64_t powers[POWERS] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    UINT64_C(10000000000000000000),
};

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* The last `count` digits of number, with leading zeros. */
static void put_padded(uint64_t number, size_t count, char *at) {
    for (; count >= 2; count -= 2, number /= 100)
        memcpy(at + count - 2, pairs + number % 100 * 2, 2);
    if (count)
        *at = (char)('0' + number % 10);
}

static size_t count_digits(uint64_t number) {
    size_t count = 1;
    while (count < POWERS && number >= powers[count])
        count++;
    return count;
}

size_t digits_unsigned(uint64_t number, char *at) {
    size_t count = count_digits(number);
    put_padded(number, count, at);
    return count;
}

size_t digits_signed(int64_t number, char *at) {
    if (number >= 0)
        return digits_unsigned((uint64_t)number, at);
    *at = '-';
    return 1 + digits_unsigned(0 - (uint64_t)number, at + 1);
}

/* ---- doubles ---- */

#define MANTISSA_BITS 52
#define LEAST_QUICK   1e-4
#define MOST_QUICK    1e15 /* not itself */

typedef unsigned __int128 wide; /* ISO C has none; gcc and clang do, on all 64-bit machines */

struct binary {
    uint64_t mantissa;
    unsigned shift; /* 3…66 */
};

static struct binary binary_of(double magnitude) {
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    return (struct binary){.mantissa = (bits & ((UINT64_C(1) << MANTISSA_BITS) - 1)) |
                                       UINT64_C(1) << MANTISSA_BITS,
                           .shift = 1023 + MANTISSA_BITS - (unsigned)(bits >> MANTISSA_BITS)};
}

/* The power of ten of the first digit, −4…14. No double lies between 0.1, 0.01 … and the doubles
 * nearest to them, which are all above. */
static int leading_power(double magnitude) {
    static const double behind[] = {1e-1, 1e-2, 1e-3, 1e-4};
    int power = 0;
    if (magnitude < 1) {
        while (magnitude < behind[power])
            power++;
        return -power - 1;
    }
    uint64_t whole = (uint64_t)magnitude;
    return (int)count_digits(whole) - 1;
}

/* number × 10^places as the nearest integer, halves to even; false: it does not read back as the
 * number. */
static bool round_at(struct binary binary, unsigned places, uint64_t *ret_decimal) {
    wide step = places < POWERS ? powers[places] : (wide)powers[POWERS - 1] * 10;
    wide scaled = binary.mantissa * step, unit = (wide)1 << binary.shift;
    wide rest = scaled & (unit - 1);
    uint64_t decimal = (uint64_t)(scaled >> binary.shift);
    bool up = rest * 2 > unit || (rest * 2 == unit && decimal % 2 == 1);
    *ret_decimal = decimal + up;
    wide distance = up ? unit - rest : rest;
    return distance * 2 < step;
}

/* Removes trailing zeros, by constants: the compiler turns such divisions into multiplications. */
static void strip_zeros(uint64_t *decimal, size_t *count) {
    while (*count > 8 && *decimal % 100000000 == 0) {
        *decimal /= 100000000;
        *count -= 8;
    }
    while (*count > 2 && *decimal % 100 == 0) {
        *decimal /= 100;
        *count -= 2;
    }
    if (*count > 1 && *decimal % 10 == 0) {
        *decimal /= 10;
        *count -= 1;
    }
}

/* `count` digits, the first of them at 10^power. */
static size_t lay_out(uint64_t decimal, size_t count, int power, char *at) {
    if (power < 0) {
        size_t zeros = (size_t)-power;
        memcpy(at, "0.000", 1 + zeros);
        put_padded(decimal, count, at + 1 + zeros);
        return 1 + zeros + count;
    }
    size_t whole = (size_t)power + 1;
    if (count <= whole) {
        put_padded(decimal, count, at);
        memset(at + count, '0', whole - count);
        return whole;
    }
    put_padded(decimal / powers[count - whole], whole, at);
    at[whole] = '.';
    put_padded(decimal % powers[count - whole], count - whole, at + whole + 1);
    return count + 1;
}

static size_t put_quick(double magnitude, char *at) {
    struct binary binary = binary_of(magnitude);
    int power = leading_power(magnitude);
    uint64_t decimal;
    size_t count = DBL_DIG;
    while (!round_at(binary, (unsigned)((int)count - 1 - power), &decimal) &&
           count < DBL_DECIMAL_DIG)
        count++;
    strip_zeros(&decimal, &count);
    return lay_out(decimal, count, power, at);
}

/* A decimal of up to DBL_DIG digits survives a double unchanged, and %g drops trailing zeros: so
 * the first of three precisions that reads back has the fewest digits. Subnormals have fewer
 * digits, so for them all are tried. */
static size_t put_by_printf(double number, char *at) {
    int length = 0;
    for (int precision = isnormal(number) ? DBL_DIG : 1; precision <= DBL_DECIMAL_DIG;
         precision++) {
        length = snprintf(at, DIGITS_SIZE, "%.*g", precision, number);
        if (strtod(at, NULL) == number)
            break;
    }
    return (size_t)length;
}

static size_t put_string(const char *string, char *at) {
    size_t length = strlen(string);
    memcpy(at, string, length);
    return length;
}

size_t digits_double(double number, char *at) {
    double magnitude = fabs(number);
    if (magnitude >= LEAST_QUICK && magnitude < MOST_QUICK) {
        *at = '-';
        size_t sign = number < 0;
        return sign + put_quick(magnitude, at + sign);
    }
    if (magnitude == 0)
        return put_string(signbit(number) ? "-0" : "0", at);
    if (isnan(number))
        return put_string("nan", at);
    if (isinf(number))
        return put_string(number < 0 ? "-inf" : "inf", at);
    return put_by_printf(number, at);
}

/* ---- times ---- */

#define SECOND_US   1000000
#define DAY_SECONDS 86400
/* Years with four digits, as RFC 3339 has them; for others the C library decides what %Y prints. */
#define FIRST_QUICK_DAY (-719162) /* 0001-01-01 */
#define LAST_QUICK_DAY  2932896   /* 9999-12-31 */

/* The civil date from days since 1970-01-01, within the years above; Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms". Years start in March, so that a leap day is the
 * last one; an era is 400 years. */
static void put_date(int64_t day, char *at) {
    int64_t since = day + 719468; /* 0000-03-01 */
    unsigned era = (unsigned)(since / 146097), in_era = (unsigned)(since % 146097);
    unsigned year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned from_march = (5 * in_year + 2) / 153;
    unsigned month = from_march < 10 ? from_march + 3 : from_march - 9;
    put_padded(year_of_era + era * 400 + (month <= 2), 4, at);
    at[4] = '-';
    put_padded(month, 2, at + 5);
    at[7] = '-';
    put_padded(in_year - (153 * from_march + 2) / 5 + 1, 2, at + 8);
}

static size_t put_far_date(int64_t seconds, int64_t us, char *at) {
    struct tm tm;
    time_t time = (time_t)seconds;
    size_t length = 0;
    if (gmtime_r(&time, &tm))
        length = strftime(at, DIGITS_SIZE - 8, "%Y-%m-%dT%H:%M:%S", &tm);
    return length ? length : (size_t)snprintf(at, DIGITS_SIZE, "%" PRId64 "us", us);
}

static size_t put_fraction(int64_t rest, char *at) {
    size_t length = 0;
    if (rest) {
        at[length++] = '.';
        put_padded((uint64_t)rest, 6, at + length);
        length += 6;
    }
    at[length++] = 'Z';
    return length;
}

size_t digits_timestamp(int64_t us, char *at) {
    int64_t seconds = us / SECOND_US - (us % SECOND_US < 0);
    int64_t rest = us % SECOND_US + (us % SECOND_US < 0 ? SECOND_US : 0);
    int64_t day = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
    if (day < FIRST_QUICK_DAY || day > LAST_QUICK_DAY) {
        size_t length = put_far_date(seconds, us, at);
        return at[length - 1] == 's' ? length : length + put_fraction(rest, at + length);
    }
    unsigned second = (unsigned)(seconds - day * DAY_SECONDS);
    put_date(day, at);
    at[10] = 'T';
    put_padded(second / 3600, 2, at + 11);
    at[13] = ':';
    put_padded(second / 60 % 60, 2, at + 14);
    at[16] = ':';
    put_padded(second % 60, 2, at + 17);
    return 19 + put_fraction(rest, at + 19);
}
