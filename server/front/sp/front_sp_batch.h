/* Requests on their way to the handler: all that one turn of the loop has read goes there together,
 * and each connection's answers leave in one write. The loop's thread. */
#pragma once

#include "front_sp_connection.h"

/* At the end of every callback of the loop: once nothing else is left in this turn, takes the
 * requests of all connections that are due into the queue and hands a batch of it to the handler.
 * Connections may be freed. */
void batch_settle(struct front_sp *front);
/* The same at once. */
void batch_settle_now(struct front_sp *front);
/* At the front's end: empties the list of connections that are due. The closed ones are freed. */
void batch_drop_due(struct front_sp *front);
