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

struct probe {
    int descriptor;   /* -1: no probe is under way */
    bool ipc;         /* framed as nng does on Unix sockets */
    int64_t begun_us; /* monotonic */
};

void probe_init(struct probe *probe);

/* address: of a stream socket, TCP or Unix. Waits for no more than the connection, which to a
 * listener on this machine is immediate. Errors show as a missing answer. */
void probe_begin(struct probe *probe, const struct sockaddr *address, socklen_t address_length,
                 const void *request, size_t length, int64_t now_us);

/* An answer has begun to arrive. May be called once for each probe_begin(). */
bool probe_answered(const struct probe *probe);

void probe_end(struct probe *probe);
