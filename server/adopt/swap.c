/* The reason is read by Status under the decision lock, so it is written under it. */
#include "swap.h"

#include <stdio.h>

void swap_set_reason(struct swap *swap, const char *text) {
    struct service *service = swap->service;
    pthread_mutex_lock(&service->lock);
    snprintf(swap->reason, sizeof swap->reason, "%.*s", SWAP_REASON_BYTES - 1, text);
    pthread_mutex_unlock(&service->lock);
}
