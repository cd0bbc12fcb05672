/* Calls back when folders have been edited, once they are quiet again: saving five files is one
 * change. On libevent's loop; watch.h says how changes are noticed. */
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
    int64_t change_us; /* monotonic: the first change not reported yet; 0: none */
};

void folder_watch_init(struct folder_watch *folders, struct event_base *base,
                       void (*edited)(void *user), void *user);
/* Watches these folders instead of those before; paths are copied. ERROR_SYSTEM: as for
 * watch_open() and watch_set(). */
int folder_watch_set(struct folder_watch *folders, const char *const *paths, size_t count,
                     struct error *ret_error);
/* Stops watching; the state is that after folder_watch_init(). */
void folder_watch_stop(struct folder_watch *folders);
