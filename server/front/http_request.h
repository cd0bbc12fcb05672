/* What an HTTP request asks for, or why it is refused before its body is decoded.
 */
#pragma once

#include "core/base/error.h"
#include "core/wire/message/message_json.h"
#include "http_framing.h"

#include <stdbool.h>
#include <stdint.h>

struct evhttp_request;

struct http_route {
    const char *path;
    enum call call; /* CALL_NONE: the OpenAPI file */
    bool has_body;  /* POST with a body of JSON, else GET and HEAD */
};

struct http_request {
    const struct http_route *route;
    struct message_envelope envelope; /* its texts point into the request's headers */
};

/* body_max: bytes. 0, or -1 with *ret_refusal filled. */
int http_request_read(struct evhttp_request *http, size_t body_max,
                      struct http_request *ret_request, struct http_refusal *ret_refusal);

/* The status for an error code: 422, 404, … has_token: the request had a token (403, not 401). */
int http_status_of(enum error_code code, bool has_token);
