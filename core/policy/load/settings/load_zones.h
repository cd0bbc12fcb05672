/* zones/NAME.tzif: the rules of time zones, which expressions name. */
#pragma once

#include "core/policy/load/load.h"

/* Before any expression is read. */
void load_zones(struct load *load);
/* After all of them, when nothing was reported: warns about zones that none reads. */
void load_warn_unused_zones(struct load *load);
