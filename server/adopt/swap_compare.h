/* After a swap: the old side's states against the new side's, both as of the switch. Equal bytes
 * prove that the server's fold and the rebuild's agree. */
#pragma once

#include "swap.h"

/* Logs and counts differences; they change nothing. Breaks off when the service stops. */
void swap_compare(struct swap *swap);
