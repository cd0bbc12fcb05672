/* Exchanges for requests: idle ones to be reused, and the limit on how many are in flight.
 *
 * A call takes an exchange, prepares its request, is admitted, sends, releases, and puts the
 * exchange back. Two limits are apart: any number of calls may hold an exchange (client->callers),
 * while only in_flight_max of them are admitted at a time. */
#pragma once

#include "clients/c/exchange/exchange.h"

/* An exchange for one request, whose time runs from here on (begun_at_us). Never NULL. From here
 * until it is put back, harrier_client_close() waits for the caller. Without the mutex. */
struct exchange *exchange_pool_take(struct harrier_client *client);
/* Gives it back, and reports the metrics that were recorded. Without the mutex. */
void exchange_pool_put(struct exchange *exchange);

/* Admits the request: returns 0, -HARRIER_ERROR_CLOSED, or -HARRIER_ERROR_BUSY if there is no room,
 * at once or, with may_wait, until its deadline. Mutex held, released while it waits. */
int exchange_pool_admit(struct exchange *exchange, bool may_wait);
/* The request is over: makes room for another one, and credits the endpoint that answered. Mutex
 * held. */
void exchange_pool_release(struct exchange *exchange);
