/* Which thread waits for the network: see poller.c. Mutex held; the functions that wait release it
 * meanwhile. */
#pragma once

#include "clients/c/delivery/endpoint.h"

/* Returns when the exchange has ended; the calling thread leads or follows until then. */
void poller_until_ended(struct exchange *exchange);
/* Looks at the network once without waiting, if no thread has done so for a while. */
void poller_peek(struct harrier_client *client, int64_t now_us);
/* As the leader: sends, waits until until_us at the latest, reads, and fires timers. */
void poller_step(struct harrier_client *client, int64_t until_us);
/* Writes what is queued on endpoint (NULL: nothing), in the calling thread. */
void poller_flush(struct harrier_client *client, struct endpoint *endpoint, int64_t now_us);
