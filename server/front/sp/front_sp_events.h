/* What the loop reports of a client: it came, its socket is readable, time passed. */
#pragma once

#include "front_sp_connection.h"

/* Takes over the descriptor. */
void connection_open(struct front_sp *front, int descriptor, enum sp_stream kind, struct tls *tls);
/* Closes it if it has been idle or stalled for too long. */
void connection_check(struct connection *connection, int64_t now_us);
