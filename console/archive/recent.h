/* What came in the last hour, for the live screen of a console that was just started. */
#pragma once

#include "core/store/archive/archive_place.h"
#include "live.h"

/* Most bytes of the archive that are read for it: about a second. */
#define RECENT_BYTES ((uint64_t)128 << 20)

/* Adds the transactions up to the place that the follower goes on from. Where the last hour has
 * more than RECENT_BYTES, its beginning is left out. Errors as of reading the archive. */
int recent_fill(const char *archive, struct archive_place until, int64_t now_us, struct live *live,
                struct error *ret_error);
