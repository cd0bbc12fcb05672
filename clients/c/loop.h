/* The library's one thread of a client: begun at the first harrier_score_submit(), it is the leader
 * of the poller from then on and runs the callbacks. */
#pragma once

#include "clients/c/exchange/client.h"

/* Does nothing if there is a loop, or the client is closing. Mutex held. */
int loop_begin(struct harrier_client *client, struct harrier_error *ret_error);
/* Returns when the thread has ended; no exchange may be under way. Without the mutex. */
void loop_end(struct harrier_client *client);
/* Is the calling thread this client's loop, that is, does it run a callback? */
bool loop_is_self(const struct harrier_client *client);
