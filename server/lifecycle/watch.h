/* Watches folders for changes with inotify, so that an edited policy is reloaded without a request
 * for it. It reports that something has changed, never what: a reload reads everything anyway.
 *
 * Watched are the folders with all subfolders, files and folders behind symbolic links, and the
 * links on the path: if `current -> releases/7` is switched, or a missing folder comes back, that
 * is a change. Names that begin with a dot are not part of a policy, except `..data`, through which
 * Kubernetes switches a mounted configuration.
 *
 * A file counts as changed once its writer has closed it. Network file systems do not report what
 * other machines change.
 *
 * No thread and no waiting: watch_descriptor() becomes readable, watch_read() tells whether to
 * care. One thread at a time. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct watch;

/* ERROR_SYSTEM: no inotify instance to be had (fs.inotify.max_user_instances). */
int watch_open(struct watch **ret_watch, struct error *ret_error);
void watch_close(struct watch *watch); /* NULL is allowed */

int watch_descriptor(const struct watch *watch);

/* Watches these folders instead of those before; paths are copied. ERROR_SYSTEM: some of it cannot
 * be watched (fs.inotify.max_user_watches); the rest is. */
int watch_set(struct watch *watch, const char *const *folders, size_t count,
              struct error *ret_error);

/* Reads the pending events. True: the content of the folders may have changed. New subfolders are
 * watched from now on, as far as possible. */
bool watch_read(struct watch *watch);
