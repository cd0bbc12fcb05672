/* Rows to calibrate on: margins in steps of 1/64, which often tie, and a fraud's are greater. Some
 * rows without fraud weigh as four. calibration_oracle.py makes the same. */
#pragma once

#include "tests/split_mix.h"

#include <stdbool.h>
#include <stddef.h>

#define CALIBRATION_ROWS 2000

static inline void calibration_row_next(uint64_t *random, double *ret_margin, double *ret_weight,
                                        bool *ret_positive) {
    *ret_positive = split_mix(random) % 10 == 0;
    *ret_margin = (double)(split_mix(random) % 512) / 64.0 - 6.0 + (*ret_positive ? 1.5 : 0.0);
    *ret_weight = *ret_positive ? 1.0 : (double)(1 << split_mix(random) % 2 * 2);
}
