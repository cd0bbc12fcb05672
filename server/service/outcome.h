/* ReportOutcome. Under the decision lock; as in score.h. */
#pragma once

#include "server/base/run.h"

enum next perform_outcome(struct run *run);
void withdraw_outcome(struct run *run, const struct error *error);
void count_outcome(const struct run *run);
