/* A client of our own, for one request. */
#include "front_nng_internal.h"

#include "core/base/check.h"

#include <nng/protocol/reqrep0/req.h>

#include <stdlib.h>

#define ANSWER_BYTES_MAX (1u << 20)

struct probe {
    nng_socket socket;
    nng_aio *aio;
    bool sent; /* only the callback looks at it */
    int64_t begun_us;
    _Atomic enum probe_state state;
};

static void step(void *user) {
    struct probe *probe = user;
    if (nng_aio_result(probe->aio) != 0) {
        if (!probe->sent)
            nng_msg_free(nng_aio_get_msg(probe->aio));
        atomic_store(&probe->state, PROBE_FAILED);
    } else if (!probe->sent) {
        probe->sent = true;
        nng_recv_aio(probe->socket, probe->aio);
    } else {
        nng_msg_free(nng_aio_get_msg(probe->aio));
        atomic_store(&probe->state, PROBE_ANSWERED);
    }
}

static int open_socket(struct probe *probe, const char *address) {
    int code = nng_req0_open(&probe->socket);
    if (code != 0)
        return code;
    code = nng_socket_set_size(probe->socket, NNG_OPT_RECVMAXSZ, ANSWER_BYTES_MAX);
    if (code == 0) /* does not wait until it is connected */
        code = nng_dial(probe->socket, address, NULL, NNG_FLAG_NONBLOCK);
    if (code != 0)
        nng_close(probe->socket);
    return code;
}

struct probe *probe_begin(const char *address, const void *bytes, size_t length, int64_t now_us) {
    struct probe *probe = check_calloc(1, sizeof *probe);
    nng_msg *message;
    probe->begun_us = now_us;
    atomic_init(&probe->state, PROBE_WAITING);
    if (open_socket(probe, address) != 0)
        goto no_socket;
    if (nng_aio_alloc(&probe->aio, step, probe) != 0)
        goto no_aio;
    nng_aio_set_timeout(probe->aio, NNG_DURATION_INFINITE);
    if (nng_msg_alloc(&message, 0) != 0)
        goto no_message;
    if (nng_msg_append(message, bytes, length) != 0) {
        nng_msg_free(message);
        goto no_message;
    }
    nng_aio_set_msg(probe->aio, message);
    nng_send_aio(probe->socket, probe->aio);
    return probe;
no_message:
    nng_aio_free(probe->aio);
no_aio:
    nng_close(probe->socket);
no_socket:
    free(probe);
    return NULL;
}

enum probe_state probe_state(const struct probe *probe) {
    return atomic_load(&probe->state);
}

int64_t probe_begun_us(const struct probe *probe) {
    return probe->begun_us;
}

void probe_end(struct probe *probe) {
    if (!probe)
        return;
    nng_aio_stop(probe->aio);
    nng_close(probe->socket);
    nng_aio_free(probe->aio);
    free(probe);
}
