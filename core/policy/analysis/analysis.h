/* What `harrier check` reports beyond the errors of a load: what nothing uses, rules that never
 * fire, always fire or have another rule's condition, rules that have ended, rules without a case.
 * All of these are warnings. Private to policy/; snapshot_check() is the entry point. */
#pragma once

#include "core/policy/load/load.h"

/* After a load without errors, with load->is_checked set since its start. */
void analyse(struct load *load);
