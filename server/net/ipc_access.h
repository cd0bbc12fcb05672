/* Who may connect to an ipc address: the socket file's permissions.
 *
 * No client can connect between bind() and listen(), so a front that sets permissions there never
 * exposes the socket to more than they allow. A front that can only set them after listen() binds
 * with IPC_ACCESS_CLOSED, and granting opens the socket. */
#pragma once

#include "core/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define IPC_ACCESS_CLOSED 0600

struct ipc_access {
    mode_t mode;
    gid_t group; /* (gid_t)-1: the server's own */
};

/* mode: three octal digits, or four that begin with 0; must include read and write for the owner.
 * group: a name or a number; "" is the server's own. ERROR_INVALID. */
int ipc_access_parse(const char *mode, const char *group, struct ipc_access *ret_access,
                     struct error *ret_error);

/* Sets group and mode of the socket file. ERROR_SYSTEM: for example, the server is not a member of
 * the group. */
int ipc_access_grant(const char *path, const struct ipc_access *access, struct error *ret_error);
