/* One address of the front on nng. */
#pragma once

#include "front.h"
#include "server/net/probe.h"

#include <nng/nng.h>

/* Fills in the text and code for an error code of nng; returns it as an error of ours. */
int front_nng_error(struct error *ret_error, int code, const char *what);

/* Its ipc path stays locked while it is open: nng up to 1.5 lets a second server take the path from
 * the first. */
struct listener {
    const char *address;
    struct ipc_access ipc_access;
    int lock;       /* descriptor, -1: none needed */
    bool listening; /* id is valid */
    nng_listener id;
    /* The address for probes; length 0: it is not watched (ws). */
    struct sockaddr_storage where;
    socklen_t where_length;
    struct probe probe;
};

int listener_open(struct listener *listener, const char *address,
                  const struct ipc_access *ipc_access, nng_socket socket, struct error *ret_error);
/* Closes and listens again; the lock is kept. */
int listener_reopen(struct listener *listener, nng_socket socket, struct error *ret_error);
void listener_close(struct listener *listener);
