/* Watches folders for changes with inotify, so that an edited policy is loaded without being asked
 * for. It says that something has changed and never what: the reload reads everything anyway.
 *
 * Watched are the folders with all folders below them, files and folders behind symbolic links, and
 * the links on the way: what `current -> releases/7` names is loaded anew when it is switched, and
 * what is removed or not there yet when it comes back. Names that begin with a dot are no part of a
 * policy, but `..data` is how a mounted configuration is switched.
 *
 * A file counts as changed when whoever wrote it closes it, not before. Network file systems tell
 * nothing of what other machines change.
 *
 * No thread and no waiting: descriptor() becomes readable, read() says whether to care. One thread
 * at a time. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct watch;

/* ERROR_SYSTEM: the system has no more of them to give. */
int watch_open(struct watch **ret_watch, struct error *ret_error);
void watch_close(struct watch *watch); /* NULL is allowed */

int watch_descriptor(const struct watch *watch);

/* These folders from now on; copied. ERROR_SYSTEM: not all of what is there can be watched
 * (fs.inotify.max_user_watches). */
int watch_set(struct watch *watch, const char *const *folders, size_t count,
              struct error *ret_error);

/* Takes what has been told. True: the folders may have another content; those that are new are
 * watched, too, as far as possible. */
bool watch_read(struct watch *watch);
