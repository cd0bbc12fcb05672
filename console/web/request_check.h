/* Is a request one that the console reads in the only way it can be read? */
#pragma once

#include "server/front/http_framing.h"

struct evbuffer;
struct evbuffer_cb_info;

/* Framing, method, length (of a body at most body_max), type, and headers that may come once;
 * trusted: one more of those, or NULL. 0, or -1 with *refusal filled; then the connection must be
 * closed. */
int request_check(struct evhttp_request *http, const char *trusted, size_t body_max,
                  struct http_refusal *refusal);

/* For evbuffer_add_cb() on a connection's input: evhttp takes a NUL for the end of a header, where
 * a proxy may have read on. No request has one, and in place of each comes a byte that is refused
 * wherever it stands. */
void request_spoil_nul(struct evbuffer *input, const struct evbuffer_cb_info *info, void *user);
