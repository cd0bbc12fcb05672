/* Decimal numbers in text, exactly: money and coordinates never pass through a double. */
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

#include <stdint.h>

/* "12.34" with 2 digits → 1234. An optional sign, digits, an optional point; "1e3", "1,000" and
 * spaces are refused. More decimals than `digits` are refused unless they are zeros: 12.340
 * is 12.34, 12.345 is not an amount of euros. ERROR_INVALID says what is wrong. */
int decimal_parse(struct text t, unsigned digits, int64_t *ret_units, struct error *ret_error);

/* The same, but further decimals are rounded, half away from zero: for coordinates. */
int decimal_parse_rounded(struct text t, unsigned digits, int64_t *ret_units,
                          struct error *ret_error);

/* The other way: 1234 with 2 digits → "12.34". digits: 18 at most. */
#define DECIMAL_SIZE 48
const char *decimal_format(int64_t units, unsigned digits, char ret_text[DECIMAL_SIZE]);
