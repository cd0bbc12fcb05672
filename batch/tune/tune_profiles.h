/* Rows → profiles (tune_problem.h): how often each combination of codes occurs. */
#pragma once

#include "tune_rows.h"

/* Fills the problem's profiles from the rows of all readers. Rows from check_from_us on are of
 * TUNE_CHECK. Each row is also decided for the present setting: *ret_different counts those for
 * which that is not what the replay decided. */
void tune_profiles_make(struct tune_problem *problem, const struct tune_reader *readers,
                        size_t reader_count, int64_t check_from_us, uint64_t *ret_different);
