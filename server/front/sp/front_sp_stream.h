/* The socket below a connection, plain or TLS, behind one interface. Reports to a listener; knows
 * nothing of SP, connections or the front. The loop's thread. */
#pragma once

#include "core/base/error.h"
#include "server/net/tls.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct bufferevent;

/* Called from the loop only, never from within a call of ours. user: as given to stream_open(). */
struct stream_listener {
    void (*readable)(void *user);
    void (*writable)(void *user);
    /* The peer is gone; is_tls_failure: the handshake or the encryption failed. */
    void (*lost)(void *user, bool is_tls_failure);
};

struct stream {
    int descriptor; /* -1: closed */
    bool reading, writing;
    const struct stream_listener *listener;
    void *user;
    struct event *readable, *writable; /* plain; else NULL */
    struct bufferevent *tls;           /* else NULL */
};

/* tls NULL: plain. Takes over the descriptor, and closes it when it fails. The stream must not move
 * while it is open. */
int stream_open(struct stream *stream, struct event_base *base, int descriptor, struct tls *tls,
                const struct stream_listener *listener, void *user, struct error *ret_error);
void stream_close(struct stream *stream); /* may be called twice */
/* Like recv() and send() on a non-blocking socket: bytes, 0 for the end, or -1 with errno. */
ssize_t stream_read(struct stream *stream, void *bytes, size_t size);
/* Bytes that are there to be read, as far as that is known. */
size_t stream_unread(const struct stream *stream);
ssize_t stream_write(struct stream *stream, const void *bytes, size_t size);
/* Which events the listener is called for. */
void stream_want(struct stream *stream, bool reading, bool writing);
/* Bytes accepted by stream_write() that the system has not taken yet; 0 for a plain socket. */
size_t stream_unsent(const struct stream *stream);
