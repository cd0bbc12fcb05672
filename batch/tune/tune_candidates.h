/* What each knob may be set to. Few and round numbers, so that a search cannot fit itself to single
 * transactions, and a person can read the result. */
#pragma once

#include "tune_rows.h"

/* Scores: steps of 50 of the same sign, of 10 near the present one. Cut-offs: steps of 10. Limits:
 * what the rows show, among those that the limit decides about: quantiles of frauds and of the
 * others, rounded; and numbers near the present one. Ends with tune_problem_code(). kinds, cutoffs:
 * which may change; all else keeps its present value alone. */
void tune_candidates_choose(struct tune_problem *problem, const struct tune_reader *readers,
                            size_t reader_count, const bool kinds[TUNABLE_KINDS],
                            const bool cutoffs[VERDICT_COUNT]);

/* As a policy has it: an int in digits, a double with a point and no more decimals than it needs.
 */
#define TUNE_NUMBER_SIZE 400
const char *tune_number_format(struct value number, char ret_text[TUNE_NUMBER_SIZE]);
