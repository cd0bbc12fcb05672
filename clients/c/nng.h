/* nng's library for the addresses that stream.c does not speak (ws://, tls+tcp://, …): a REQ
 * socket in raw mode, so that request ids stay ours, with one message going out and one coming in.
 * Its threads bring what comes. Left out of a build without nng (-Dnng=disabled). */
#pragma once

#include <stdint.h>

struct endpoint;
struct nng_endpoint;

/* Begins to connect. NULL: the address is wrong, or nng is left out, and *ret_why says so. */
struct nng_endpoint *nng_endpoint_new(struct endpoint *endpoint, const char *address,
                                      const char **ret_why);
void nng_endpoint_free(struct nng_endpoint *nng); /* without the client's mutex */
void nng_endpoint_flush(struct nng_endpoint *nng,
                        int64_t now_us); /* sends what is queued on the link */
