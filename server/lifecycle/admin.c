/* On the main loop: handlers must be quick, and a scrape waits while the loop is busy. */
#include "admin.h"

#include "core/base/check.h"
#include "server/front/http_guard.h"
#include "server/net/address.h"
#include "server/ops/clock.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>

#define HEADER_BYTES_MAX 8192
#define BODY_BYTES_MAX   4096 /* no page takes a body */
#define IDLE_SECONDS     10   /* evhttp closes connections without traffic */
/* For those that send a byte now and then, and for crowds: scrapers need a few. */
#define CONNECTIONS_MAX 256
#define PATIENCE_US     INT64_C(15000000)

struct admin {
    struct evhttp *http;
    struct http_guard *guard;
    struct service *service;
    struct metric_set *metrics;
};

static void send_text(struct evhttp_request *request, int code, const char *type,
                      const struct buffer *text) {
    struct evbuffer *body = evbuffer_new();
    check(body && evbuffer_add(body, text->bytes, text->length) == 0);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_send_reply(request, code, NULL, body);
    evbuffer_free(body);
}

static void live(struct admin *admin, struct evhttp_request *request, struct buffer *text) {
    (void)admin;
    buffer_printf(text, "live\n");
    send_text(request, HTTP_OK, "text/plain; charset=utf-8", text);
}

/* The status code is for machines, the reason for people. */
static void ready(struct admin *admin, struct evhttp_request *request, struct buffer *text) {
    char reason[512];
    enum service_state state = service_state(admin->service, reason, sizeof reason);
    buffer_printf(text, "%s%s%s\n", service_state_name(state), *reason ? ": " : "", reason);
    bool is_ready = state == SERVICE_READY || state == SERVICE_STANDBY;
    send_text(request, is_ready ? HTTP_OK : HTTP_SERVUNAVAIL, "text/plain; charset=utf-8", text);
}

/* For what sends requests to the one server of a cluster that decides. */
static void primary(struct admin *admin, struct evhttp_request *request, struct buffer *text) {
    bool decides = service_state(admin->service, NULL, 0) == SERVICE_READY;
    buffer_printf(text, decides ? "primary\n" : "not the primary\n");
    send_text(request, decides ? HTTP_OK : HTTP_SERVUNAVAIL, "text/plain; charset=utf-8", text);
}

/* Gauges are brought up to date for each scrape. */
static void report_metrics(struct admin *admin, struct evhttp_request *request,
                           struct buffer *text) {
    service_measure(admin->service);
    metric_write(admin->metrics, text);
    service_write_rules(admin->service, text);
    service_write_drift(admin->service, text);
    service_write_brakes(admin->service, text);
    service_write_sources(admin->service, text);
    service_write_tokens(admin->service, text);
    service_write_shadows(admin->service, text);
    service_write_challenger(admin->service, text);
    send_text(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text);
}

static const struct {
    const char *path;
    void (*answer)(struct admin *admin, struct evhttp_request *request, struct buffer *text);
} pages[] = {
    {"/livez", live}, {"/readyz", ready}, {"/primary", primary}, {"/metrics", report_metrics}};
#define PAGES (sizeof pages / sizeof *pages)

/* 404, or 405 with the methods that are allowed. */
static void refuse(struct evhttp_request *request, int code, struct buffer *text) {
    if (code == HTTP_BADMETHOD)
        evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", "GET, HEAD");
    buffer_printf(text, code == HTTP_BADMETHOD
                            ? "expected GET or HEAD\n"
                            : "unknown path; expected /livez, /readyz, /primary or /metrics\n");
    send_text(request, code, "text/plain; charset=utf-8", text);
}

static void answer(struct evhttp_request *request, void *user) {
    struct admin *admin = user;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    struct buffer text;
    buffer_init(&text);
    http_guard_end(admin->guard,
                   evhttp_connection_get_bufferevent(evhttp_request_get_connection(request)));
    size_t page = 0;
    while (page < PAGES && (!path || strcmp(path, pages[page].path) != 0))
        page++;
    if (page == PAGES)
        refuse(request, HTTP_NOTFOUND, &text);
    else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD)
        refuse(request, HTTP_BADMETHOD, &text);
    else
        pages[page].answer(admin, request, &text);
    buffer_deinit(&text);
}

int admin_open(struct event_base *base, const char *address, struct service *service,
               struct metric_set *metrics, struct admin **ret_admin, struct error *ret_error) {
    char host[256];
    uint16_t port;
    int r = address_split(address, host, sizeof host, &port, ret_error);
    if (r < 0)
        return r;
    struct admin *admin = check_malloc(sizeof *admin);
    *admin = (struct admin){.http = evhttp_new(base), .service = service, .metrics = metrics};
    check(admin->http);
    /* All methods come to us, so that a wrong one gets 405 with the header Allow. */
    evhttp_set_allowed_methods(admin->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                                EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                                EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                                                EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
    evhttp_set_max_headers_size(admin->http, HEADER_BYTES_MAX);
    evhttp_set_max_body_size(admin->http, BODY_BYTES_MAX);
    evhttp_set_timeout(admin->http, IDLE_SECONDS);
    evhttp_set_gencb(admin->http, answer, admin);
    const struct http_guard_settings guard = {.connections_max = CONNECTIONS_MAX,
                                              .patience_us = PATIENCE_US,
                                              .input_max = BODY_BYTES_MAX + 2 * HEADER_BYTES_MAX,
                                              .clock = &clock_system};
    admin->guard = http_guard_new(base, &guard);
    evhttp_set_bevcb(admin->http, http_guard_accept, admin->guard);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(admin->http, host, port);
    if (!bound) {
        int number = errno;
        admin_close(admin);
        error_set_errno(ret_error, number, "cannot listen on http://%s", address);
        ret_error->code = number == EADDRINUSE ? ERROR_EXISTS : ERROR_SYSTEM;
        return -(int)ret_error->code;
    }
    http_guard_add_listener(admin->guard, evhttp_bound_socket_get_listener(bound));
    *ret_admin = admin;
    return 0;
}

void admin_close(struct admin *admin) {
    if (!admin)
        return;
    evhttp_free(admin->http);
    http_guard_free(admin->guard);
    free(admin);
}
