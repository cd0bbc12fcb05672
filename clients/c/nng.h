/* nng's library for the addresses that stream.c does not speak (ws://, tls+tcp://, …): a REQ
 * socket in raw mode, so that request ids stay ours, with one message going out and one coming in.
 * Its threads bring what comes. Left out of a build without nng (-Dnng=disabled). */
#pragma once

#include <stdint.h>

struct link;
struct nng_link;

/* Begins to connect. NULL: the address is wrong, or nng is left out, and *ret_why says so. */
struct nng_link *nng_link_new(struct link *link, const char *address, const char **ret_why);
void nng_link_free(struct nng_link *nng);                  /* without the client's mutex */
void nng_link_flush(struct nng_link *nng, int64_t now_us); /* sends what is queued on the link */
