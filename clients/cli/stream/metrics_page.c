#include "metrics_page.h"

#include "core/base/buffer.h"
#include "core/base/check.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_BYTES_MAX 8192
#define BODY_BYTES_MAX   4096 /* no page takes a body */
#define IDLE_SECONDS     10
#define HOST_BYTES       256

struct metrics_page {
    struct event_base *base;
    struct evhttp *http;
    struct event *ending;
    int end[2]; /* a pipe: closed at the other end, the loop ends */
    struct metric_set *metrics;
    pthread_t thread;
};

static void answer(struct evhttp_request *request, void *user) {
    struct metrics_page *page = user;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct buffer text;
    if (!path || strcmp(path, "/metrics") != 0) {
        evhttp_send_reply(request, HTTP_NOTFOUND, "Not Found", NULL);
        return;
    }
    buffer_init(&text);
    metric_write(page->metrics, &text);
    struct evbuffer *body = evbuffer_new();
    check(body && evbuffer_add(body, text.bytes, text.length) == 0);
    evhttp_add_header(headers, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_send_reply(request, HTTP_OK, NULL, body);
    evbuffer_free(body);
    buffer_deinit(&text);
}

static void end_loop(evutil_socket_t descriptor, short events, void *user) {
    struct metrics_page *page = user;
    (void)descriptor, (void)events;
    event_base_loopbreak(page->base);
}

static void *run(void *user) {
    struct metrics_page *page = user;
    event_base_dispatch(page->base);
    return NULL;
}

/* "[::1]:9100" → "::1", 9100 */
static int split(const char *address, char *host, uint16_t *ret_port, struct error *ret_error) {
    const char *colon = strrchr(address, ':');
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : 0;
    size_t length = colon ? (size_t)(colon - address) : 0;
    if (!colon || *end || port < 1 || port > 65535 || length == 0 || length >= HOST_BYTES)
        return error_set(ret_error, ERROR_INVALID,
                         "\"%.200s\" is not an address (expected HOST:PORT)", address);
    bool is_bracketed = address[0] == '[' && colon[-1] == ']';
    memcpy(host, address + is_bracketed, length - 2 * is_bracketed);
    host[length - 2 * is_bracketed] = '\0';
    *ret_port = (uint16_t)port;
    return 0;
}

static void destroy(struct metrics_page *page) {
    if (page->ending)
        event_free(page->ending);
    if (page->http)
        evhttp_free(page->http);
    if (page->base)
        event_base_free(page->base);
    close(page->end[0]);
    if (page->end[1] >= 0)
        close(page->end[1]);
    free(page);
}

int metrics_page_open(const char *address, struct metric_set *metrics,
                      struct metrics_page **ret_page, struct error *ret_error) {
    char host[HOST_BYTES];
    uint16_t port = 0;
    int r = split(address, host, &port, ret_error);
    if (r < 0)
        return r;
    struct metrics_page *page = check_calloc(1, sizeof *page);
    page->metrics = metrics;
    page->base = event_base_new();
    check(page->base && pipe2(page->end, O_CLOEXEC) == 0);
    page->http = evhttp_new(page->base);
    check(page->http);
    evhttp_set_allowed_methods(page->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(page->http, HEADER_BYTES_MAX);
    evhttp_set_max_body_size(page->http, BODY_BYTES_MAX);
    evhttp_set_timeout(page->http, IDLE_SECONDS);
    evhttp_set_gencb(page->http, answer, page);
    errno = 0;
    if (evhttp_bind_socket(page->http, host, port) != 0) {
        int number = errno ? errno : EADDRNOTAVAIL; /* a name that is not known sets none */
        destroy(page);
        error_set_errno(ret_error, number, "cannot listen on http://%s", address);
        ret_error->code = number == EADDRINUSE ? ERROR_EXISTS : ERROR_SYSTEM;
        return -(int)ret_error->code;
    }
    page->ending = event_new(page->base, page->end[0], EV_READ, end_loop, page);
    check(page->ending && event_add(page->ending, NULL) == 0);
    check(pthread_create(&page->thread, NULL, run, page) == 0);
    *ret_page = page;
    return 0;
}

void metrics_page_close(struct metrics_page *page) {
    if (!page)
        return;
    close(page->end[1]);
    page->end[1] = -1;
    pthread_join(page->thread, NULL);
    destroy(page);
}
