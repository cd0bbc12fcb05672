/* Checks in this order: framing, path and method, body headers, envelope. The first failure is the
 * answer. */
#include "http_request.h"

#include "core/base/check.h"

#include <ctype.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#define TOKEN_BYTES_MAX   256
#define TRACEPARENT_BYTES 55
#define DEADLINE_HEADER   "Harrier-Deadline-Us"

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
        return HTTP_SERVUNAVAIL;
    case ERROR_NOT_PRIMARY:
        return 421;
    case ERROR_DENIED:
        return has_token ? 403 : 401;
    default:
        return HTTP_INTERNAL;
    }
}

__attribute__((format(printf, 5, 6))) static int refuse(struct http_refusal *refusal, int status,
                                                        enum error_code code, const char *field,
                                                        const char *format, ...) {
    va_list arguments;
    *refusal = (struct http_refusal){.status = status};
    snprintf(refusal->field, sizeof refusal->field, "%s", field);
    refusal->error.code = code;
    va_start(arguments, format);
    vsnprintf(refusal->error.text, sizeof refusal->error.text, format, arguments);
    va_end(arguments);
    return -1;
}

/* ---- framing ---- */

/* RFC 9110: token. */
static bool is_token(const char *string) {
    static const char *const marks = "!#$%&'*+-.^_`|~";
    const char *at = string;
    while (isalnum((unsigned char)*at) || (*at && strchr(marks, *at)))
        at++;
    return *at == '\0' && at > string;
}

/* No control characters but tabs: a line break in a value could smuggle a header. */
static bool is_field_value(const char *string) {
    for (; *string; string++)
        if ((unsigned char)*string < 0x20 ? *string != '\t' : *string == 0x7f)
            return false;
    return true;
}

/* How often the header occurs; *ret_value: the last one. */
static size_t count_header(const struct evkeyvalq *headers, const char *name,
                           const char **ret_value) {
    size_t count = 0;
    const struct evkeyval *header;
    *ret_value = NULL;
    TAILQ_FOREACH(header, headers, next)
    if (strcasecmp(header->key, name) == 0) {
        *ret_value = header->value;
        count++;
    }
    return count;
}

/* Headers that decide how the request is read, or who sent it: with two of them, proxy and server
 * might pick different ones. */
static const char *const single_headers[] = {"Host",          "Content-Length",    "Content-Type",
                                             "Authorization", DEADLINE_HEADER,     "Traceparent",
                                             "Expect",        "Transfer-Encoding", "Connection"};

static int check_headers(const struct evkeyvalq *headers, struct http_refusal *refusal) {
    const struct evkeyval *header;
    const char *value;
    TAILQ_FOREACH(header, headers, next) {
        if (!is_token(header->key))
            return refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                          "a header's name has invalid characters");
        if (!is_field_value(header->value))
            return refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                          "the header %.40s has control characters", header->key);
    }
    for (size_t i = 0; i < sizeof single_headers / sizeof *single_headers; i++)
        if (count_header(headers, single_headers[i], &value) > 1)
            return refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, single_headers[i],
                          "the header %s is repeated", single_headers[i]);
    return 0;
}

/* With any other method evhttp does not read the body, and would take it for the next request. */
static bool is_body_read(enum evhttp_cmd_type method) {
    return method & (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                     EVHTTP_REQ_OPTIONS | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
}

static int check_length(const struct evkeyvalq *headers, bool is_head,
                        struct http_refusal *refusal) {
    const char *coding, *length;
    count_header(headers, "Content-Length", &length);
    if (count_header(headers, "Transfer-Encoding", &coding) > 0)
        return refuse(refusal, 411, ERROR_UNSUPPORTED, "Transfer-Encoding",
                      "Transfer-Encoding is not supported; expected Content-Length");
    if (length && (*length == '\0' || length[strspn(length, "0123456789")] != '\0'))
        return refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "Content-Length",
                      "invalid Content-Length; expected a number of bytes");
    if (length && is_head && strspn(length, "0") < strlen(length))
        return refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "Content-Length",
                      "HEAD has no body");
    return 0;
}

static int check_framing(struct evhttp_request *http, struct http_refusal *refusal) {
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(http);
    enum evhttp_cmd_type method = evhttp_request_get_command(http);
    const char *host;
    bool known = http->major == 1 && (http->minor == 0 || http->minor == 1);
    bool needs_host = known && http->minor == 1;
    if (!known) {
        http->major = 1; /* the version of the answer */
        http->minor = 1;
        return refuse(refusal, 505, ERROR_UNSUPPORTED, "", "expected HTTP/1.1 or HTTP/1.0");
    }
    int r = check_headers(headers, refusal);
    if (r < 0)
        return r;
    if (count_header(headers, "Host", &host) == 0 && needs_host)
        return refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "Host",
                      "HTTP/1.1 requires the header Host");
    return check_length(headers, method == EVHTTP_REQ_HEAD, refusal);
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
        return refuse(refusal, HTTP_NOTFOUND, ERROR_NOT_FOUND, "",
                      "unknown path; /v1/openapi.yaml lists the paths");
    if (route->has_body ? method != EVHTTP_REQ_POST
                        : method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
        refuse(refusal, HTTP_BADMETHOD, ERROR_UNSUPPORTED, "", "expected %s",
               route->has_body ? "POST" : "GET or HEAD");
        refusal->allow = route->has_body ? "POST" : "GET, HEAD";
        return -1;
    }
    if (query && *query)
        return refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                      "this path takes no query parameters");
    request->route = route;
    return 0;
}

/* "application/json", with or without charset=utf-8. */
static bool is_json(const char *type) {
    static const char name[] = "application/json";
    if (strncasecmp(type, name, strlen(name)) != 0)
        return false;
    type += strlen(name);
    type += strspn(type, " \t");
    if (*type == '\0')
        return true;
    if (*type++ != ';')
        return false;
    type += strspn(type, " \t");
    return strcasecmp(type, "charset=utf-8") == 0 || strcasecmp(type, "charset=\"utf-8\"") == 0;
}

static int check_body(struct evhttp_request *http, const struct http_route *route, size_t body_max,
                      struct http_refusal *refusal) {
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(http);
    const char *type, *coding;
    size_t length = evbuffer_get_length(evhttp_request_get_input_buffer(http));
    if (!route->has_body)
        return length == 0 ? 0
                           : refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                                    "a request with this method must not have a body");
    if (count_header(headers, "Content-Type", &type) == 0 || !is_json(type))
        return refuse(refusal, 415, ERROR_UNSUPPORTED, "Content-Type",
                      "expected Content-Type: application/json");
    if (count_header(headers, "Content-Encoding", &coding) > 0 &&
        strcasecmp(coding, "identity") != 0)
        return refuse(refusal, 415, ERROR_UNSUPPORTED, "Content-Encoding",
                      "Content-Encoding is not supported");
    if (length > body_max)
        return refuse(refusal, HTTP_ENTITYTOOLARGE, ERROR_TOO_LARGE, "",
                      "the body has %zu bytes; expected at most %zu (option max_message_bytes)",
                      length, body_max);
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
        return refuse(refusal, 401, ERROR_DENIED, "Authorization",
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
        return refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, DEADLINE_HEADER,
                      DEADLINE_HEADER ": expected a number of microseconds, at most %" PRId64,
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
    if (count_header(headers, "Traceparent", &value) > 0 && strlen(value) == TRACEPARENT_BYTES)
        envelope->traceparent = text_of(value);
    if (count_header(headers, "Authorization", &value) > 0)
        r = read_token(value, &envelope->token, refusal);
    if (r == 0 && count_header(headers, DEADLINE_HEADER, &value) > 0)
        r = read_deadline(value, &envelope->deadline_us, refusal);
    return r;
}

int http_request_read(struct evhttp_request *http, size_t body_max,
                      struct http_request *ret_request, struct http_refusal *ret_refusal) {
    enum evhttp_cmd_type method = evhttp_request_get_command(http);
    struct http_request request = {0};
    int r = check_framing(http, ret_refusal);
    bool doubtful = r < 0;
    if (r == 0) {
        r = find_route(http, &request, ret_refusal);
        doubtful = r < 0 && method != EVHTTP_REQ_HEAD && !is_body_read(method);
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
