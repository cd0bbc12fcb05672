/* Transactions of a Score call that were refused for a reason of their own, on their way to the
 * file of rejects (server/ops/reject_log.h). */
#pragma once

#include "server/base/run.h"

/* After the decision lock and before the answer, for a run with refused items, if the service has a
 * reject_log. */
void rejected_keep(const struct run *run);
