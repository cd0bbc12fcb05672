/* Numbers as text, against printf: every character the same. HARRIER_STEPS: how many random ones.
 */
#include "core/base/digits.h"
#include "tests/unit/asked.h"
#include "tests/unit/unit.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <time.h>

#define SEED UINT64_C(88172645463325252)

static uint64_t steps(void) {
    return asked_steps(200000);
}

static uint64_t next_random(uint64_t *random) {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static double of_bits(uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* What digits_double() promises, in the words of its header. */
static void print_by_c(double number, char *ret_string, size_t size) {
    for (int precision = isnormal(number) ? DBL_DIG : 1; precision <= DBL_DECIMAL_DIG;
         precision++) {
        snprintf(ret_string, size, "%.*g", precision, number);
        if (strtod(ret_string, NULL) == number)
            break;
    }
}

static void expect_double(double number) {
    char expected[64], printed[DIGITS_SIZE + 1];
    print_by_c(number, expected, sizeof expected);
    memset(printed, '#', sizeof printed);
    size_t length = digits_double(number, printed);
    assert_in_range(length, 1, DIGITS_SIZE);
    assert_int_equal(printed[DIGITS_SIZE], '#');
    printed[length] = '\0';
    assert_string_equal(printed, expected);
}

static void expect_with_neighbours(double number) {
    double below = nextafter(number, -INFINITY), above = nextafter(number, INFINITY);
    expect_double(number);
    expect_double(-number);
    expect_double(below);
    expect_double(above);
    expect_double(nextafter(below, -INFINITY));
    expect_double(nextafter(above, INFINITY));
}

static void doubles_at_every_edge(void **state) {
    (void)state;
    for (int power = -1074; power < 1024; power++)
        expect_with_neighbours(ldexp(1, power));
    for (int power = -320; power < 309; power++) {
        char literal[16];
        snprintf(literal, sizeof literal, "1e%d", power);
        expect_with_neighbours(strtod(literal, NULL));
        snprintf(literal, sizeof literal, "5e%d", power);
        expect_with_neighbours(strtod(literal, NULL));
    }
    static const double others[] = {
        0.0,    DBL_MIN, DBL_MAX,          DBL_TRUE_MIN,      9007199254740993.0, 0.3,
        1 / 3., 2 / 3.,  1000000000000.25, 999999999999999.0, 999999999999999.9,  123456.789e-9};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        expect_with_neighbours(others[i]);
}

/* Ties of the last digit, which go to the even one: quarters and eighths of great numbers. */
static void doubles_half_way(void **state) {
    (void)state;
    uint64_t random = SEED;
    for (uint64_t i = 0; i < steps() / 10; i++) {
        uint64_t numerator = next_random(&random) >> (11 + i % 12);
        for (int power = 1; power < 12; power++)
            expect_double(ldexp((double)numerator, -power));
    }
}

/* What features are: amounts, means of them, shares, seconds. */
static void doubles_that_features_have(void **state) {
    (void)state;
    uint64_t random = SEED;
    for (uint64_t i = 0; i < steps(); i++) {
        double cents = (double)(next_random(&random) >> (20 + i % 44));
        double count = 1 + (double)(next_random(&random) % 5000);
        expect_double(cents / 100);
        expect_double(cents / 100 / count);
        expect_double(sqrt(cents) / count);
        expect_double((double)(i % 1000) / count);
    }
}

static void doubles_of_any_bits(void **state) {
    (void)state;
    uint64_t random = SEED;
    for (uint64_t i = 0; i < steps(); i++) {
        double number = of_bits(next_random(&random));
        if (!isnan(number) && !isinf(number))
            expect_double(number);
        /* The same where it matters: 2^-20…2^60. */
        uint64_t exponent = 1003 + next_random(&random) % 80;
        expect_double(of_bits(next_random(&random) >> 12 | exponent << 52));
    }
}

static void expect_text(size_t length, const char *printed, const char *expected) {
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(printed, expected, length);
}

static void what_is_no_number(void **state) {
    (void)state;
    char printed[DIGITS_SIZE];
    expect_text(digits_double(NAN, printed), printed, "nan");
    expect_text(digits_double(INFINITY, printed), printed, "inf");
    expect_text(digits_double(-INFINITY, printed), printed, "-inf");
}

static void expect_integer(uint64_t number) {
    char expected[64], printed[DIGITS_SIZE];
    snprintf(expected, sizeof expected, "%" PRIu64, number);
    expect_text(digits_unsigned(number, printed), printed, expected);
    snprintf(expected, sizeof expected, "%" PRId64, (int64_t)number);
    expect_text(digits_signed((int64_t)number, printed), printed, expected);
}

static void integers(void **state) {
    (void)state;
    uint64_t random = SEED, power = 1;
    for (int i = 0; i < 20; i++, power *= 10) {
        expect_integer(power - 1);
        expect_integer(power);
        expect_integer(0 - power);
    }
    expect_integer(UINT64_MAX);
    expect_integer((uint64_t)INT64_MIN);
    for (uint64_t i = 0; i < steps(); i++)
        expect_integer(next_random(&random) >> i % 64);
}

static void expect_time(int64_t us) {
    int64_t seconds = us / 1000000, rest = us % 1000000;
    if (rest < 0) {
        rest += 1000000;
        seconds--;
    }
    char expected[64], date[48], printed[DIGITS_SIZE];
    time_t time = (time_t)seconds;
    struct tm tm;
    assert_non_null(gmtime_r(&time, &tm));
    int year = tm.tm_year + 1900;
    bool is_common = year >= 1 && year <= 9999; /* four digits, which %Y does not promise */
    size_t length = is_common ? (size_t)snprintf(date, sizeof date, "%04d", year)
                              : strftime(date, sizeof date, "%Y", &tm);
    strftime(date + length, sizeof date - length, "-%m-%dT%H:%M:%S", &tm);
    if (rest)
        snprintf(expected, sizeof expected, "%s.%06" PRId64 "Z", date, rest);
    else
        snprintf(expected, sizeof expected, "%sZ", date);
    expect_text(digits_timestamp(us, printed), printed, expected);
}

static void times(void **state) {
    (void)state;
    const int64_t day = INT64_C(86400000000);
    for (int64_t i = -720000; i < 3000000; i += 13) /* years 0…10000 */
        expect_time(i * day + i % 3 * 500000);
    for (int64_t i = -1000; i < 40000; i++) { /* every day, and its last moment */
        expect_time(i * day);
        expect_time(i * day - 1);
    }
    uint64_t random = SEED;
    for (uint64_t i = 0; i < steps(); i++)
        expect_time((int64_t)(next_random(&random) >> 1 >> i % 40));
    static const int64_t edges[] = {-719162, 2932896}; /* 0001-01-01, 9999-12-31 */
    for (size_t i = 0; i < 2; i++) {
        expect_time(edges[i] * day - 1);
        expect_time(edges[i] * day);
        expect_time((edges[i] + 1) * day - 1);
        expect_time((edges[i] + 1) * day);
    }
    expect_time(INT64_MIN);
    expect_time(INT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_at_every_edge),
        cmocka_unit_test(doubles_half_way),
        cmocka_unit_test(doubles_that_features_have),
        cmocka_unit_test(doubles_of_any_bits),
        cmocka_unit_test(what_is_no_number),
        cmocka_unit_test(integers),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
