/* States that were replaced: freeing gigabytes takes long, and a view may still be open on them. So
 * they are put aside under the decision lock, and freed later without it. */
#pragma once

#include "service_state.h"

/* Under the decision lock: takes over what *states holds and leaves it empty. */
void service_defer_free(struct service *service, struct states *states);
/* Frees all of them, waiting for views to be closed. Without locks; by the swap's thread, and once
 * that has ended by service_close(). */
void service_free_deferred(struct service *service);
