/* Clients and the network: requests on their way to the server, and answers on their way back.
 *
 * Requests are delivered late, in another order, twice, several together; answers get lost. There
 * are no sockets: a front of this module gives decoded messages to the service as any front does.
 */
#pragma once

#include "world.h"

#include "core/wire/message/message.h"
#include "server/base/service.h"

/* Starts the front's threads. */
void network_open(struct service *service);
/* Ends them; every request must be answered. */
void network_close(void);

/* Something that a client might do next. Returns at once. */
void network_act(void);
/* Requests that are not answered yet. */
unsigned network_waiting(void);
/* Asks again for what got no answer, or was refused for the moment. False: there is nothing. */
bool network_repeat(void);

/* A request whose answer is waited for. The response lives until the next call of it. */
struct response network_ask(const struct request *request);
