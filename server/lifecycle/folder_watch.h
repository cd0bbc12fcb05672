/* Tells when folders have been edited, once it is quiet in them again: whoever saves five files is
 * to be told of once. On libevent's loop; watch.h says how the changes are noticed. */
#pragma once

#include "core/base/error.h"

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

struct folder_watch {
    struct event_base *base;
    void (*edited)(void *user);
    void *user;
    struct watch *watch; /* NULL: not watched */
    struct event *change, *quiet;
    int64_t change_us; /* the first that was not told; 0: none */
};

void folder_watch_init(struct folder_watch *folders, struct event_base *base,
                       void (*edited)(void *user), void *user);
/* From now on these; copied. ERROR_SYSTEM: as watch_open() and watch_set() say. */
int folder_watch_set(struct folder_watch *folders, const char *const *paths, size_t count,
                     struct error *ret_error);
/* None, and as after folder_watch_init(). */
void folder_watch_stop(struct folder_watch *folders);
