#include "request_check.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <string.h>

/* With two of them, the console and what is in front of it might pick different ones. */
static const char *const single_headers[] = {"Cookie", "X-CSRF-Token", "Origin", "Sec-Fetch-Site"};

static int check_single(const struct evkeyvalq *headers, const char *trusted,
                        struct http_refusal *refusal) {
    const char *value;
    for (size_t i = 0; i < sizeof single_headers / sizeof *single_headers; i++)
        if (http_header_count(headers, single_headers[i], &value) > 1)
            return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                               "the header %s is repeated", single_headers[i]);
    if (trusted && http_header_count(headers, trusted, &value) > 1)
        return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                           "the header %s is repeated: the proxy must drop what clients send",
                           trusted);
    return 0;
}

/* What is not plain ASCII has to come escaped (RFC 3986); evhttp does not mind. */
static int check_target(struct evhttp_request *http, struct http_refusal *refusal) {
    for (const char *at = evhttp_request_get_uri(http); *at; at++)
        if (*at <= ' ' || *at > '~')
            return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                               "the address has characters that must be escaped");
    return 0;
}

int request_check(struct evhttp_request *http, const char *trusted, size_t body_max,
                  struct http_refusal *refusal) {
    enum evhttp_cmd_type method = evhttp_request_get_command(http);
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(http);
    size_t length = evbuffer_get_length(evhttp_request_get_input_buffer(http));
    const char *value;
    int r = http_framing_check(http, refusal);
    if (r == 0)
        r = check_target(http, refusal);
    if (r == 0 && method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD &&
        method != EVHTTP_REQ_POST) {
        r = http_refuse(refusal, HTTP_BADMETHOD, ERROR_UNSUPPORTED, "",
                        "expected GET, HEAD or POST");
        refusal->allow = "GET, HEAD, POST";
    }
    if (r == 0)
        r = check_single(headers, trusted, refusal);
    if (r == 0 && method != EVHTTP_REQ_POST && length > 0)
        r = http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                        "a request with this method must not have a body");
    if (r == 0 && length > body_max)
        r = http_refuse(refusal, HTTP_ENTITYTOOLARGE, ERROR_TOO_LARGE, "",
                        "the body has %zu bytes; expected at most %zu", length, body_max);
    /* A form of another site cannot have this type without being asked for first (CORS). */
    if (r == 0 && method == EVHTTP_REQ_POST &&
        (http_header_count(headers, "Content-Type", &value) == 0 || !http_is_json(value)))
        r = http_refuse(refusal, 415, ERROR_UNSUPPORTED, "Content-Type",
                        "expected Content-Type: application/json");
    return r;
}
