/* Brakes: what pulls them, and ChangeBrake, with which people pull and lift them. Under the
 * decision lock; as in score.h. */
#pragma once

#include "server/base/run.h"

/* Counts a decision that was archived just now. If it exceeds a limit, the record that pulls the
 * brake comes right behind it, so that the next decision sees the brake. */
void brake_count(struct run *run, const struct decision *decision);
