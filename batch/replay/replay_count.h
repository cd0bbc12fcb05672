/* Counts rows into a replay's report. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* Counts one record into replay->report, and passes it to walk-forward. In order, by the thread
 * that runs the replay. */
void replay_count(struct replay *replay, const struct replay_line *line);
/* Sums the good rows of a part into part->counts, in the thread that decided them. */
void replay_count_part(const struct replay *replay, const struct replay_chunk *chunk,
                       struct replay_part *part);
/* Widens the report's times by [first, last]; before its transactions are counted. */
void replay_count_times(struct replay_report *report, int64_t first_us, int64_t last_us);
