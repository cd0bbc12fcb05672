/* What front_nng.c, front_nng_listener.c and front_nng_probe.c share. */
#pragma once

#include "front_nng.h"

#include <nng/nng.h>

#include <stdatomic.h>

/* code: what nng returned. */
int front_nng_error(struct error *ret_error, int code, const char *what);

/* One address. Its ipc path stays locked for as long as it is open: nng up to 1.5 lets a second
 * server take the path from the first. */
struct listener {
    const char *address;
    int lock;       /* descriptor, -1: none needed */
    bool listening; /* id is valid */
    nng_listener id;
    struct probe *probe; /* on its way, or NULL */
    unsigned unanswered; /* probes in a row */
};

int listener_open(struct listener *listener, const char *address, nng_socket socket,
                  struct error *ret_error);
/* Closes and listens again; the lock is kept. */
int listener_reopen(struct listener *listener, nng_socket socket, struct error *ret_error);
void listener_close(struct listener *listener);

/* A request that a client of our own sends to one address over a connection of its own: an old
 * connection proves nothing about whether the listener takes new ones. */
struct probe;
enum probe_state { PROBE_WAITING, PROBE_ANSWERED, PROBE_FAILED };

/* Does not block. NULL when the library has no room for it. */
struct probe *probe_begin(const char *address, const void *bytes, size_t length, int64_t now_us);
enum probe_state probe_state(const struct probe *probe);
int64_t probe_begun_us(const struct probe *probe);
void probe_end(struct probe *probe); /* NULL is allowed */
