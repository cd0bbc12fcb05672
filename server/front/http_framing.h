/* Is an HTTP request framed in the one plain way? For the HTTP front and the console.
 *
 * evhttp (libevent 2.1) is lenient: two Content-Lengths, one beside Transfer-Encoding, "+5", a
 * space before the colon, a chunk size "0x5" all pass, and a proxy in front may have read the same
 * bytes differently (request smuggling). So every request that is not framed in the one plain way
 * is refused here and its connection closed, so that nothing after it is read. Chunked bodies are
 * refused altogether (411), which RFC 9112 §6.3 allows: the length of a call is known. */
#pragma once

#include "core/base/error.h"
#include "core/wire/message/message_json.h"

#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTP_DEADLINE_HEADER "Harrier-Deadline-Us"

struct evbuffer;
struct evbuffer_cb_info;
struct evkeyvalq;

/* The answer to a request that is refused. */
struct http_refusal {
    int status;
    struct error error;
    char field[MESSAGE_JSON_PATH_MAX]; /* "": none */
    const char *allow;                 /* for 405: the header Allow; NULL: none */
    bool close;                        /* the next bytes of this connection may not be a request */
};

/* Fills *refusal; -1, so that a refusal is one line: return http_refuse(…). */
int http_refuse(struct http_refusal *refusal, int status, enum error_code code, const char *field,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Version, headers, length: 0, or -1 with *refusal filled; then the connection must be closed. */
int http_framing_check(struct evhttp_request *http, struct http_refusal *refusal);

/* How often the header occurs; *ret_value: the last one, or NULL. */
size_t http_header_count(const struct evkeyvalq *headers, const char *name, const char **ret_value);
/* With any other method evhttp does not read the body, and would take it for the next request. */
bool http_reads_body(enum evhttp_cmd_type method);
/* A Content-Type: "application/json", with or without charset=utf-8. */
bool http_is_json(const char *type);
/* For evbuffer_add_cb() on a connection's input: evhttp takes a NUL for the end of a header, where
 * a proxy may have read on. No request has one, and in place of each comes a byte that is refused
 * wherever it stands. */
void http_spoil_nul(struct evbuffer *input, const struct evbuffer_cb_info *info, void *user);
