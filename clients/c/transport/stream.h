/* The SP protocol (REQ side) on a socket of our own, for tcp://, tls+tcp:// and ipc://: connecting
 * and reconnecting, the greeting, frames out and in.
 *
 * Never blocks: the poller calls stream_ready() when the socket is ready and stream_timer() when it
 * is time. All functions need the client's mutex; stream_ready() releases it while it reads. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct exchange;
struct stream;
struct transport;

bool stream_takes(const char *address);     /* tcp://, tls+tcp:// or ipc:// */
bool stream_is_secure(const char *address); /* tls+tcp:// */

/* Begins to connect. NULL: the address is invalid, and *ret_why (static) says why. transport must
 * outlive the stream; no handler is called before this returns. */
struct stream *stream_new(struct transport *transport, const char *address, const char **ret_why);
void stream_free(struct stream *stream);

/* Fills in the descriptor and the events to poll for; fd is -1 while there is no socket. */
void stream_poll(const struct stream *stream, struct pollfd *ret_poll);
void stream_ready(struct stream *stream, int64_t now_us);
int64_t stream_next_at(const struct stream *stream);      /* INT64_MAX: no timer */
void stream_timer(struct stream *stream, int64_t now_us); /* may be called early */

/* Writes the unsent exchanges, as far as the socket takes them. */
void stream_flush(struct stream *stream, int64_t now_us);
/* It has bytes that the socket has not taken, of exchanges that it does not have any more. */
bool stream_has_output(const struct stream *stream);
/* A partly written exchange is about to leave `unsent`: keeps a copy of the rest of its frame,
 * which must still be written, or the server could not find the next frame. */
void stream_keep_rest(struct stream *stream, const struct exchange *exchange);
