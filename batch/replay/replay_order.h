/* The archive in the order of event times. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* Transactions in the order of event times, each followed by its last outcome. Needs least_us and
 * labels of the first pass. Close it with ->close(). */
struct replay_source *replay_source_in_order(const struct replay *replay);
