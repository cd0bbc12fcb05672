/* The front for clients without nng or protobuf: HTTP/1.1 with JSON. docs/HTTP.md. */
#pragma once

#include "core/base/text.h"
#include "front.h"

struct front_http_settings {
    /* addresses: HOST:PORT each. bytes_max: larger bodies are not read. probe: not used. */
    struct front_settings front;
    /* Called before a body is decoded: 0, or ERROR_DENIED. user is the handler's. */
    int (*check_token)(void *user, struct text token, struct error *ret_error);
    size_t body_max; /* bytes of a body that is decoded; larger ones, up to bytes_max, get 413 */
    size_t connections_max;
    int64_t patience_us; /* see http_guard.h */
};

/* Listens on all addresses or on none. ERROR_EXISTS: an address is in use. ERROR_INVALID,
 * ERROR_SYSTEM. The settings are copied, but not what they point to. */
int front_http_open(const struct front_http_settings *settings, struct front **ret_front,
                    struct error *ret_error);
