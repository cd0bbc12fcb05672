/* Requests over HTTP.
 *
 * One thread runs a libevent loop of its own: evhttp reads requests, their JSON is turned into the
 * bytes of a Request, and those go to the same handler as every other front's. So tokens, limits,
 * deadlines, metrics and draining are the service's business and the same for all fronts. The bytes
 * of the Response come back and are turned into JSON in this thread again; decisions know nothing
 * of JSON and never wait for it.
 *
 *   request ──► read ──► (waiting) ──► handler ──front_reply()──► answered ──► sent
 *                 └─ refused: no handler sees it ─────────────────────────────►┘
 *
 * The handler mostly answers before it returns. Where it does not (an answer that waits for the
 * disk, an explanation), the reply comes from another thread: it is put into a list, and an eventfd
 * wakes the loop. evhttp reads nothing from a connection while a request of it is being served, so
 * pipelined requests are answered one after the other, in their order. */
#include "front_http.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/lock_order.h"
#include "http_guard.h"
#include "http_request.h"
#include "openapi.h"
#include "server/net/address.h"
#include "server/ops/cpu_affinity.h"
#include "server/ops/http_status.h"
#include "server/ops/metrics.h"
#include "server/ops/thread.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define HEADER_BYTES_MAX 8192
#define BACKLOG          128
#define RETRY_AFTER      "1" /* seconds */
/* evhttp may still be sending answers when the last exchange is done; there is no call to wait for
 * that. */
#define LINGER_US        50000
#define TIMEOUT_SLACK_US INT64_C(10000000)

/* One request that the service has, or will get as soon as there is room. */
struct exchange {
    struct front_request request; /* first: front_reply() gets this pointer */
    struct front_http *front;
    struct evhttp_request *http; /* NULL: the connection has been closed */
    struct bufferevent *connection;
    bool has_token;
    struct buffer bytes;  /* of the Request */
    struct buffer answer; /* of the Response */
    struct exchange *next;
};

struct exchange_list {
    struct exchange *first, **end;
};

struct front_http {
    struct front front; /* first: callers hold a pointer to it */
    struct front_http_settings settings;
    struct event_base *base;
    struct evhttp *http;
    struct http_guard *guard;
    struct event *woken;
    int wake_descriptor;
    pthread_t thread;
    struct exchange_list waiting; /* for room in the service; the loop's own */
    size_t served;                /* exchanges with the handler; the loop's own */
    pthread_mutex_t lock;
    struct exchange_list answered; /* under the lock */
    atomic_size_t unanswered;      /* waiting, with the handler, or not yet sent */
    atomic_bool draining, closing;
};

/* ---- lists ---- */

static void list_init(struct exchange_list *list) {
    *list = (struct exchange_list){.end = &list->first};
}

static void list_append(struct exchange_list *list, struct exchange *exchange) {
    exchange->next = NULL;
    *list->end = exchange;
    list->end = &exchange->next;
}

static struct exchange *list_take(struct exchange_list *list) {
    struct exchange *exchange = list->first;
    if (exchange)
        list->first = exchange->next;
    if (!list->first)
        list->end = &list->first;
    return exchange;
}

/* ---- answers ---- */

static void add_header(struct evhttp_request *http, const char *name, const char *value) {
    evhttp_add_header(evhttp_request_get_output_headers(http), name, value);
}

static void send_text(struct front_http *front, struct evhttp_request *http, int status,
                      const char *type, struct text text) {
    char length[32];
    struct evbuffer *body = evbuffer_new();
    check(body);
    snprintf(length, sizeof length, "%zu", text.length);
    add_header(http, "Content-Type", type);
    add_header(http, "Content-Length", length);
    add_header(http, "Cache-Control", "no-store");
    add_header(http, "X-Content-Type-Options", "nosniff");
    if (status == HTTP_SERVUNAVAIL)
        add_header(http, "Retry-After", RETRY_AFTER);
    if (status == 401)
        add_header(http, "WWW-Authenticate", "Bearer realm=\"harrier\"");
    /* evhttp would send a body in answer to HEAD, too. */
    if (evhttp_request_get_command(http) != EVHTTP_REQ_HEAD)
        check(evbuffer_add(body, text.data, text.length) == 0);
    metric_add(front->settings.front.metrics, HTTP_ANSWERS, http_status_index(status), 1);
    http_guard_end(front->guard,
                   evhttp_connection_get_bufferevent(evhttp_request_get_connection(http)));
    evhttp_send_reply(http, status, http_status_reason(status), body);
    evbuffer_free(body);
}

static void send_json(struct front_http *front, struct evhttp_request *http, int status,
                      const struct buffer *json) {
    send_text(front, http, status, "application/json",
              (struct text){.data = (const char *)json->bytes, .length = json->length});
}

static void send_error(struct front_http *front, struct evhttp_request *http, int status,
                       const struct error *error, const char *field) {
    struct buffer json;
    buffer_init(&json);
    message_json_encode_error(error, text_of(field), &json);
    metric_add(front->settings.front.metrics, ERRORS, error->code, 1);
    send_json(front, http, status, &json);
    buffer_deinit(&json);
}

static void send_refusal(struct front_http *front, struct evhttp_request *http,
                         const struct http_refusal *refusal) {
    if (refusal->allow)
        add_header(http, "Allow", refusal->allow);
    if (refusal->close)
        add_header(http, "Connection", "close");
    send_error(front, http, refusal->status, &refusal->error, refusal->field);
}

/* ---- exchanges ---- */

/* The answer is dropped when it comes. */
static void on_connection_gone(struct evhttp_connection *connection, void *user) {
    (void)connection;
    struct exchange *exchange = user;
    exchange->http = NULL;
}

static struct exchange *exchange_new(struct front_http *front, struct evhttp_request *http) {
    struct exchange *exchange = check_calloc(1, sizeof *exchange);
    struct evhttp_connection *connection = evhttp_request_get_connection(http);
    exchange->request.front = &front->front;
    exchange->request.arrived_us = clock_monotonic_us(front->settings.front.clock);
    exchange->front = front;
    exchange->http = http;
    exchange->connection = evhttp_connection_get_bufferevent(connection);
    buffer_init(&exchange->bytes);
    buffer_init(&exchange->answer);
    evhttp_connection_set_closecb(connection, on_connection_gone, exchange);
    http_guard_begin(front->guard, exchange->connection);
    atomic_fetch_add(&front->unanswered, 1);
    return exchange;
}

static void exchange_free(struct exchange *exchange) {
    struct front_http *front = exchange->front;
    if (exchange->http)
        evhttp_connection_set_closecb(evhttp_request_get_connection(exchange->http), NULL, NULL);
    http_guard_end(front->guard, exchange->connection);
    buffer_deinit(&exchange->bytes);
    buffer_deinit(&exchange->answer);
    free(exchange);
    atomic_fetch_sub(&front->unanswered, 1);
}

static void send_answer(struct exchange *exchange) {
    struct front_http *front = exchange->front;
    struct evhttp_request *http = exchange->http;
    struct buffer json;
    enum error_code code;
    struct error error;
    buffer_init(&json);
    int r = message_json_encode(exchange->answer.bytes, exchange->answer.length, true, &json, &code,
                                &error);
    bool has_token = exchange->has_token;
    exchange_free(exchange);
    if (r < 0)
        send_error(front, http, HTTP_INTERNAL, &error, "");
    else
        send_json(front, http, code ? http_status_of(code, has_token) : HTTP_OK, &json);
    buffer_deinit(&json);
}

/* Most answers come from the loop's own thread, and need no eventfd. */
static _Thread_local const struct front_http *loop_of_this_thread;

/* Any thread. The exchange may be freed as soon as the lock is released. */
static void reply(struct front_request *request, const void *bytes, size_t length) {
    struct exchange *exchange = (struct exchange *)request;
    struct front_http *front = exchange->front;
    buffer_append(&exchange->answer, bytes, length);
    pthread_mutex_lock(&front->lock);
    list_append(&front->answered, exchange);
    if (loop_of_this_thread != front) /* the loop itself looks when the handler returns */
        eventfd_write(front->wake_descriptor, 1);
    pthread_mutex_unlock(&front->lock); /* last: once the answer is taken, the front may be freed */
}

static struct exchange *take_answered(struct front_http *front) {
    pthread_mutex_lock(&front->lock);
    struct exchange *exchange = list_take(&front->answered);
    pthread_mutex_unlock(&front->lock);
    return exchange;
}

/* Hands waiting exchanges to the handler, as far as there is room, and sends answers, which makes
 * room. */
static void work(struct front_http *front) {
    const struct front_settings *settings = &front->settings.front;
    struct exchange *exchange;
    for (;;) {
        if (front->served < settings->requests_max && (exchange = list_take(&front->waiting))) {
            front->served++;
            settings->handler.handle(settings->handler.user, &exchange->request);
        } else if ((exchange = take_answered(front))) {
            front->served--;
            if (exchange->http)
                send_answer(exchange);
            else
                exchange_free(exchange);
        } else {
            return;
        }
    }
}

/* ---- requests ---- */

static void fill_draining(struct http_refusal *refusal) {
    *refusal = (struct http_refusal){.status = HTTP_SERVUNAVAIL, .close = true};
    error_set(&refusal->error, ERROR_UNAVAILABLE,
              "the server is shutting down; try again with the same ids");
}

/* Turns the body into the bytes of a Request. A syntax error is 400; a valid document that does not
 * fit the schema gets the status of its error. */
static int encode_request(struct exchange *exchange, const struct http_request *request,
                          struct http_refusal *refusal) {
    struct evbuffer *body = evhttp_request_get_input_buffer(exchange->http);
    size_t length = evbuffer_get_length(body);
    struct text json = TEXT_LITERAL("{}");
    if (request->route->has_body)
        json = (struct text){.data = (const char *)evbuffer_pullup(body, -1), .length = length};
    *refusal = (struct http_refusal){0};
    int r = message_json_decode(request->route->call, json, &request->envelope, &exchange->bytes,
                                refusal->field, &refusal->error);
    exchange->request.bytes = exchange->bytes.bytes;
    exchange->request.length = exchange->bytes.length;
    exchange->has_token = request->envelope.token.length > 0;
    bool is_syntax = refusal->error.code == ERROR_INVALID && refusal->field[0] == '\0';
    refusal->status = is_syntax ? HTTP_BADREQUEST : http_status_of(refusal->error.code, false);
    return r;
}

/* The service checks again, then also the scope. This is to spend no time on the JSON of a client
 * without a valid token. */
static int check_token(struct front_http *front, struct text token, struct http_refusal *refusal) {
    *refusal = (struct http_refusal){.field = "token"};
    int r = front->settings.check_token(front->settings.front.handler.user, token, &refusal->error);
    if (r < 0)
        refusal->status = http_status_of(refusal->error.code, token.length > 0);
    return r;
}

/* The exchange is counted before the front is found draining or not; drain() does it in the other
 * order, so that one of the two sees the other. */
static void serve(struct front_http *front, struct evhttp_request *http,
                  const struct http_request *request) {
    struct exchange *exchange = exchange_new(front, http);
    struct http_refusal refusal;
    int r = -1;
    if (atomic_load(&front->draining))
        fill_draining(&refusal);
    else
        r = check_token(front, request->envelope.token, &refusal);
    if (r == 0)
        r = encode_request(exchange, request, &refusal);
    if (r < 0) {
        exchange_free(exchange);
        send_refusal(front, http, &refusal);
        return;
    }
    list_append(&front->waiting, exchange);
    work(front);
}

static void on_request(struct evhttp_request *http, void *user) {
    struct front_http *front = user;
    struct http_request request;
    struct http_refusal refusal;
    if (http_request_read(http, front->settings.body_max, &request, &refusal) < 0)
        send_refusal(front, http, &refusal);
    else if (request.route->call == CALL_NONE)
        send_text(front, http, HTTP_OK, "application/yaml", openapi_text());
    else
        serve(front, http, &request);
}

static void on_woken(evutil_socket_t descriptor, short what, void *user) {
    (void)what;
    struct front_http *front = user;
    eventfd_t count;
    eventfd_read(descriptor, &count);
    work(front);
    if (atomic_load(&front->closing))
        event_base_loopexit(front->base, &(struct timeval){.tv_usec = LINGER_US});
}

static void *run_loop(void *user) {
    struct front_http *front = user;
    loop_of_this_thread = front;
    cpu_affinity_hasten();
    event_base_dispatch(front->base);
    return NULL;
}

/* ---- the end ---- */

/* Needs no watchdog: the listener is libevent's, which does not lose it as nng may. */
static void watch(struct front *base) {
    (void)base;
}

static bool drain(struct front *base) {
    struct front_http *front = (struct front_http *)base;
    atomic_store(&front->draining, true);
    return atomic_load(&front->unanswered) == 0;
}

static void front_free(struct front_http *front) {
    if (front->http)
        evhttp_free(front->http); /* closes its listeners and connections */
    http_guard_free(front->guard);
    if (front->woken)
        event_free(front->woken);
    event_base_free(front->base);
    close(front->wake_descriptor);
    pthread_mutex_destroy(&front->lock);
    free(front);
}

static void close_front(struct front *base) {
    struct front_http *front = (struct front_http *)base;
    while (!drain(base))
        usleep(1000);
    atomic_store(&front->closing, true);
    eventfd_write(front->wake_descriptor, 1);
    pthread_join(front->thread, NULL);
    front_free(front);
}

/* ---- the beginning ---- */

static const struct front_kind http_front = {
    .name = "http",
    .reply = reply,
    .watch = watch,
    .drain = drain,
    .close = close_front,
};

static int resolve(const char *address, struct addrinfo **ret_found, struct error *ret_error) {
    char host[256], service[8];
    uint16_t port;
    int r = address_split(address, host, sizeof host, &port, ret_error);
    if (r < 0)
        return r;
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    snprintf(service, sizeof service, "%u", (unsigned)port);
    int code = getaddrinfo(*host ? host : NULL, service, &hints, ret_found);
    if (code != 0)
        return error_set(ret_error, ERROR_INVALID, "cannot listen on http://%s: %s", address,
                         gai_strerror(code));
    return 0;
}

static int open_listener(struct front_http *front, const char *address, struct error *ret_error) {
    struct addrinfo *found;
    int r = resolve(address, &found, ret_error);
    if (r < 0)
        return r;
    struct evconnlistener *listener = evconnlistener_new_bind(
        front->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
        BACKLOG, found->ai_addr, (int)found->ai_addrlen);
    int number = errno;
    freeaddrinfo(found);
    if (!listener) {
        error_set_errno(ret_error, number, "cannot listen on http://%s", address);
        ret_error->code = number == EADDRINUSE ? ERROR_EXISTS : ERROR_SYSTEM;
        return -(int)ret_error->code;
    }
    /* Accepted sockets inherit it. Without it, the end of an answer that takes more than one write
     * waits for the client's delayed acknowledgement: 40 ms. */
    setsockopt(evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    check(evhttp_bind_listener(front->http, listener));
    http_guard_add_listener(front->guard, listener);
    return 0;
}

static void set_up_evhttp(struct front_http *front) {
    const struct front_http_settings *settings = &front->settings;
    front->http = evhttp_new(front->base);
    check(front->http);
    /* All methods come to us, even those evhttp has no name for, so that a wrong one gets 405 with
     * the header Allow. */
    evhttp_set_allowed_methods(front->http, UINT16_MAX);
    evhttp_set_max_headers_size(front->http, HEADER_BYTES_MAX);
    evhttp_set_max_body_size(front->http, (ev_ssize_t)settings->front.bytes_max);
    /* A second line of defence: the guard is stricter. */
    evhttp_set_timeout(front->http, (int)((settings->patience_us + TIMEOUT_SLACK_US) / 1000000));
    evhttp_set_bevcb(front->http, http_guard_accept, front->guard);
    evhttp_set_gencb(front->http, on_request, front);
}

static struct front_http *front_new(const struct front_http_settings *settings) {
    struct front_http *front = check_calloc(1, sizeof *front);
    front->front.kind = &http_front;
    front->settings = *settings;
    list_init(&front->waiting);
    list_init(&front->answered);
    lock_init(&front->lock, LOCK_HTTP_ANSWERS);
    front->base = event_base_new();
    front->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(front->base && front->wake_descriptor >= 0);
    front->woken =
        event_new(front->base, front->wake_descriptor, EV_READ | EV_PERSIST, on_woken, front);
    check(front->woken && event_add(front->woken, NULL) == 0);
    const struct http_guard_settings guard = {
        .connections_max = settings->connections_max,
        .patience_us = settings->patience_us,
        .input_max = settings->front.bytes_max + 2 * HEADER_BYTES_MAX,
        .clock = settings->front.clock,
        .metrics = settings->front.metrics,
    };
    front->guard = http_guard_new(front->base, &guard);
    set_up_evhttp(front);
    return front;
}

int front_http_open(const struct front_http_settings *settings, struct front **ret_front,
                    struct error *ret_error) {
    struct front_http *front = front_new(settings);
    for (size_t i = 0; i < settings->front.address_count; i++) {
        int r = open_listener(front, settings->front.addresses[i], ret_error);
        if (r < 0) {
            front_free(front);
            return r;
        }
    }
    thread_start(&front->thread, run_loop, front);
    *ret_front = &front->front;
    return 0;
}
