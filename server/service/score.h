/* Score: the steps of a transaction. Under the decision lock. */
#pragma once

#include "server/base/run.h"

enum next perform_score(struct run *run);
/* The appended records could not be written: every result that depends on them fails. */
void withdraw_score(struct run *run, const struct error *error);
/* The results are final: counts them. */
void count_score(const struct run *run);
