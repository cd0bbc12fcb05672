/* Amend. Under the decision lock; as in score.h. */
#pragma once

#include "server/base/run.h"

enum next perform_amend(struct run *run);
void withdraw_amend(struct run *run, const struct error *error);
void count_amend(const struct run *run);
