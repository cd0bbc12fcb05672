/* States that nobody decides on any more. They are put aside under the decision lock, and freed
 * without it, which takes long. */
#include "service_internal.h"

#include <stdlib.h>
#include <time.h>

#define DEFERRED_FREE_PAUSE_US 10000

void service_defer_free(struct service *service, struct states *old) {
    if (!old->overlay)
        return;
    struct deferred_free *deferred_free = check_malloc(sizeof *deferred_free);
    *deferred_free = (struct deferred_free){.states = *old, .next = service->deferred_free};
    states_init(old);
    service->deferred_free = deferred_free;
}

/* Under the decision lock: takes one out that nobody looks at. */
static struct deferred_free *take_deferred(struct service *service) {
    struct deferred_free **at = &service->deferred_free;
    while (*at && overlay_is_viewed((*at)->states.overlay))
        at = &(*at)->next;
    struct deferred_free *deferred_free = *at;
    if (deferred_free)
        *at = deferred_free->next;
    return deferred_free;
}

void service_free_deferred(struct service *service) {
    for (bool is_left = true; is_left;) {
        pthread_mutex_lock(&service->lock);
        struct deferred_free *deferred_free = take_deferred(service);
        is_left = service->deferred_free != NULL;
        pthread_mutex_unlock(&service->lock);
        if (deferred_free) {
            states_deinit(&deferred_free->states);
            free(deferred_free);
        } else if (is_left) {
            nanosleep(&(struct timespec){.tv_nsec = DEFERRED_FREE_PAUSE_US * 1000}, NULL);
        }
    }
}
