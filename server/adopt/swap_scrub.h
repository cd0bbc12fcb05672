/* Reading the tables in use against their hash, some MiB a second, after they were adopted and once
 * a day: opening them at a start reads samples only, and disks forget. Damage that nobody noticed
 * would decide. In the swap's thread, so no tables change meanwhile. */
#pragma once

#include "swap.h"

/* The next bytes, if any are due. Damaged tables are dropped: the service is unavailable until the
 * background thread has folded the states from other tables or the archive. */
void swap_scrub(struct swap *swap);
void swap_scrub_end(struct swap *swap);
