/* nng's library for the addresses that stream.c does not speak (ws://, ...): a REQ
 * socket in raw mode, so that request ids and retries stay ours, with one message on its way out
 * and one coming in at a time. nng's own threads bring connections and answers. nng_none.c takes
 * its place in a build without nng (-Dnng=disabled). */
#pragma once

#include <stdint.h>

struct transport;
struct nng_endpoint;

/* Begins to connect. NULL: the address is invalid, or nng is left out; *ret_why (static) says so.
 * Handlers may be called, by nng's threads, before this returns. Without the client's mutex. */
struct nng_endpoint *nng_endpoint_new(struct transport *transport, const char *address,
                                      const char **ret_why);
/* Waits until nng's callbacks have ended. Without the client's mutex, which they take. */
void nng_endpoint_free(struct nng_endpoint *nng);
/* Sends the first unsent exchange, unless one is on its way to nng: the next ones follow when nng
 * has taken it. Mutex held. */
void nng_endpoint_flush(struct nng_endpoint *nng, int64_t now_us);
