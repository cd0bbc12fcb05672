/* Option overlay_limit: its default follows from the memory that the process may use. */
#pragma once

#include "server/ops/log.h"

#include <stdint.h>

/* Of that memory, in percent. A swap needs room for a second overlay, and the rest of the server
 * for itself. */
#define OVERLAY_LIMIT_PERCENT 40

/* bytes: the option's value. If that is OPTION_AUTOMATIC, the limit is computed, and the log says
 * what it is and why. 0: none. */
uint64_t overlay_limit_choose(int64_t bytes, struct log *log);
