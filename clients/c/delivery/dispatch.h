/* Moves exchanges: to an endpoint, to the next one, into a back-off, to their end. Mutex held. */
#pragma once

#include "clients/c/exchange/exchange.h"
#include "clients/c/transport/transport.h"

/* What transports report; for endpoint_open(). */
extern const struct transport_handlers dispatch_handlers;

/* A new request, encoded and admitted. */
void dispatch_start(struct exchange *exchange);
/* Queues it on the best endpoint, or lets it wait for a connection. */
void dispatch_send(struct exchange *exchange);
/* Sends it again, at once if another endpoint is up and no standby, else after a back-off. Returns
 * false if its retries or its time are used up. reason: the metric's label. */
bool dispatch_again(struct exchange *exchange, const char *reason, int64_t now_us);
/* Sends it again after a standby refused it, at once if there is an endpoint that may be the
 * primary, else after a back-off. Returns false if its time is used up. */
bool dispatch_to_primary(struct exchange *exchange, int64_t now_us);
void dispatch_timer_fired(struct exchange *exchange, int64_t now_us);
/* Ends it and wakes what waits for it: a thread, the loop, or its endpoint if it is a probe. */
void dispatch_end(struct exchange *exchange, enum exchange_end end);
