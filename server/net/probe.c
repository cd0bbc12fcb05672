/* Greeting, header and request leave in one send(); the answer only needs to be recognised as ours.
 */
#include "probe.h"

#include "core/wire/message/sp.h"

#include <errno.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECT_MS_MAX   100 /* when the backlog is full, connect() blocks */
#define ANSWER_STEP      4096
#define ANSWER_BYTES_MAX (1u << 20)
#define REQUEST_ID       (SP_ID_TOP_BIT | 1)

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

static void send_request(struct probe *probe, const void *request, size_t length) {
    enum sp_stream stream = probe->ipc ? SP_IPC : SP_TCP;
    struct buffer bytes;
    buffer_init(&bytes);
    sp_greeting_write(buffer_reserve(&bytes, SP_GREETING_SIZE), SP_REQ);
    bytes.length += SP_GREETING_SIZE;
    bytes.length +=
        sp_header_write(buffer_reserve(&bytes, SP_HEADER_MAX), stream, SP_ID_SIZE + length);
    sp_id_write(buffer_reserve(&bytes, SP_ID_SIZE), REQUEST_ID);
    bytes.length += SP_ID_SIZE;
    buffer_append(&bytes, request, length);
    /* In one go: the socket buffer of a new connection has room for it. */
    ssize_t sent = send(probe->descriptor, bytes.bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 || (size_t)sent < bytes.length)
        probe_end(probe);
    buffer_deinit(&bytes);
}

void probe_begin(struct probe *probe, const struct sockaddr *address, socklen_t address_length,
                 const void *request, size_t length, int64_t now_us) {
    probe->begun_us = now_us;
    probe->ipc = address->sa_family == AF_UNIX;
    probe->descriptor = connect_to(address, address_length);
    if (probe->descriptor >= 0)
        send_request(probe, request, length);
}

void probe_begin_over(struct probe *probe, int descriptor, const void *request, size_t length,
                      int64_t now_us) {
    *probe = (struct probe){.descriptor = descriptor, .ipc = true, .begun_us = now_us};
    send_request(probe, request, length);
}

bool probe_answered(const struct probe *probe) {
    uint8_t bytes[SP_GREETING_SIZE + SP_HEADER_MAX + SP_ID_SIZE];
    size_t wanted = SP_GREETING_SIZE + sp_header_size(probe->ipc ? SP_IPC : SP_TCP) + SP_ID_SIZE;
    return probe->descriptor >= 0 &&
           recv(probe->descriptor, bytes, wanted, MSG_DONTWAIT) == (ssize_t)wanted &&
           sp_greeting_is(bytes, SP_REP) && sp_id_read(bytes + wanted - SP_ID_SIZE) == REQUEST_ID;
}

int probe_receive(const struct probe *probe, struct buffer *received, struct text *ret_answer) {
    enum sp_stream stream = probe->ipc ? SP_IPC : SP_TCP;
    size_t head = SP_GREETING_SIZE + sp_header_size(stream);
    uint64_t length = 0;
    if (probe->descriptor < 0)
        return -1;
    for (;;) {
        const uint8_t *bytes = received->bytes;
        if (received->length >= head &&
            (!sp_greeting_is(bytes, SP_REP) ||
             !sp_header_read(bytes + SP_GREETING_SIZE, stream, &length) || length < SP_ID_SIZE ||
             length > ANSWER_BYTES_MAX))
            return -1;
        if (received->length >= head && received->length - head >= length)
            break;
        ssize_t got = recv(probe->descriptor, buffer_reserve(received, ANSWER_STEP), ANSWER_STEP,
                           MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (got <= 0)
            return -1;
        received->length += (size_t)got;
    }
    if (sp_id_read(received->bytes + head) != REQUEST_ID)
        return -1;
    *ret_answer = (struct text){.data = (const char *)received->bytes + head + SP_ID_SIZE,
                                .length = (size_t)length - SP_ID_SIZE};
    return 1;
}

bool probe_finds_deaf(struct probe *probe, bool is_slow) {
    if (probe->begun_us == 0 || probe_answered(probe))
        probe->unanswered = 0;
    else if (!is_slow)
        probe->unanswered++;
    probe_end(probe);
    return probe->unanswered >= PROBE_UNANSWERED_MAX;
}

void probe_restart(struct probe *probe) {
    probe->unanswered = 0;
    probe->begun_us = 0;
}

void probe_end(struct probe *probe) {
    if (probe->descriptor >= 0)
        close(probe->descriptor);
    probe->descriptor = -1;
}
