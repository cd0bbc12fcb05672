/* Sockets to listen on: the one place where an address is taken, for the fronts that do it
 * themselves, and the lock on an ipc path, for all. */
#pragma once

#include "core/base/error.h"
#include "ipc_access.h"

#include <sys/socket.h>
#include <sys/stat.h>

/* A path has one server. The lock file stays behind on purpose: removing it would let two servers
 * hold two locks of the same name. close() gives the lock back. ERROR_EXISTS: another server. */
int listening_lock(const char *path, int *ret_lock, struct error *ret_error);

/* One socket that listens; non-blocking. */
struct listening {
    int descriptor;
    struct sockaddr_storage where; /* where it is bound: port 0 has become some port */
    socklen_t where_length;
    dev_t device; /* of an ipc path, the file that was made */
    ino_t inode;
};

/* address: tcp://, tls+tcp:// or ipc://, which has passed address_check(); of an ipc path the
 * caller holds the lock; access says who may connect to it. A socket file that nobody listens on is
 * replaced. ERROR_EXISTS: in use. ERROR_INVALID: the host has no address. ERROR_SYSTEM. */
int listening_open(struct listening *listening, const char *address,
                   const struct ipc_access *access, struct error *ret_error);
/* Again where it was before it was closed. */
int listening_reopen(struct listening *listening, const char *address,
                     const struct ipc_access *access, struct error *ret_error);
/* Removes the socket file if it is still this socket's. Twice is allowed. */
void listening_close(struct listening *listening);
