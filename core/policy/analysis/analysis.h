/* What harrier check says beyond what a load must know: what nothing uses, rules that can never
 * fire, always do or have another's condition, rules that are over, rules without a case. All of it
 * are warnings. Private to policy/; snapshot_check() is the way in. */
#pragma once

#include "core/policy/load/load.h"

/* After a load without errors, with load->is_checked set since its start. */
void analyse(struct load *load);
