/* Who may connect to an ipc address: the socket's permissions in the file system.
 *
 * Nobody can connect to a socket between bind() and listen(), so a front that grants there leaves
 * no moment in which it is open to more. A front that listens before it can grant binds with
 * IPC_ACCESS_CLOSED and is opened by granting. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define IPC_ACCESS_CLOSED 0600

struct ipc_access {
    mode_t mode;
    gid_t group; /* (gid_t)-1: the server's own */
};

/* mode: three octal digits, or four that begin with 0; the owner reads and writes. group: a name or
 * a number; "" is the server's own. ERROR_INVALID */
int ipc_access_parse(const char *mode, const char *group, struct ipc_access *ret_access,
                     struct error *ret_error);

/* ERROR_SYSTEM: the server is not a member of the group, for one. */
int ipc_access_grant(const char *path, const struct ipc_access *access, struct error *ret_error);
