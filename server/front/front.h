/* The front: how requests get in and answers out. The rest of the server knows no more of the
 * network than this page.
 *
 * A front listens on its addresses, hands each message to the handler, and sends what front_reply()
 * gives it back to whoever asked. Another one (another library, other transports) is another struct
 * front_kind. */
#pragma once

#include "core/base/error.h"
#include "core/base/metric.h"
#include "server/net/ipc_access.h"
#include "server/net/tls.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct front;

/* One message, as long as it has not been answered. */
struct front_request {
    struct front *front;
    const void *bytes; /* valid until front_reply() */
    size_t length;
    int64_t arrived_us; /* monotonic */
};

/* Called from any of the front's threads, several at a time. It must answer exactly once, before it
 * returns or later from any thread, and must not touch the request after that. */
struct front_handler {
    void (*handle)(void *user, struct front_request *request);
    /* The same for requests that came together, in their order: what they can share is done once.
     * NULL: handle() is called for each. */
    void (*handle_all)(void *user, struct front_request *const *requests, size_t count);
    /* May what is answered be far longer than these bytes? Then what its client has sent behind it
     * is left for later, when the client has taken that answer. NULL: never. */
    bool (*may_answer_much)(const void *bytes, size_t length);
    void *user;
};

struct front_settings {
    const char *const *addresses;
    size_t address_count;
    size_t requests_max;          /* given to the handler at the same time */
    size_t bytes_max;             /* of a message; the connection of a larger one is closed */
    struct ipc_access ipc_access; /* of the sockets of ipc addresses */
    /* The next six are for fronts of our own. */
    size_t connections_max;
    size_t connections_elsewhere; /* that other doors of the process may have beside these */
    size_t buffer_bytes_max; /* of requests and answers on their way, all connections together */
    int64_t idle_us;         /* a connection without traffic is closed; 0: never */
    int64_t stall_us;        /* so is one that leaves a message or its answers half-way; 0: never */
    struct tls_settings tls;
    const int *core; /* that the loop runs on; NULL: any */
    struct front_handler handler;
    const void *probe; /* a request that is always answered: what watch() sends */
    size_t probe_length;
    const struct clock *clock;
    struct log *log;
    struct metric_set *metrics;
};

struct front_kind {
    const char *name;
    /* Copies the bytes. Any thread. */
    void (*reply)(struct front_request *request, const void *bytes, size_t length);
    /* Looks whether every listener still answers, and mends those that do not. Called at intervals,
     * from one thread; does not wait for answers. */
    void (*watch)(struct front *front);
    /* Gives no more messages to the handler. True once all that it had are answered and it has
     * returned, so that what it uses may go; until then the caller comes again. Clients keep their
     * connections until close() and find, when they send again, another server. */
    bool (*drain)(struct front *front);
    /* Reads the files of certificates again, for connections that come. On failure the old ones
     * stay. Any thread. */
    int (*reload)(struct front *front, const struct tls_settings *tls, struct error *ret_error);
    /* Waits until everything given to the handler is answered, then frees. */
    void (*close)(struct front *front);
};

struct front {
    const struct front_kind *kind;
};

static inline void front_reply(struct front_request *request, const void *bytes, size_t length) {
    request->front->kind->reply(request, bytes, length);
}
static inline void front_watch(struct front *front) {
    front->kind->watch(front);
}
static inline bool front_drain(struct front *front) {
    return front->kind->drain(front);
}
static inline int front_reload(struct front *front, const struct tls_settings *tls,
                               struct error *ret_error) {
    return front->kind->reload ? front->kind->reload(front, tls, ret_error) : 0;
}
static inline void front_close(struct front *front) {
    if (front)
        front->kind->close(front);
}

/* Listens on all addresses, or on none, each with the front that address_front() (address.h) says.
 * ERROR_EXISTS: an address is in use. ERROR_INVALID, ERROR_SYSTEM. The settings are copied, but not
 * what they point to. */
int front_open(const struct front_settings *settings, struct front **ret_front,
               struct error *ret_error);
