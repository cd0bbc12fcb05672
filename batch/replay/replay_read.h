/* The read stage: records of the archive, in chunks. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* The records of the archive in the order of their positions, from the replay's start to its
 * target. Close it with ->close(). */
struct replay_source *replay_source_archive(const struct replay *replay);
/* Fills the next chunk. Errors are left in the chunk, which then is_last. One call at a time; any
 * thread. */
void replay_read(const struct replay *replay, struct replay_chunk *chunk);
/* Does the option's range of event times include this transaction? */
bool replay_is_reported(const struct replay *replay, int64_t event_time_us);
/* Must it be decided? Walk-forward needs decisions before the reported range as well. */
bool replay_is_decided(const struct replay *replay, int64_t event_time_us);
