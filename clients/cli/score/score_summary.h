/* What `harrier score` says at its end. */
#pragma once

#include "scoring.h"

#include <stdio.h>

void score_summary_print(const struct scoring_counts *counts, const struct scoring_options *options,
                         const char *file, FILE *to);
