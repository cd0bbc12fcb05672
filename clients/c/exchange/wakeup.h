/* Waking the thread that waits for the network, when something that it does not see itself has
 * changed: bytes to send, an earlier deadline, an exchange that ended. Mutex held. */
#pragma once

#include "clients/c/exchange/client.h"

/* Does nothing when no thread is waiting, or the one that is has been woken already. */
void wakeup(struct harrier_client *client);
/* Only if it would wait beyond at_us. */
void wakeup_before(struct harrier_client *client, int64_t at_us);
