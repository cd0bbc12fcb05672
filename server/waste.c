/* States that nobody decides on any more. They are put aside under the decision lock, and freed
 * without it, which takes long. */
#include "service_internal.h"

#include <stdlib.h>
#include <time.h>

#define WASTE_PAUSE_US 10000

void service_discard(struct service *service, struct states *old) {
    if (!old->overlay)
        return;
    struct waste *waste = check_malloc(sizeof *waste);
    *waste = (struct waste){.states = *old, .next = service->waste};
    states_init(old);
    service->waste = waste;
}

/* Under the decision lock: takes one out that nobody looks at. */
static struct waste *take_waste(struct service *service) {
    struct waste **at = &service->waste;
    while (*at && overlay_is_viewed((*at)->states.overlay))
        at = &(*at)->next;
    struct waste *waste = *at;
    if (waste)
        *at = waste->next;
    return waste;
}

void service_throw_away(struct service *service) {
    for (bool is_left = true; is_left;) {
        pthread_mutex_lock(&service->lock);
        struct waste *waste = take_waste(service);
        is_left = service->waste != NULL;
        pthread_mutex_unlock(&service->lock);
        if (waste) {
            states_deinit(&waste->states);
            free(waste);
        } else if (is_left) {
            nanosleep(&(struct timespec){.tv_nsec = WASTE_PAUSE_US * 1000}, NULL);
        }
    }
}
