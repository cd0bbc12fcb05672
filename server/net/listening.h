/* Listening sockets for the fronts of our own, and the lock on an ipc path, for all fronts. */
#pragma once

#include "core/base/error.h"
#include "ipc_access.h"

#include <sys/socket.h>
#include <sys/stat.h>

/* Makes sure that a path has one server; close(*ret_lock) releases it. The lock file is never
 * removed: otherwise two servers could hold locks on two files of the same name. ERROR_EXISTS:
 * another server has it. */
int listening_lock(const char *path, int *ret_lock, struct error *ret_error);

/* One listening socket; non-blocking. */
struct listening {
    int descriptor;
    struct sockaddr_storage where; /* the bound address: port 0 has become a real port */
    socklen_t where_length;
    dev_t device; /* of an ipc path: the file it created */
    ino_t inode;
};

/* address: tcp://, tls+tcp:// or ipc://, must have passed address_check(). For an ipc path the
 * caller holds the lock, and access says who may connect; a stale socket file is replaced.
 * ERROR_EXISTS: in use. ERROR_INVALID: the host has no address here. ERROR_SYSTEM. */
int listening_open(struct listening *listening, const char *address,
                   const struct ipc_access *access, struct error *ret_error);
/* After listening_close(): the same address again, with the same port. */
int listening_reopen(struct listening *listening, const char *address,
                     const struct ipc_access *access, struct error *ret_error);
/* Removes the socket file if it is still this socket's. May be called twice. */
void listening_close(struct listening *listening);
