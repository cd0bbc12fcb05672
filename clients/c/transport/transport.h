/* Between a transport (stream.c, nng.c) and the endpoint that owns it.
 *
 * Downwards, the endpoint calls the transport's functions and puts exchanges into `unsent`; the
 * transport moves each one to `sent` when all of its bytes are written. Upwards, the transport
 * calls the handlers that it was opened with, so that it needs to know nothing of
 * endpoints, retries or other addresses. Handlers are called with the client's mutex held and must
 * not free the transport. */
#pragma once

#include "clients/c/exchange/client.h"

struct transport;

struct transport_handlers {
    void (*up)(struct transport *transport, int64_t now_us); /* connected, requests may be sent */
    /* The connection is gone. The exchanges in `sent` will get no answer from it. */
    void (*down)(struct transport *transport, int64_t now_us);
    /* The answer to request `id`, which may have ended meanwhile. payload: valid until it returns
     */
    void (*answered)(struct transport *transport, uint32_t id, const uint8_t *payload,
                     size_t length);
    /* The answer to request `id` exceeds MESSAGE_RESPONSE_SIZE_MAX; `down` follows. */
    void (*oversized)(struct transport *transport, uint32_t id, int64_t now_us);
};

struct transport {
    struct harrier_client *client;
    const struct transport_handlers *handlers;
    struct ring unsent, sent; /* exchanges, in the order of sending */
    char why[192];            /* it could not connect; "": nothing to say. For the user's error */
};
