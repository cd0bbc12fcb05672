/* Records of the archive, in chunks. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* The records of the archive in the order of their positions. */
struct replay_source *replay_source_archive(const struct replay *replay);
/* The next chunk, as full as may be; the last one has is_last. */
void replay_read(const struct replay *replay, struct replay_chunk *chunk);
bool replay_is_reported(const struct replay *replay, int64_t event_time_us);
bool replay_is_decided(const struct replay *replay, int64_t event_time_us);
