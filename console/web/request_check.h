/* Is a request one that the console reads in the only way it can be read? */
#pragma once

#include "server/front/http_framing.h"

/* Framing, method, length (of a body at most body_max), type, and headers that may come once;
 * trusted: one more of those, or NULL. 0, or -1 with *refusal filled; then the connection must be
 * closed. */
int request_check(struct evhttp_request *http, const char *trusted, size_t body_max,
                  struct http_refusal *refusal);
