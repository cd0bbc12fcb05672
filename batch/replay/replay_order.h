/* Transactions in the order of event times. Private to batch/replay. */
#pragma once

#include "replay_job.h"

/* Transactions in the order of event times, with their last outcomes: replay_order.c. */
struct replay_source *replay_source_in_order(const struct replay *replay);
