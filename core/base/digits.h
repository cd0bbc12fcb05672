/* Numbers and times as text, quickly: a table of a million rows has some twenty million of them.
 *
 * None of these depends on the locale. Each returns the length of what it wrote; no NUL behind it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Room for the longest that any of them writes. */
#define DIGITS_SIZE 48

size_t digits_unsigned(uint64_t number, char *at);
size_t digits_signed(int64_t number, char *at);

/* The fewest digits that read back as the same double, at least as many as that takes with
 * printf's %g of 15, 16 or 17 digits, and just as %g lays them out: "57.16", "1e+300", "-0". Also
 * "nan", "inf", "-inf". */
size_t digits_double(double number, char *at);

/* RFC 3339 in UTC, of microseconds since 1970: "2018-04-01T00:00:31Z", with six digits behind the
 * second when there is a fraction. "…us" for a time in no year that a calendar has. */
size_t digits_timestamp(int64_t us, char *at);
