/* Does a listener still answer? Sends one SP REQ over a new connection: an old connection does not
 * show whether new ones are accepted, and a connection, even its greeting, does not show whether
 * requests are read.
 *
 * Plain sockets, and nothing waits for the answer: probe_begin() sends, probe_answered() looks
 * later what has arrived. nng's own client is not used, although it speaks the protocol: in
 * nng 1.5, closing its socket just as an answer arrives can hang forever, and this thread must not.
 */
#pragma once

#include "core/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define PROBE_UNANSWERED_MAX 2 /* one may be lost by accident */

struct probe {
    int descriptor;      /* -1: no probe is under way */
    bool ipc;            /* framed as nng does on Unix sockets */
    int64_t begun_us;    /* monotonic; 0: nothing to judge */
    unsigned unanswered; /* in a row */
};

void probe_init(struct probe *probe);

/* address: of a stream socket, TCP or Unix. Waits for no more than the connection, which to a
 * listener on this machine is immediate. Errors show as a missing answer. */
void probe_begin(struct probe *probe, const struct sockaddr *address, socklen_t address_length,
                 const void *request, size_t length, int64_t now_us);

/* The same over a connection that is there already, framed as over ipc; it belongs to the probe
 * from then on. */
void probe_begin_over(struct probe *probe, int descriptor, const void *request, size_t length,
                      int64_t now_us);

/* An answer has begun to arrive. May be called once for each probe_begin(). */
bool probe_answered(const struct probe *probe);

/* Receives more of the answer. received: what came before, empty at first; the caller clears it for
 * each probe. 1: *ret_answer, in received, is the whole answer. 0: not yet. -1: the other side has
 * closed, or answers something else. */
int probe_receive(const struct probe *probe, struct buffer *received, struct text *ret_answer);

/* Judges the probe under way and ends it. True: PROBE_UNANSWERED_MAX in a row had no answer, so the
 * listener is deaf. is_slow: a request has been in the server for longer than the probe; then a
 * missing answer does not count. */
bool probe_finds_deaf(struct probe *probe, bool is_slow);
/* The listener was reopened: starts over. */
void probe_restart(struct probe *probe);

void probe_end(struct probe *probe);
