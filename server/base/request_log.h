/* The log's lines about single requests: refused, or slower than slow_after. Never a token: only
 * its id and name, and those only when the secret was right. */
#pragma once

#include "run.h"

/* took_us: from arrival to answer. Mostly writes nothing. */
void request_log(const struct run *run, int64_t took_us);
