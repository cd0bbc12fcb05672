/* A list under the decision lock; the swap's thread takes from it. */
#include "deferred_free.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <time.h>

#define DEFERRED_FREE_PAUSE_US 10000 /* between two looks whether a view has been closed */

struct deferred_free {
    struct states states;
    struct deferred_free *next;
};

void service_defer_free(struct service *service, struct states *old) {
    if (!old->overlay)
        return;
    struct deferred_free *deferred_free = check_malloc(sizeof *deferred_free);
    *deferred_free = (struct deferred_free){.states = *old, .next = service->deferred_free};
    states_init(old);
    service->deferred_free = deferred_free;
}

/* Under the decision lock: takes out one that has no view open on it. NULL: there is none. */
static struct deferred_free *take_deferred(struct service *service) {
    struct deferred_free **at = &service->deferred_free;
    while (*at && overlay_is_viewed((*at)->states.overlay))
        at = &(*at)->next;
    struct deferred_free *deferred_free = *at;
    if (deferred_free)
        *at = deferred_free->next;
    return deferred_free;
}

/* Polls for views to be closed: simple, and nothing waits for this. */
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
