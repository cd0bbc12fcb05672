/* SP REQ on a socket of our own, for tcp:// and ipc://: connecting and connecting again, the
 * greeting, frames out and in. Never blocks: the pump says when the socket is ready, and when it is
 * time. Under the client's mutex, which is given up while bytes are read. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct exchange;
struct endpoint;
struct stream;

bool stream_takes(const char *address); /* its scheme is ours */

/* Begins to connect. NULL: the address is wrong, and *ret_why says how. */
struct stream *stream_new(struct endpoint *endpoint, const char *address, const char **ret_why);
void stream_free(struct stream *stream);

/* What to poll for; fd stays -1 when there is nothing. */
void stream_poll(const struct stream *stream, struct pollfd *ret_poll);
void stream_ready(struct stream *stream, int64_t now_us);
int64_t stream_next_at(const struct stream *stream);      /* INT64_MAX: nothing is planned */
void stream_timer(struct stream *stream, int64_t now_us); /* does what is due, if anything is */

/* Sends what is queued on the link, as far as the socket takes it. */
void stream_flush(struct stream *stream, int64_t now_us);
/* The exchange leaves the queue with only a part of it sent: the rest must follow. */
void stream_keep_rest(struct stream *stream, const struct exchange *exchange);
