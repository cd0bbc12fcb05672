/* Counts rows into a replay's report. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* One record that is done, with what was decided about it. */
void replay_count(struct replay *replay, const struct replay_line *line);
/* All good rows of a part that is judged, in the thread that judged it. */
void replay_count_part(const struct replay *replay, const struct replay_chunk *chunk,
                       struct replay_part *part);
/* Widens the report's times by [first, last]; before its transactions are counted. */
void replay_count_times(struct replay_report *report, int64_t first_us, int64_t last_us);
