/* Numbers and times as text, fast: a table of a million rows has about twenty million of them.
 *
 * None of these depends on the locale. Each returns the length of what it wrote, without a NUL. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Room for the longest that any of them writes. */
#define DIGITS_SIZE 48

size_t digits_unsigned(uint64_t number, char *at);
size_t digits_signed(int64_t number, char *at);

/* The fewest digits that read back as the same double, but at least as many as printf's %g needs
 * with 15, 16 or 17 digits, in the layout of %g: "57.16", "1e+300", "-0". Also "nan", "inf",
 * "-inf". */
size_t digits_double(double number, char *at);

/* RFC 3339 in UTC from microseconds since 1970: "2018-04-01T00:00:31Z", with six decimals if there
 * is a fraction. A time outside the calendar's years is printed as "…us". */
size_t digits_timestamp(int64_t us, char *at);
