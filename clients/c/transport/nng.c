/* Locking: nng's callbacks take the client's mutex, so nothing that waits for callbacks (stopping,
 * freeing, closing) may be called with it held. Sending may: nng_send_aio() never runs a callback
 * before it returns. */
#include "clients/c/transport/nng.h"
#include "clients/c/base/clock.h"
#include "clients/c/exchange/exchange.h"
#include "clients/c/transport/transport.h"

#include "core/base/check.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <stdlib.h>

#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 500

struct nng_endpoint {
    struct transport *transport;
    nng_socket socket;
    nng_aio *sending, *receiving; /* one operation each, used again and again */
    int pipe;                     /* id of the connection; 0: not connected */
    bool busy;                    /* `sending` is under way */
    uint32_t sent_id;             /* id of the exchange that it sends */
    unsigned under_way;           /* messages that were sent and have no answer yet */
    bool ends;                    /* being freed: callbacks must not touch the transport any more */
    bool closes;                  /* nothing more is received */
};

static struct harrier_client *client_of(const struct nng_endpoint *nng) {
    return nng->transport->client;
}

/* ---------------------------------------------------------------------------------------------
 * Connections */

static void connected(nng_pipe pipe, nng_pipe_ev event, void *argument) {
    (void)event;
    struct nng_endpoint *nng = argument;
    client_lock(client_of(nng));
    nng->pipe = nng_pipe_id(pipe);
    if (!nng->ends)
        nng->transport->handlers->up(nng->transport, monotonic_us());
    client_unlock(client_of(nng));
}

static void disconnected(nng_pipe pipe, nng_pipe_ev event, void *argument) {
    (void)event;
    struct nng_endpoint *nng = argument;
    client_lock(client_of(nng));
    if (nng->pipe == nng_pipe_id(pipe)) { /* nng may have connected anew before it reports this */
        nng->pipe = 0;
        nng->under_way = 0;
        nng_aio_abort(nng->sending, NNG_ECANCELED);
        if (!nng->ends)
            nng->transport->handlers->down(nng->transport, monotonic_us());
    }
    client_unlock(client_of(nng));
}

/* ---------------------------------------------------------------------------------------------
 * Out */

/* nng owns the message from nng_send_aio() on, and frees it when it was sent. The id goes into the
 * header, where a raw REQ socket expects it. */
static bool send_one(struct nng_endpoint *nng, struct exchange *exchange, int64_t now_us) {
    nng_msg *message;
    if (nng_msg_alloc(&message, 0) != 0)
        return false;
    exchange_write_head(exchange, NULL, now_us);
    if (nng_msg_append(message, exchange->wire.bytes + exchange->wire_from,
                       exchange->wire.length - exchange->wire_from) != 0 ||
        nng_msg_header_append_u32(message, exchange->id) != 0) {
        nng_msg_free(message);
        return false;
    }
    nng->busy = true;
    nng->under_way++;
    nng->sent_id = exchange->id;
    exchange->wire_sent = 1; /* nng sends it from here on, even when its deadline has passed */
    nng_aio_set_msg(nng->sending, message);
    nng_send_aio(nng->socket, nng->sending);
    return true;
}

void nng_endpoint_flush(struct nng_endpoint *nng, int64_t now_us) {
    struct ring *first = ring_first(&nng->transport->unsent);
    if (!nng->busy && !nng->ends && first)
        send_one(nng, RING_OF(first, struct exchange, place), now_us);
}

static void message_sent(void *argument) {
    struct nng_endpoint *nng = argument;
    struct harrier_client *client = client_of(nng);
    int result = nng_aio_result(nng->sending);
    bool sent = result == 0;
    if (!sent) {
        nng_msg_free(nng_aio_get_msg(nng->sending));
        nng_aio_set_msg(nng->sending, NULL);
    }
    client_lock(client);
    nng->busy = false;
    if (!sent && nng->under_way > 0)
        nng->under_way--;
    struct exchange *exchange = exchange_find(client, nng->sent_id);
    if (sent && exchange && exchange->state == EXCHANGE_QUEUED) {
        exchange->state = EXCHANGE_SENT;
        ring_remove(&exchange->place);
        ring_append(&nng->transport->sent, &exchange->place);
    }
    /* Canceled: the connection broke, and there may be a new one already. */
    if (nng->pipe && (sent || result == NNG_ECANCELED))
        nng_endpoint_flush(nng, monotonic_us());
    client_unlock(client);
}

/* ---------------------------------------------------------------------------------------------
 * In */

/* Starts the next receive only after releasing the mutex, which the next callback takes. */
static void message_received(void *argument) {
    struct nng_endpoint *nng = argument;
    struct harrier_client *client = client_of(nng);
    if (nng_aio_result(nng->receiving) != 0)
        return; /* closed */
    nng_msg *message = nng_aio_get_msg(nng->receiving);
    uint32_t id = 0;
    nng_msg_header_trim_u32(message, &id);
    client_lock(client);
    if (nng->under_way > 0)
        nng->under_way--;
    if (!nng->ends)
        nng->transport->handlers->answered(nng->transport, id, nng_msg_body(message),
                                           nng_msg_len(message));
    bool closes = nng->closes;
    client_unlock(client);
    nng_msg_free(message);
    if (!closes)
        nng_recv_aio(nng->socket, nng->receiving);
}

/* ---------------------------------------------------------------------------------------------
 * The whole */

/* nng reconnects by itself, within the same bounds as stream.c. */
static int set_options(nng_socket socket) {
    int r = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, MESSAGE_RESPONSE_SIZE_MAX);
    if (r == 0)
        r = nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN);
    if (r == 0)
        r = nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    return r;
}

static int open_socket(struct nng_endpoint *nng, const char *address) {
    nng_dialer dialer;
    int r = set_options(nng->socket);
    if (r == 0)
        r = nng_aio_alloc(&nng->sending, message_sent, nng);
    if (r == 0)
        r = nng_aio_alloc(&nng->receiving, message_received, nng);
    if (r == 0)
        r = nng_pipe_notify(nng->socket, NNG_PIPE_EV_ADD_POST, connected, nng);
    if (r == 0)
        r = nng_pipe_notify(nng->socket, NNG_PIPE_EV_REM_POST, disconnected, nng);
    if (r == 0)
        r = nng_dialer_create(&dialer, nng->socket, address);
    if (r == 0)
        r = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    if (r == 0)
        nng_recv_aio(nng->socket, nng->receiving);
    return r;
}

struct nng_endpoint *nng_endpoint_new(struct transport *transport, const char *address,
                                      const char **ret_why) {
    struct nng_endpoint *nng = check_calloc(1, sizeof *nng);
    nng->transport = transport;
    int r = nng_req0_open_raw(&nng->socket);
    if (r != 0) {
        *ret_why = nng_strerror(r);
        free(nng);
        return NULL;
    }
    r = open_socket(nng, address);
    if (r != 0) {
        *ret_why = nng_strerror(r);
        nng_endpoint_free(nng);
        return NULL;
    }
    return nng;
}

/* nng_close() may hang for ever where a message arrives at the same time, in every nng before 1.8
 * (its issues 1543 and 1813), which Debian 12 has. So it waits for the answers that are under way,
 * and then for nng's own threads to be done with the last one; a server that is silent sends
 * nothing to collide with. */
#define QUIET_MS_MAX 1000
#define SETTLE_MS    20

static void quieten(struct nng_endpoint *nng) {
    struct harrier_client *client = client_of(nng);
    client_lock(client);
    nng->ends = true;
    bool was_used = nng->pipe;
    for (int i = 0; i < QUIET_MS_MAX && nng->pipe && (nng->under_way > 0 || nng->busy); i++) {
        client_unlock(client);
        nng_msleep(1);
        client_lock(client);
    }
    nng->closes = true;
    client_unlock(client);
    if (was_used)
        nng_msleep(SETTLE_MS);
}

void nng_endpoint_free(struct nng_endpoint *nng) {
    quieten(nng);
    nng_pipe_notify(nng->socket, NNG_PIPE_EV_ADD_POST, NULL, NULL);
    nng_pipe_notify(nng->socket, NNG_PIPE_EV_REM_POST, NULL, NULL);
    if (nng->sending)
        nng_aio_stop(nng->sending);
    if (nng->receiving)
        nng_aio_stop(nng->receiving);
    nng_close(nng->socket);
    if (nng->sending)
        nng_aio_free(nng->sending);
    if (nng->receiving)
        nng_aio_free(nng->receiving);
    free(nng);
}
