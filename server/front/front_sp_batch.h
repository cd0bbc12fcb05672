/* Requests on their way to the handler: all that one turn of the loop has read goes there together,
 * and each connection's answers leave in one write. The loop's thread. */
#pragma once

#include "front_sp_connection.h"

/* Answers and writes whatever can be, for a list of connections linked by next_due. They may be
 * freed. */
void batch_serve_all(struct connection *due);
/* The same for one that is on no list. */
void batch_serve(struct connection *connection);
/* At the end of every callback of the loop: once nothing else is left in this turn, serves all
 * connections that are due together, and those that wait for a slot. */
void batch_settle(struct front_sp *front);
/* The same at once. */
void batch_settle_now(struct front_sp *front);
/* At the front's end: empty the list of connections that are due, and that of those that wait for a
 * slot. The closed ones are freed. */
void batch_drop_due(struct front_sp *front);
void batch_drop_waiting(struct front_sp *front);
