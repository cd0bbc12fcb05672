/* Waits for quiet: a deployment writes many files, and a policy that is half copied must not be
 * loaded. */
#include "folder_watch.h"

#include "server/ops/clock.h"
#include "watch.h"

#include "core/base/check.h"

/* No change for this long; but at most QUIET_MAX_US after the first one, in case something never
 * stops. */
#define QUIET_US     200000
#define QUIET_MAX_US INT64_C(5000000)

static void on_idle(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct folder_watch *folders = user;
    folders->change_us = 0;
    folders->edited(folders->user);
}

/* Restarts the wait for quiet with every change, up to the limit. */
static void on_change(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct folder_watch *folders = user;
    if (!watch_read(folders->watch))
        return;
    int64_t now_us = clock_monotonic_us(&clock_system);
    if (folders->change_us == 0)
        folders->change_us = now_us;
    int64_t left_us = folders->change_us + QUIET_MAX_US - now_us;
    if (left_us > QUIET_US)
        left_us = QUIET_US;
    if (left_us > 0)
        event_add(folders->quiet, &(struct timeval){.tv_usec = left_us});
}

static int open_watch(struct folder_watch *folders, struct error *ret_error) {
    int r = folders->watch ? 0 : watch_open(&folders->watch, ret_error);
    if (r < 0 || folders->change)
        return r;
    folders->change = event_new(folders->base, watch_descriptor(folders->watch),
                                EV_READ | EV_PERSIST, on_change, folders);
    folders->quiet = event_new(folders->base, -1, 0, on_idle, folders);
    check(folders->change && folders->quiet && event_add(folders->change, NULL) == 0);
    return 0;
}

void folder_watch_init(struct folder_watch *folders, struct event_base *base,
                       void (*edited)(void *user), void *user) {
    *folders = (struct folder_watch){.base = base, .edited = edited, .user = user};
}

int folder_watch_set(struct folder_watch *folders, const char *const *paths, size_t count,
                     struct error *ret_error) {
    int r = open_watch(folders, ret_error);
    return r < 0 ? r : watch_set(folders->watch, paths, count, ret_error);
}

void folder_watch_stop(struct folder_watch *folders) {
    if (folders->change) {
        event_free(folders->change);
        event_free(folders->quiet);
    }
    watch_close(folders->watch);
    folder_watch_init(folders, folders->base, folders->edited, folders->user);
}
