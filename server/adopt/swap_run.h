/* The thread that swaps to new generations. */
#pragma once

#include "swap.h"

void swap_start(struct service *service);
/* service->stopping must be set. */
void swap_stop(struct service *service);
/* Has the thread look whether there is a generation to adopt. again: also one that was tried
 * before. Any thread; does not block. */
void swap_ask(struct service *service, bool again);
