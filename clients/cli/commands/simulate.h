/* Labelled card traffic that looks real enough to try a policy on, as `harrier simulate` writes it.
 * docs/SIMULATOR.md describes what is in it. */
#pragma once

#include "clients/cli/simulate/simulate_purchase.h"
#include "clients/cli/simulate/simulate_world.h"

/* All purchases of one UTC day (days since 1970-01-01) in the order of their times. `purchases` is
 * emptied first. The same world and day give the same purchases, whatever was made before. */
void simulate_day(const struct world *world, int32_t day, struct purchases *purchases);
