/* Checks in this order: framing (http_framing.h), path and method, body headers, envelope. The
 * first failure is the answer. */
#include "http_request.h"

#include "http_framing.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TOKEN_BYTES_MAX   256
#define TRACEPARENT_BYTES 55

static const struct http_route routes[] = {
    {"/v1/score", CALL_SCORE, true},        {"/v1/outcomes", CALL_REPORT_OUTCOME, true},
    {"/v1/entity", CALL_GET_ENTITY, true},  {"/v1/explain", CALL_EXPLAIN, true},
    {"/v1/lists", CALL_GET_LIST, true},     {"/v1/list-changes", CALL_CHANGE_LIST, true},
    {"/v1/reload", CALL_RELOAD, true},      {"/v1/status", CALL_STATUS, false},
    {"/v1/amendments", CALL_AMEND, true},   {"/v1/brakes", CALL_CHANGE_BRAKE, true},
    {"/v1/find", CALL_FIND, true},          {"/v1/backfill", CALL_BACKFILL, true},
    {"/v1/openapi.yaml", CALL_NONE, false},
};

/* 401 asks for a token, 403 refuses the one that came. */
int http_status_of(enum error_code code, bool has_token) {
    switch (code) {
    case ERROR_INVALID:
        return 422;
    case ERROR_UNSUPPORTED:
        return 501;
    case ERROR_NOT_FOUND:
        return HTTP_NOTFOUND;
    case ERROR_ID_CONFLICT:
        return 409;
    case ERROR_TOO_LARGE:
        return HTTP_ENTITYTOOLARGE;
    case ERROR_DEADLINE:
        return 504;
    case ERROR_UNAVAILABLE:
    case ERROR_OVERLOADED:
        return HTTP_SERVUNAVAIL;
    case ERROR_NOT_PRIMARY:
        return 421;
    case ERROR_DENIED:
        return has_token ? 403 : 401;
    default:
        return HTTP_INTERNAL;
    }
}

/* ---- what is asked for ---- */

static int find_route(struct evhttp_request *http, struct http_request *request,
                      struct http_refusal *refusal) {
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
    const char *path = evhttp_uri_get_path(uri), *query = evhttp_uri_get_query(uri);
    enum evhttp_cmd_type method = evhttp_request_get_command(http);
    const struct http_route *route = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes && !route; i++)
        if (path && strcmp(path, routes[i].path) == 0)
            route = &routes[i];
    if (!route)
        return http_refuse(refusal, HTTP_NOTFOUND, ERROR_NOT_FOUND, "",
                           "unknown path; /v1/openapi.yaml lists the paths");
    if (route->has_body ? method != EVHTTP_REQ_POST
                        : method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        http_refuse(refusal, HTTP_BADMETHOD, ERROR_UNSUPPORTED, "", "expected %s",
                    route->has_body ? "POST" : "GET or HEAD");
        refusal->allow = route->has_body ? "POST" : "GET, HEAD";
        return -1;
    }
    if (query && *query)
        return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                           "this path takes no query parameters");
    request->route = route;
    return 0;
}

static int check_body(struct evhttp_request *http, const struct http_route *route, size_t body_max,
                      struct http_refusal *refusal) {
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(http);
    const char *type, *coding;
    size_t length = evbuffer_get_length(evhttp_request_get_input_buffer(http));
    if (!route->has_body)
        return length == 0 ? 0
                           : http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                                         "a request with this method must not have a body");
    if (http_header_count(headers, "Content-Type", &type) == 0 || !http_is_json(type))
        return http_refuse(refusal, 415, ERROR_UNSUPPORTED, "Content-Type",
                           "expected Content-Type: application/json");
    if (http_header_count(headers, "Content-Encoding", &coding) > 0 &&
        strcasecmp(coding, "identity") != 0)
        return http_refuse(refusal, 415, ERROR_UNSUPPORTED, "Content-Encoding",
                           "Content-Encoding is not supported");
    if (length > body_max)
        return http_refuse(
            refusal, HTTP_ENTITYTOOLARGE, ERROR_TOO_LARGE, "",
            "the body has %zu bytes; expected at most %zu (option max_message_bytes)", length,
            body_max);
    return 0;
}

/* ---- the envelope ---- */

static int read_token(const char *value, struct text *ret_token, struct http_refusal *refusal) {
    static const char scheme[] = "Bearer ";
    const char *token = value + strlen(scheme);
    bool good = strncasecmp(value, scheme, strlen(scheme)) == 0;
    token += good ? strspn(token, " ") : 0;
    size_t length = good ? strlen(token) : 0;
    good = length > 0 && length <= TOKEN_BYTES_MAX;
    for (size_t i = 0; i < length && good; i++)
        good = token[i] > ' ' && token[i] <= '~';
    if (!good)
        return http_refuse(refusal, 401, ERROR_DENIED, "Authorization",
                           "expected Authorization: Bearer TOKEN, with a token of 1 to %d bytes of "
                           "printable ASCII without spaces",
                           TOKEN_BYTES_MAX);
    *ret_token = (struct text){.data = token, .length = length};
    return 0;
}

static int read_deadline(const char *value, uint64_t *ret_deadline_us,
                         struct http_refusal *refusal) {
    uint64_t deadline_us = 0;
    bool good = *value != '\0';
    for (; *value && good; value++)
        good = *value >= '0' && *value <= '9' &&
               !__builtin_mul_overflow(deadline_us, UINT64_C(10), &deadline_us) &&
               !__builtin_add_overflow(deadline_us, (uint64_t)(*value - '0'), &deadline_us);
    if (!good || deadline_us > INT64_MAX)
        return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, HTTP_DEADLINE_HEADER,
                           HTTP_DEADLINE_HEADER
                           ": expected a number of microseconds, at most %" PRId64,
                           INT64_MAX);
    *ret_deadline_us = deadline_us;
    return 0;
}

static int read_envelope(struct evhttp_request *http, struct message_envelope *envelope,
                         struct http_refusal *refusal) {
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(http);
    const char *value;
    int r = 0;
    *envelope = (struct message_envelope){0};
    /* An invalid traceparent is not an error: tracing never fails a request. */
    if (http_header_count(headers, "Traceparent", &value) > 0 && strlen(value) == TRACEPARENT_BYTES)
        envelope->traceparent = text_of(value);
    if (http_header_count(headers, "Authorization", &value) > 0)
        r = read_token(value, &envelope->token, refusal);
    if (r == 0 && http_header_count(headers, HTTP_DEADLINE_HEADER, &value) > 0)
        r = read_deadline(value, &envelope->deadline_us, refusal);
    return r;
}

int http_request_read(struct evhttp_request *http, size_t body_max,
                      struct http_request *ret_request, struct http_refusal *ret_refusal) {
    enum evhttp_cmd_type method = evhttp_request_get_command(http);
    struct http_request request = {0};
    int r = http_framing_check(http, ret_refusal);
    bool doubtful = r < 0;
    if (r == 0) {
        r = find_route(http, &request, ret_refusal);
        doubtful = r < 0 && method != EVHTTP_REQ_HEAD && !http_reads_body(method);
    }
    if (r == 0) {
        r = check_body(http, request.route, body_max, ret_refusal);
        doubtful = r < 0 && !request.route->has_body; /* a proxy may see none there */
    }
    if (r == 0)
        r = read_envelope(http, &request.envelope, ret_refusal);
    if (r == 0)
        *ret_request = request;
    else
        ret_refusal->close = doubtful;
    return r;
}
