/* What an HTTP request asks for, or why it is refused before anybody looks at its body.
 *
 * evhttp (libevent 2.1) is a lenient reader: two Content-Lengths, one beside Transfer-Encoding,
 * "+5", a space before the colon, a chunk of size "0x5" all pass, and a proxy in front may have
 * read the same bytes in another way (request smuggling). So what is not framed in the one plain
 * way is refused here, and its connection closed, so that nothing behind it is read. Chunked
 * bodies are refused altogether (411), which RFC 9112 §6.3 allows: a call's length is known. */
#pragma once

#include "core/base/error.h"
#include "core/wire/message/message_json.h"

#include <stdbool.h>
#include <stdint.h>

struct evhttp_request;

struct http_route {
    const char *path;
    enum call call; /* CALL_NONE: the description of the door itself */
    bool has_body;  /* POST with a body of JSON, else GET and HEAD */
};

struct http_request {
    const struct http_route *route;
    struct message_envelope envelope; /* its texts are the request's headers */
};

/* An answer that says no. */
struct http_refusal {
    int status;
    struct error error;
    char field[MESSAGE_JSON_PATH_MAX]; /* "": none */
    const char *allow;                 /* of 405; NULL: none */
    bool close; /* what follows on this connection cannot be trusted to be a request */
};

/* body_max: bytes. 0, or -1 with *ret_refusal filled. */
int http_request_read(struct evhttp_request *http, size_t body_max,
                      struct http_request *ret_request, struct http_refusal *ret_refusal);

/* For an error of the service or of the JSON: 422, 404, … has_token: a token came with it. */
int http_status_of(enum error_code code, bool has_token);
