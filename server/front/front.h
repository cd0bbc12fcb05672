/* The front: how requests get in and answers out. The rest of the server knows no more of the
 * network than this header.
 *
 * A front listens on its addresses, hands each message to the handler, and sends the answer given
 * to front_reply() back to the client. Another library or transport is another struct front_kind.
 */
#pragma once

#include "core/base/error.h"
#include "core/base/metric.h"
#include "core/base/text.h"
#include "server/net/ipc_access.h"
#include "server/net/tls.h"
#include "server/ops/clock.h"
#include "server/ops/log.h"
#include "server/ops/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct front;

/* One message; valid until it is answered. */
struct front_request {
    struct front *front;
    const void *bytes; /* valid until front_reply() */
    size_t length;
    int64_t arrived_us; /* monotonic */
};

/* What a front has to know of a request while it waits. */
struct front_look {
    uint64_t deadline_us; /* after its arrival; 0: none */
    struct text token;    /* in the bytes; empty: none */
    bool asks_for_verdicts;
    bool may_answer_much; /* may the answer be far longer than this request? Then later requests of
                             the same client wait until it has read the answer. */
};

/* Called from any of the front's threads, several at a time. Must answer each request exactly once,
 * before it returns or later from any thread, and must not touch the request after that. */
struct front_handler {
    void (*handle)(void *user, struct front_request *request);
    /* The same for requests that arrived together, in their order, so that they can share work.
     * NULL: handle() is called for each. */
    void (*handle_all)(void *user, struct front_request *const *requests, size_t count);
    /* The next four are for our own front, which has a queue; all are quick. */
    /* Reads the beginning of a request, which may be anything. NULL: requests have neither
     * deadlines nor tokens, and short answers. */
    void (*look)(void *user, const void *bytes, size_t length, struct front_look *ret_look);
    /* The class of requests with this token, which may be wrong, and its weight, at least 1. NULL:
     * all are of one class. */
    void (*classify)(void *user, struct text token, uint64_t *ret_class, unsigned *ret_weight);
    /* Changes when classify() may say something else than before. With classify(). */
    unsigned (*classes_version)(void *user);
    /* The answer to a refused request, as look() saw it; valid for ever. NULL: none is refused. */
    struct text (*refusal)(void *user, enum front_refusal why, bool asks_for_verdicts);
    void *user;
};

struct front_settings {
    const char *const *addresses;
    size_t address_count;
    size_t requests_max;          /* with the handler at the same time */
    size_t bytes_max;             /* of a message; the connection of a larger one is closed */
    struct ipc_access ipc_access; /* of the sockets of ipc addresses */
    /* Of requests without a deadline, and how long a request may wait at most when requests wait
     * all the time, as a part of its deadline: front_pace.h. For our own front. */
    int64_t default_deadline_us;
    unsigned patience_percent;
    /* The next six are for our own fronts. */
    size_t connections_max;
    size_t connections_elsewhere; /* of other fronts of the process: descriptors to leave free */
    size_t buffer_bytes_max; /* of incomplete requests and unsent answers, over all connections */
    int64_t idle_us;         /* connections without traffic are closed; 0: never */
    int64_t stall_us;        /* those with an incomplete message or unread answers, too; 0: never */
    struct tls_settings tls;
    const int *core; /* for the loop's thread; NULL: any */
    struct front_handler handler;
    const void *probe; /* a request that is always answered, for watch() */
    size_t probe_length;
    const struct clock *clock;
    struct log *log;
    struct metric_set *metrics;
};

struct front_places; /* front_places.h */

#define FRONT_NOT_INSIDE (-2) /* of connect_inside(): this front never can */

struct front_kind {
    const char *name;
    /* Copies the bytes. Any thread. */
    void (*reply)(struct front_request *request, const void *bytes, size_t length);
    /* Probes every listener, and reopens those that do not answer. Called at intervals from one
     * thread; does not wait for answers. */
    void (*watch)(struct front *front);
    /* Appends its places. Called from the thread that calls watch(). NULL: it has none. */
    void (*find_places)(struct front *front, struct front_places *places);
    /* A connection that begins in the process itself, unencrypted, framed as over ipc: its
     * descriptor. -1: it cannot be made now. NULL: as FRONT_NOT_INSIDE. The same thread. */
    int (*connect_inside)(struct front *front);
    /* Stops giving messages to the handler. True once all earlier ones are answered and no call of
     * the handler is under way, so that what it uses may be freed; until then the caller calls
     * again. Clients stay connected until close(), and find another server with their next request.
     */
    bool (*drain)(struct front *front);
    /* Loads the certificate files again, for new connections. On failure the old ones stay. Any
     * thread. */
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
static inline void front_find_places(struct front *front, struct front_places *places) {
    if (front->kind->find_places)
        front->kind->find_places(front, places);
}
static inline int front_connect_inside(struct front *front) {
    return front->kind->connect_inside ? front->kind->connect_inside(front) : FRONT_NOT_INSIDE;
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

/* Listens on all addresses or on none, each with the front that address_front() chooses.
 * ERROR_EXISTS: an address is in use. ERROR_INVALID, ERROR_SYSTEM. The settings are copied, but not
 * what they point to. */
int front_open(const struct front_settings *settings, struct front **ret_front,
               struct error *ret_error);
