/* A request's way:
 *
 *   evhttp ──► on_request: framing, limits ──► quick or slow ──► a working thread: the handler
 *                                                                    │
 *   evhttp ◄── on_woken: headers, body  ◄── done ◄───────────────────┘
 *
 * An exchange belongs to the loop's thread but while a working thread has it. When its connection
 * goes meanwhile, only `http` becomes NULL, and the answer is dropped. */
#include "web.h"

#include "core/base/check.h"
#include "core/base/json_writer.h"
#include "core/base/lock_order.h"
#include "request_check.h"
#include "server/front/http_guard.h"
#include "server/net/address.h"
#include "server/ops/metrics.h"
#include "server/ops/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#define HEADER_BYTES_MAX 16384
#define BACKLOG          128
#define THREADS_MAX      64
#define TIMEOUT_S        60
/* evhttp may still be sending when the last exchange is done; there is no call to wait for that. */
#define LINGER_US 50000

struct exchange {
    struct web *web;
    struct evhttp_request *http; /* NULL: the connection has gone */
    struct bufferevent *connection;
    struct web_request request;
    struct evkeyvalq query;
    struct buffer memory; /* of the request's copies */
    struct web_answer answer;
    bool is_head, is_slow;
    struct exchange *next;
};

struct exchange_list {
    struct exchange *first, **end;
    size_t count;
};

struct web {
    struct web_settings settings;
    struct event_base *base;
    struct evhttp *http;
    struct http_guard *guard;
    struct metric_set *metrics;
    struct event *woken;
    int wake_descriptor;
    uint16_t port;
    pthread_t loop, threads[THREADS_MAX];
    unsigned running; /* threads that were started */
    bool has_loop;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct exchange_list quick, slow, done; /* under the lock, as the rest; two of them wait */
    unsigned slow_working;
    size_t open; /* exchanges that are not freed yet */
    bool closing;
};

/* ---- lists ---- */

static void list_append(struct exchange_list *list, struct exchange *exchange) {
    exchange->next = NULL;
    *list->end = exchange;
    list->end = &exchange->next;
    list->count++;
}

static struct exchange *list_take(struct exchange_list *list) {
    struct exchange *exchange = list->first;
    if (!exchange)
        return NULL;
    list->first = exchange->next;
    if (!list->first)
        list->end = &list->first;
    list->count--;
    return exchange;
}

/* ---- queries ---- */

const char *web_query(const struct web_request *request, const char *name) {
    const char *value = evhttp_find_header(request->query, name);
    return value ? value : "";
}

int web_query_number(const struct web_request *request, const char *name, uint64_t most,
                     uint64_t absent, uint64_t *ret_number, struct error *ret_error) {
    const char *value = web_query(request, name);
    char *end;
    if (*value == '\0') {
        *ret_number = absent;
        return 0;
    }
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (!text_is_digit(*value) || *end != '\0' || errno != 0 || number > most)
        return error_set(ret_error, ERROR_INVALID, "%s: expected a number from 0 to %llu", name,
                         (unsigned long long)most);
    *ret_number = number;
    return 0;
}

/* ---- answers ---- */

static void add_header(struct evhttp_request *http, const char *name, const char *value) {
    evhttp_add_header(evhttp_request_get_output_headers(http), name, value);
}

/* For every answer. The page has no inline code and asks nobody else, so the policy can be as
 * strict as there is. */
static void add_security_headers(struct evhttp_request *http) {
    add_header(http, "Content-Security-Policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
               "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
               "frame-ancestors 'none'; require-trusted-types-for 'script'");
    add_header(http, "X-Content-Type-Options", "nosniff");
    add_header(http, "X-Frame-Options", "DENY");
    add_header(http, "Referrer-Policy", "no-referrer");
    add_header(http, "Cross-Origin-Opener-Policy", "same-origin");
    add_header(http, "Cross-Origin-Resource-Policy", "same-origin");
    add_header(http, "Permissions-Policy", "camera=(), geolocation=(), microphone=()");
    /* A browser that was here once speaks TLS to this name from then on, whatever a link says. */
    if (bufferevent_openssl_get_ssl(
            evhttp_connection_get_bufferevent(evhttp_request_get_connection(http))))
        add_header(http, "Strict-Transport-Security", "max-age=31536000");
}

static void send_bytes(struct evhttp_request *http, int status, const char *type, bool is_head,
                       const struct buffer *bytes) {
    char length[32];
    struct evbuffer *body = evbuffer_new();
    check(body);
    snprintf(length, sizeof length, "%zu", bytes->length);
    add_security_headers(http);
    if (status != HTTP_NOTMODIFIED) {
        add_header(http, "Content-Type", type ? type : "application/json");
        add_header(http, "Content-Length", length);
    }
    if (!is_head)
        check(evbuffer_add(body, bytes->bytes, bytes->length) == 0);
    evhttp_send_reply(http, status, NULL, body);
    evbuffer_free(body);
}

static void send_error(struct evhttp_request *http, int status, const char *text) {
    struct buffer json;
    buffer_init(&json);
    json_begin_object(&json, NULL);
    json_add_text(&json, "error", text_of(text));
    json_end_object(&json);
    add_header(http, "Cache-Control", "no-store");
    send_bytes(http, status, NULL, evhttp_request_get_command(http) == EVHTTP_REQ_HEAD, &json);
    buffer_deinit(&json);
}

static void send_answer(struct evhttp_request *http, const struct web_answer *answer,
                        bool is_head) {
    if (answer->status == 0) {
        send_error(http, HTTP_INTERNAL, "the console has no answer to this: a defect of ours");
        return;
    }
    /* A file of the page is asked for again each time, and then mostly not sent again. */
    add_header(http, "Cache-Control", answer->etag ? "no-cache" : "no-store");
    if (answer->etag)
        add_header(http, "ETag", answer->etag);
    if (*answer->cookie)
        add_header(http, "Set-Cookie", answer->cookie);
    if (answer->disposition)
        add_header(http, "Content-Disposition", answer->disposition);
    send_bytes(http, answer->status, answer->type, is_head, &answer->body);
}

/* ---- exchanges ---- */

static void on_connection_gone(struct evhttp_connection *connection, void *user) {
    struct exchange *exchange = user;
    (void)connection;
    exchange->http = NULL;
}

/* All but the answer's body, which is sent afterwards: while it is sent the connection may go. */
static void exchange_free(struct exchange *exchange) {
    struct web *web = exchange->web;
    if (exchange->http)
        evhttp_connection_set_closecb(evhttp_request_get_connection(exchange->http), NULL, NULL);
    http_guard_end(web->guard, exchange->connection);
    evhttp_clear_headers(&exchange->query);
    buffer_deinit(&exchange->memory);
    free(exchange);
    pthread_mutex_lock(&web->lock);
    web->open--;
    pthread_mutex_unlock(&web->lock);
}

static void finish(struct exchange *exchange) {
    struct evhttp_request *http = exchange->http;
    struct web_answer answer = exchange->answer;
    bool is_head = exchange->is_head;
    exchange_free(exchange);
    if (http)
        send_answer(http, &answer, is_head);
    buffer_deinit(&answer.body);
}

/* Before a thread has it. */
static void drop(struct exchange *exchange, int status, const char *text) {
    struct evhttp_request *http = exchange->http;
    buffer_deinit(&exchange->answer.body);
    exchange_free(exchange);
    send_error(http, status, text);
}

static void on_woken(evutil_socket_t descriptor, short what, void *user) {
    struct web *web = user;
    struct exchange *exchange;
    eventfd_t count;
    (void)what;
    eventfd_read(descriptor, &count);
    for (;;) {
        pthread_mutex_lock(&web->lock);
        exchange = list_take(&web->done);
        bool at_end = !exchange && web->closing && web->open == 0;
        pthread_mutex_unlock(&web->lock);
        if (at_end)
            event_base_loopexit(web->base, &(struct timeval){.tv_usec = LINGER_US});
        if (!exchange)
            return;
        finish(exchange);
    }
}

/* Under the lock. Slow ones have at most half of the threads, rounded up. */
static struct exchange *take_waiting(struct web *web) {
    struct exchange *exchange = list_take(&web->quick);
    if (!exchange && web->slow_working < (web->settings.threads + 1) / 2)
        exchange = list_take(&web->slow);
    if (exchange && exchange->is_slow)
        web->slow_working++;
    return exchange;
}

/* Under the lock. Where a slow one ends, another may begin: this thread looks next. */
static void pass_on(struct web *web, struct exchange *exchange) {
    if (exchange->is_slow)
        web->slow_working--;
    list_append(&web->done, exchange);
    eventfd_write(web->wake_descriptor, 1);
}

static void *work(void *user) {
    struct web *web = user;
    pthread_mutex_lock(&web->lock);
    for (;;) {
        struct exchange *exchange = take_waiting(web);
        if (!exchange && web->closing)
            break;
        if (!exchange) {
            pthread_cond_wait(&web->work, &web->lock);
            continue;
        }
        pthread_mutex_unlock(&web->lock);
        web->settings.handler.handle(web->settings.handler.user, &exchange->request,
                                     &exchange->answer);
        pthread_mutex_lock(&web->lock);
        pass_on(web, exchange);
    }
    pthread_mutex_unlock(&web->lock);
    return NULL;
}

/* ---- requests ---- */

/* The places of the copies are filled in once all are there: the memory moves while it grows. */
struct copies {
    struct buffer *memory;
    size_t offsets[10], count;
};

static void copy(struct copies *copies, const char *value) {
    copies->offsets[copies->count++] = copies->memory->length;
    buffer_append(copies->memory, value ? value : "", (value ? strlen(value) : 0) + 1);
}

static void copy_request(struct exchange *exchange, const char *path, const char *address) {
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(exchange->http);
    const char *trusted = exchange->web->settings.trusted_header;
    static const char *const names[] = {"Cookie",         "X-CSRF-Token",  "Origin",         "Host",
                                        "Sec-Fetch-Site", "If-None-Match", "X-Forwarded-For"};
    struct copies copies = {.memory = &exchange->memory};
    struct evbuffer *input = evhttp_request_get_input_buffer(exchange->http);
    size_t length = evbuffer_get_length(input);
    const char *value;
    copy(&copies, path);
    copy(&copies, address);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        http_header_count(headers, names[i], &value); /* the last: a proxy may add its own */
        copy(&copies, value);
    }
    value = NULL;
    if (trusted)
        http_header_count(headers, trusted, &value);
    copy(&copies, value);
    size_t body = exchange->memory.length;
    uint8_t *room = buffer_reserve(&exchange->memory, length);
    check(evbuffer_copyout(input, room, length) == (ev_ssize_t)length);
    const char *at = (const char *)exchange->memory.bytes;
    exchange->request = (struct web_request){
        .method =
            evhttp_request_get_command(exchange->http) == EVHTTP_REQ_POST ? WEB_POST : WEB_GET,
        .path = at + copies.offsets[0],
        .address = at + copies.offsets[1],
        .cookie = at + copies.offsets[2],
        .csrf = at + copies.offsets[3],
        .origin = at + copies.offsets[4],
        .host = at + copies.offsets[5],
        .fetch_site = at + copies.offsets[6],
        .if_none_match = at + copies.offsets[7],
        .forwarded_for = at + copies.offsets[8],
        .trusted = at + copies.offsets[9],
        .query = &exchange->query,
        .body = {.data = at + body, .length = length},
    };
}

static void refuse(struct evhttp_request *http, const struct http_refusal *refusal) {
    if (refusal->allow)
        add_header(http, "Allow", refusal->allow);
    add_header(http, "Connection", "close");
    send_error(http, refusal->status, refusal->error.text);
}

static struct exchange *exchange_new(struct web *web, struct evhttp_request *http) {
    struct exchange *exchange = check_calloc(1, sizeof *exchange);
    struct evhttp_connection *connection = evhttp_request_get_connection(http);
    exchange->web = web;
    exchange->http = http;
    exchange->is_head = evhttp_request_get_command(http) == EVHTTP_REQ_HEAD;
    exchange->connection = evhttp_connection_get_bufferevent(connection);
    TAILQ_INIT(&exchange->query);
    buffer_init(&exchange->memory);
    buffer_init(&exchange->answer.body);
    evhttp_connection_set_closecb(connection, on_connection_gone, exchange);
    http_guard_begin(web->guard, exchange->connection);
    pthread_mutex_lock(&web->lock);
    web->open++;
    pthread_mutex_unlock(&web->lock);
    return exchange;
}

/* false: too many wait already. */
static bool hand_over(struct web *web, struct exchange *exchange) {
    const struct web_handler *handler = &web->settings.handler;
    exchange->is_slow = handler->is_slow && handler->is_slow(handler->user, &exchange->request);
    struct exchange_list *list = exchange->is_slow ? &web->slow : &web->quick;
    pthread_mutex_lock(&web->lock);
    bool has_room = list->count < WEB_WAITING_MAX && !web->closing;
    if (has_room) {
        list_append(list, exchange);
        pthread_cond_signal(&web->work);
    }
    pthread_mutex_unlock(&web->lock);
    return has_room;
}

static void on_request(struct evhttp_request *http, void *user) {
    struct web *web = user;
    struct http_refusal refusal = {0};
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(http);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
    char *address;
    uint16_t port;
    if (request_check(http, web->settings.trusted_header, WEB_BODY_MAX, &refusal) < 0) {
        refuse(http, &refusal);
        return;
    }
    struct exchange *exchange = exchange_new(web, http);
    evhttp_connection_get_peer(evhttp_request_get_connection(http), &address, &port);
    copy_request(exchange, path ? path : "", address);
    if (query && evhttp_parse_query_str(query, &exchange->query) < 0)
        drop(exchange, HTTP_BADREQUEST, "the address has a query that cannot be read");
    else if (!hand_over(web, exchange))
        drop(exchange, HTTP_SERVUNAVAIL, "too many requests wait: try again");
}

/* ---- beginning and end ---- */

static int resolve(const char *listen, struct addrinfo **ret_found, struct error *ret_error) {
    char host[256], service[8];
    uint16_t port;
    int r = address_split(listen, host, sizeof host, &port, ret_error);
    if (r < 0)
        return r;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    snprintf(service, sizeof service, "%u", (unsigned)port);
    int code = getaddrinfo(*host ? host : NULL, service, &hints, ret_found);
    if (code != 0)
        return error_set(ret_error, ERROR_INVALID, "cannot listen on %s: %s", listen,
                         gai_strerror(code));
    return 0;
}

static uint16_t port_of(int descriptor) {
    struct sockaddr_storage where;
    socklen_t length = sizeof where;
    if (getsockname(descriptor, (struct sockaddr *)&where, &length) < 0)
        return 0;
    return ntohs(where.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&where)->sin6_port
                                             : ((struct sockaddr_in *)&where)->sin_port);
}

static int open_listener(struct web *web, struct error *ret_error) {
    struct addrinfo *found;
    int r = resolve(web->settings.listen, &found, ret_error);
    if (r < 0)
        return r;
    struct evconnlistener *listener = evconnlistener_new_bind(
        web->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
        BACKLOG, found->ai_addr, (int)found->ai_addrlen);
    int number = errno;
    freeaddrinfo(found);
    if (!listener) {
        error_set_errno(ret_error, number, "cannot listen on %s", web->settings.listen);
        ret_error->code = number == EADDRINUSE ? ERROR_EXISTS : ERROR_SYSTEM;
        return -(int)ret_error->code;
    }
    int descriptor = evconnlistener_get_fd(listener);
    /* Inherited by what is accepted: without it the end of a long answer waits for 40 ms. */
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    web->port = port_of(descriptor);
    check(evhttp_bind_listener(web->http, listener));
    http_guard_add_listener(web->guard, listener);
    return 0;
}

static void set_up(struct web *web) {
    const struct http_guard_settings guard = {
        .connections_max = web->settings.connections_max,
        .patience_us = web->settings.patience_us,
        .input_max = WEB_BODY_MAX + 2 * HEADER_BYTES_MAX,
        .clock = &clock_system,
        .metrics = web->metrics,
        .tls = web->settings.tls,
    };
    web->guard = http_guard_new(web->base, &guard);
    web->http = evhttp_new(web->base);
    check(web->http);
    evhttp_set_allowed_methods(web->http, UINT16_MAX);
    evhttp_set_max_headers_size(web->http, HEADER_BYTES_MAX);
    evhttp_set_max_body_size(web->http, (ev_ssize_t)WEB_BODY_MAX);
    evhttp_set_timeout(web->http, TIMEOUT_S);
    evhttp_set_bevcb(web->http, http_guard_accept, web->guard);
    evhttp_set_gencb(web->http, on_request, web);
}

static void *run_loop(void *user) {
    struct web *web = user;
    event_base_dispatch(web->base);
    return NULL;
}

int web_open(const struct web_settings *settings, struct web **ret_web, struct error *ret_error) {
    struct web *web = check_calloc(1, sizeof *web);
    check(settings->threads > 0 && settings->threads <= THREADS_MAX);
    web->settings = *settings;
    web->quick.end = &web->quick.first;
    web->slow.end = &web->slow.first;
    web->done.end = &web->done.first;
    lock_init(&web->lock, LOCK_CONSOLE_WEB);
    pthread_cond_init(&web->work, NULL);
    web->metrics = server_metrics_new();
    web->base = event_base_new();
    web->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(web->base && web->wake_descriptor >= 0);
    web->woken = event_new(web->base, web->wake_descriptor, EV_READ | EV_PERSIST, on_woken, web);
    check(web->woken && event_add(web->woken, NULL) == 0);
    set_up(web);
    int r = open_listener(web, ret_error);
    if (r < 0) {
        web_close(web);
        return r;
    }
    while (web->running < settings->threads)
        thread_start(&web->threads[web->running++], work, web);
    thread_start(&web->loop, run_loop, web);
    web->has_loop = true;
    *ret_web = web;
    return 0;
}

uint16_t web_port(const struct web *web) {
    return web->port;
}

void web_close(struct web *web) {
    if (!web)
        return;
    pthread_mutex_lock(&web->lock);
    web->closing = true;
    pthread_cond_broadcast(&web->work);
    pthread_mutex_unlock(&web->lock);
    for (unsigned i = 0; i < web->running; i++)
        pthread_join(web->threads[i], NULL);
    eventfd_write(web->wake_descriptor, 1);
    if (web->has_loop)
        pthread_join(web->loop, NULL);
    evhttp_free(web->http);
    http_guard_free(web->guard);
    event_free(web->woken);
    event_base_free(web->base);
    close(web->wake_descriptor);
    metric_set_free(web->metrics);
    pthread_cond_destroy(&web->work);
    pthread_mutex_destroy(&web->lock);
    free(web);
}
