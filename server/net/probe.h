/* Does a listener still answer? One request of the SP REQ/REP protocol over a connection of its
 * own: an old connection proves nothing about whether new ones are taken, and being connected, even
 * the greeting, proves nothing about whether requests are read.
 *
 * Plain sockets and no waiting: begin sends, and whoever comes back later looks what has arrived.
 * Not with nng's own client, although it speaks the same protocol: closing its socket just when an
 * answer comes can hang for ever in nng 1.5, and this runs in the thread that must not hang. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct probe {
    int descriptor; /* -1: none is on its way */
    bool ipc;       /* framed as nng does on Unix sockets */
    int64_t begun_us;
};

void probe_init(struct probe *probe);

/* address: of a stream socket, TCP or Unix. Does not wait for more than the connection to be made,
 * which to a listener on this machine is at once. What fails here shows as no answer. */
void probe_begin(struct probe *probe, const struct sockaddr *address, socklen_t address_length,
                 const void *request, size_t length, int64_t now_us);

/* An answer to it has begun to arrive. At most once for each begin. */
bool probe_answered(const struct probe *probe);

void probe_end(struct probe *probe);
