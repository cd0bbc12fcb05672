/* What an HTTP request asks for, or why it is refused before its body is decoded.
 *
 * evhttp (libevent 2.1) is lenient: two Content-Lengths, one beside Transfer-Encoding, "+5", a
 * space before the colon, a chunk size "0x5" all pass, and a proxy in front may have read the same
 * bytes differently (request smuggling). So every request that is not framed in the one plain way
 * is refused here and its connection closed, so that nothing after it is read. Chunked bodies are
 * refused altogether (411), which RFC 9112 §6.3 allows: the length of a call is known. */
#pragma once

#include "core/base/error.h"
#include "core/wire/message/message_json.h"

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

/* The answer to a request that is refused. */
struct http_refusal {
    int status;
    struct error error;
    char field[MESSAGE_JSON_PATH_MAX]; /* "": none */
    const char *allow;                 /* for 405: the header Allow; NULL: none */
    bool close;                        /* the next bytes of this connection may not be a request */
};

/* body_max: bytes. 0, or -1 with *ret_refusal filled. */
int http_request_read(struct evhttp_request *http, size_t body_max,
                      struct http_request *ret_request, struct http_refusal *ret_refusal);

/* The status for an error code: 422, 404, … has_token: the request had a token (403, not 401). */
int http_status_of(enum error_code code, bool has_token);
