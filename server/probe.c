/* The bytes (nng's and nanomsg's SP over streams):
 *
 *   greeting   00 'S' 'P' 00, protocol number big-endian, 00 00          8 bytes, each side sends
 * its own message    on Unix sockets 01, then the length, 8 bytes big-endian the request's id, 4
 * bytes with the top bit set, as REQ and REP want it the body */
#include "probe.h"

#include "core/base/buffer.h"

#include <sys/time.h>
#include <unistd.h>

#define CONNECT_MS_MAX  100
#define GREETING_SIZE   8
#define REQUEST_ID      "\x80\0\0\1"
#define REQUEST_ID_SIZE 4

static const uint8_t greeting_req[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
static const uint8_t greeting_rep[GREETING_SIZE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

void probe_init(struct probe *probe) {
    *probe = (struct probe){.descriptor = -1};
}

static int connect_to(const struct sockaddr *address, socklen_t length) {
    int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    const struct timeval limit = {.tv_usec = CONNECT_MS_MAX * 1000};
    if (setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
        connect(descriptor, address, length) == 0)
        return descriptor;
    close(descriptor);
    return -1;
}

void probe_begin(struct probe *probe, const struct sockaddr *address, socklen_t address_length,
                 const void *request, size_t length, int64_t now_us) {
    probe->begun_us = now_us;
    probe->ipc = address->sa_family == AF_UNIX;
    probe->descriptor = connect_to(address, address_length);
    if (probe->descriptor < 0)
        return;
    struct buffer bytes;
    buffer_init(&bytes);
    buffer_append(&bytes, greeting_req, sizeof greeting_req);
    if (probe->ipc)
        buffer_append_u8(&bytes, 1);
    for (int shift = 56; shift >= 0; shift -= 8)
        buffer_append_u8(&bytes, (uint8_t)((uint64_t)(length + REQUEST_ID_SIZE) >> shift));
    buffer_append(&bytes, REQUEST_ID, REQUEST_ID_SIZE);
    buffer_append(&bytes, request, length);
    /* All at once: a new connection's buffer has room for it. */
    ssize_t sent = send(probe->descriptor, bytes.bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 || (size_t)sent < bytes.length)
        probe_end(probe);
    buffer_deinit(&bytes);
}

bool probe_answered(const struct probe *probe) {
    uint8_t bytes[GREETING_SIZE + 1 + 8 + REQUEST_ID_SIZE];
    size_t wanted = sizeof bytes - (probe->ipc ? 0 : 1);
    return probe->descriptor >= 0 &&
           recv(probe->descriptor, bytes, wanted, MSG_DONTWAIT) == (ssize_t)wanted &&
           memcmp(bytes, greeting_rep, GREETING_SIZE) == 0 &&
           memcmp(bytes + wanted - REQUEST_ID_SIZE, REQUEST_ID, REQUEST_ID_SIZE) == 0;
}

void probe_end(struct probe *probe) {
    if (probe->descriptor >= 0)
        close(probe->descriptor);
    probe->descriptor = -1;
}
