#include "http_framing.h"

#include "core/base/check.h"

#include <ctype.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

int http_refuse(struct http_refusal *refusal, int status, enum error_code code, const char *field,
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

size_t http_header_count(const struct evkeyvalq *headers, const char *name,
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
static const char *const single_headers[] = {"Host",          "Content-Length",     "Content-Type",
                                             "Authorization", HTTP_DEADLINE_HEADER, "Traceparent",
                                             "Expect",        "Transfer-Encoding",  "Connection"};

static int check_headers(const struct evkeyvalq *headers, struct http_refusal *refusal) {
    const struct evkeyval *header;
    const char *value;
    TAILQ_FOREACH(header, headers, next) {
        if (!is_token(header->key))
            return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                               "a header's name has invalid characters");
        if (!is_field_value(header->value))
            return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "",
                               "the header %.40s has control characters", header->key);
    }
    for (size_t i = 0; i < sizeof single_headers / sizeof *single_headers; i++)
        if (http_header_count(headers, single_headers[i], &value) > 1)
            return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, single_headers[i],
                               "the header %s is repeated", single_headers[i]);
    return 0;
}

bool http_reads_body(enum evhttp_cmd_type method) {
    return method & (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                     EVHTTP_REQ_OPTIONS | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
}

static int check_length(const struct evkeyvalq *headers, bool is_head,
                        struct http_refusal *refusal) {
    const char *coding, *length;
    http_header_count(headers, "Content-Length", &length);
    if (http_header_count(headers, "Transfer-Encoding", &coding) > 0)
        return http_refuse(refusal, 411, ERROR_UNSUPPORTED, "Transfer-Encoding",
                           "Transfer-Encoding is not supported; expected Content-Length");
    if (length && (*length == '\0' || length[strspn(length, "0123456789")] != '\0'))
        return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "Content-Length",
                           "invalid Content-Length; expected a number of bytes");
    if (length && is_head && strspn(length, "0") < strlen(length))
        return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "Content-Length",
                           "HEAD has no body");
    return 0;
}

int http_framing_check(struct evhttp_request *http, struct http_refusal *refusal) {
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(http);
    enum evhttp_cmd_type method = evhttp_request_get_command(http);
    const char *host;
    bool known = http->major == 1 && (http->minor == 0 || http->minor == 1);
    bool needs_host = known && http->minor == 1;
    if (!known) {
        http->major = 1; /* the version of the answer */
        http->minor = 1;
        return http_refuse(refusal, 505, ERROR_UNSUPPORTED, "", "expected HTTP/1.1 or HTTP/1.0");
    }
    int r = check_headers(headers, refusal);
    if (r < 0)
        return r;
    if (http_header_count(headers, "Host", &host) == 0 && needs_host)
        return http_refuse(refusal, HTTP_BADREQUEST, ERROR_INVALID, "Host",
                           "HTTP/1.1 requires the header Host");
    return check_length(headers, method == EVHTTP_REQ_HEAD, refusal);
}

bool http_is_json(const char *type) {
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

void http_spoil_nul(struct evbuffer *input, const struct evbuffer_cb_info *info, void *user) {
    struct evbuffer_iovec pieces[16];
    struct evbuffer_ptr start;
    size_t left = info->n_added;
    (void)user;
    if (left == 0 ||
        evbuffer_ptr_set(input, &start, evbuffer_get_length(input) - left, EVBUFFER_PTR_SET) < 0)
        return;
    while (left > 0) {
        int count = evbuffer_peek(input, (ev_ssize_t)left, &start, pieces, 16);
        size_t seen = 0;
        for (int i = 0; i < count && i < 16; i++) {
            uint8_t *at = pieces[i].iov_base, *end = at + pieces[i].iov_len;
            seen += pieces[i].iov_len;
            while ((at = memchr(at, '\0', (size_t)(end - at))) != NULL)
                *at = '\1';
        }
        if (seen == 0 || seen >= left)
            return;
        left -= seen;
        check(evbuffer_ptr_set(input, &start, seen, EVBUFFER_PTR_ADD) == 0);
    }
}
