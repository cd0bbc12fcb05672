/* Does a listener still answer? Sends one SP REQ over a new connection: an old connection does not
 * show whether new ones are accepted, and a connection, even its greeting, does not show whether
 * requests are read.
 *
 * Plain sockets, and nothing waits for the answer: probe_begin() sends, probe_answered() looks
 * later what has arrived. nng's own client is not used, although it speaks the protocol: in
 * nng 1.5, closing its socket just as an answer arrives can hang forever, and this thread must not.
 */
#pragma once

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

/* An answer has begun to arrive. May be called once for each probe_begin(). */
bool probe_answered(const struct probe *probe);

/* Judges the probe under way and ends it. True: PROBE_UNANSWERED_MAX in a row had no answer, so the
 * listener is deaf. is_slow: a request has been in the server for longer than the probe; then a
 * missing answer does not count. */
bool probe_finds_deaf(struct probe *probe, bool is_slow);
/* The listener was reopened: starts over. */
void probe_restart(struct probe *probe);

void probe_end(struct probe *probe);
