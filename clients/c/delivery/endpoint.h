/* One address: its transport, whether it is used (route.h), and the probes of one that was ejected.
 *
 * Functions that react to a connection only keep this endpoint's own state; what it means for the
 * exchanges on it is decided in dispatch.c. Mutex held unless a comment says otherwise. */
#pragma once

#include "clients/c/delivery/route.h"
#include "clients/c/exchange/exchange.h"
#include "clients/c/transport/transport.h"

struct nng_endpoint;
struct pollfd;
struct stream;

struct endpoint {
    struct transport transport; /* first, see endpoint_of() */
    char *address;
    struct route route;
    struct exchange *probe; /* used again for every probe */
    struct stream *stream;  /* one of these two is NULL */
    struct nng_endpoint *nng;
};

static inline struct endpoint *endpoint_of(struct transport *transport) {
    return (struct endpoint *)transport;
}

/* Begins to connect. Without the mutex; endpoint_close() also after a failure. */
int endpoint_open(struct harrier_client *client, struct endpoint *endpoint, const char *address,
                  const struct transport_handlers *handlers, struct harrier_error *ret_error);
void endpoint_close(struct endpoint *endpoint); /* without the mutex; no exchange is on it */

/* Where the exchange goes next; NULL: none is connected. Without standbys that is the first that is
 * up, else the first that is connected. Standbys have it in turns. */
struct endpoint *endpoint_choose(const struct exchange *exchange);
/* One that may be the primary and has not refused the exchange since its last wait; NULL: none. */
struct endpoint *endpoint_untried(const struct exchange *exchange);
/* Whether there is one to go to from this one: up and no standby. */
bool endpoint_another_may_decide(const struct endpoint *endpoint);

/* ---- its connection and its record ---- */

void endpoint_set_connected(struct endpoint *endpoint, bool connected);
void endpoint_failed(struct endpoint *endpoint, int64_t now_us);
void endpoint_succeeded(struct endpoint *endpoint);
void endpoint_probed(struct endpoint *endpoint); /* its probe has ended */
/* Marks it as a standby, because it answered the exchange so; whom it named loses the mark. */
void endpoint_mark(struct exchange *exchange, struct text primary);
/* It answered the exchange in another way: not a standby, if the exchange is of those that write.
 */
void endpoint_unmark(const struct exchange *exchange);

/* ---- the exchanges on it ---- */

/* Gives the exchange an id for this sending and appends it to those to be sent. */
void endpoint_enqueue(struct endpoint *endpoint, struct exchange *exchange);
/* Something is queued, or waits in the connection for room in the socket. */
bool endpoint_wants_to_write(const struct endpoint *endpoint);
/* Writes what is queued, as far as the connection takes it. */
void endpoint_flush(struct endpoint *endpoint, int64_t now_us);
/* Takes the exchange off the list that it is in, of whichever endpoint or of the client. */
void endpoint_forget(struct exchange *exchange);

/* ---- for the poller ---- */

void endpoint_poll(const struct endpoint *endpoint, struct pollfd *ret_poll); /* fd -1: nothing */
void endpoint_ready(struct endpoint *endpoint, int64_t now_us);
int64_t endpoint_next_at(const struct endpoint *endpoint); /* INT64_MAX: no timer */
void endpoint_timers(struct endpoint *endpoint, int64_t now_us);
