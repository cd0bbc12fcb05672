/* Reading from a client, and when what is read had come. The loop's thread. */
#pragma once

#include "front_sp_connection.h"

/* Reads once. Sets has_more if there may be more. May close the connection. */
void receive(struct connection *connection);
/* When the bytes read last had come, at the latest. Monotonic. */
int64_t receive_arrived_us(const struct connection *connection, int64_t now_us);
/* To be called when a turn ends with more to read: what is left has come by now. */
void receive_later(struct connection *connection, int64_t now_us);
/* To be called when it is not read from now on, and when it is again. Both may be called twice. */
void receive_pause(struct connection *connection, int64_t now_us);
void receive_resume(struct connection *connection);
