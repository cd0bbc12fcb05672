/* An array of connections, sorted by the address of their bufferevent. An address may be reused by
 * a new connection before the sweep notices that the old one is gone: then the entry starts over.
 */
#include "http_guard.h"

#include "core/base/check.h"
#include "http_framing.h"
#include "server/net/tls.h"
#include "server/ops/metrics.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SWEEP_US      INT64_C(1000000)
#define SWEEP_FULL_US INT64_C(100000) /* while accepting is paused */
#define LISTENERS_MAX 8
#define CHUNK_BYTES                                                                                \
    ((size_t)256 << 10) /* per read or write, so that a large batch takes few of them */

struct connection {
    struct bufferevent *events;
    int64_t since_us; /* monotonic: its beginning, or its last answer */
    bool serving;
    bool seen; /* by the current sweep */
};

struct http_guard {
    struct event_base *base;
    struct http_guard_settings settings;
    struct connection *connections; /* sorted by events */
    size_t count;
    struct evconnlistener *listeners[LISTENERS_MAX];
    size_t listener_count;
    bool paused;
    struct event *sweep;
};

static struct timeval timeval_of(int64_t us) {
    return (struct timeval){.tv_sec = us / 1000000, .tv_usec = us % 1000000};
}

/* ---- finding a connection ---- */

/* The index at which it is or would have to be inserted. */
static size_t place_of(const struct http_guard *guard, const void *events) {
    size_t low = 0, high = guard->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if ((uintptr_t)guard->connections[middle].events < (uintptr_t)events)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct connection *find(const struct http_guard *guard, const void *events) {
    size_t place = place_of(guard, events);
    return place < guard->count && guard->connections[place].events == events
               ? &guard->connections[place]
               : NULL;
}

/* ---- accepting ---- */

static void schedule(struct http_guard *guard) {
    int64_t quarter_us = guard->settings.patience_us / 4;
    int64_t wait_us = guard->paused ? SWEEP_FULL_US : SWEEP_US;
    struct timeval wait = timeval_of(wait_us < quarter_us ? wait_us : quarter_us + 1);
    check(event_add(guard->sweep, &wait) == 0);
}

static void pause_if_full(struct http_guard *guard) {
    bool full = guard->count >= guard->settings.connections_max;
    if (guard->settings.metrics)
        metric_gauge(guard->settings.metrics, HTTP_CONNECTIONS, 0, (int64_t)guard->count);
    if (full == guard->paused)
        return;
    guard->paused = full;
    for (size_t i = 0; i < guard->listener_count; i++)
        (full ? evconnlistener_disable : evconnlistener_enable)(guard->listeners[i]);
    schedule(guard);
}

/* Most likely there are no descriptors left: a listener that stayed enabled would fail in a busy
 * loop. */
static void on_accept_error(struct evconnlistener *listener, void *user) {
    struct http_guard *guard = user;
    (void)listener;
    guard->paused = true;
    for (size_t i = 0; i < guard->listener_count; i++)
        evconnlistener_disable(guard->listeners[i]);
    schedule(guard);
}

void http_guard_add_listener(struct http_guard *guard, struct evconnlistener *listener) {
    check(guard->listener_count < LISTENERS_MAX);
    guard->listeners[guard->listener_count++] = listener;
    evconnlistener_set_error_cb(listener, on_accept_error);
}

/* With BEV_OPT_CLOSE_ON_FREE the descriptor is closed together with the bufferevent, in the loop's
 * next round. Otherwise evhttp closes it at once and removes it from epoll only afterwards, when
 * the number may belong to another thread's file. */
static struct bufferevent *new_events(struct event_base *base, struct tls *tls) {
    struct error error;
    struct bufferevent *events;
    if (!tls) {
        events = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
        check(events);
        return events;
    }
    struct ssl_st *session = tls_accept(tls, &error);
    check(session); /* without one, evhttp would speak plain HTTP */
    events = bufferevent_openssl_socket_new(base, -1, session, BUFFEREVENT_SSL_ACCEPTING,
                                            BEV_OPT_CLOSE_ON_FREE);
    check(events);
    bufferevent_openssl_set_allow_dirty_shutdown(events, 1);
    return events;
}

struct bufferevent *http_guard_accept(struct event_base *base, void *user) {
    struct http_guard *guard = user;
    struct bufferevent *events = new_events(base, guard->settings.tls);
    bufferevent_setwatermark(events, EV_READ, 0, guard->settings.input_max);
    bufferevent_set_max_single_read(events, CHUNK_BYTES);
    bufferevent_set_max_single_write(events, CHUNK_BYTES);
    check(evbuffer_add_cb(bufferevent_get_input(events), http_spoil_nul, NULL));
    size_t place = place_of(guard, events);
    struct connection *at = &guard->connections[place];
    /* If a connection that has ended since the last sweep had the same address, it is replaced. */
    if (place == guard->count || at->events != events) {
        check(guard->count <= guard->settings.connections_max);
        memmove(at + 1, at, (guard->count - place) * sizeof *at);
        guard->count++;
    }
    *at = (struct connection){.events = events,
                              .since_us = clock_monotonic_us(guard->settings.clock)};
    pause_if_full(guard);
    return events;
}

void http_guard_begin(struct http_guard *guard, const struct bufferevent *events) {
    struct connection *connection = find(guard, events);
    check(connection);
    connection->serving = true;
}

void http_guard_end(struct http_guard *guard, const struct bufferevent *events) {
    struct connection *connection = find(guard, events);
    check(connection);
    connection->serving = false;
    connection->since_us = clock_monotonic_us(guard->settings.clock);
}

/* ---- the sweep ---- */

/* For each event of the loop: its argument is the bufferevent, if it belongs to a connection of
 * ours. */
static int see(const struct event_base *base, const struct event *event, void *user) {
    (void)base;
    struct connection *connection = find(user, event_get_callback_arg(event));
    if (connection)
        connection->seen = true;
    return 0;
}

static void on_sweep(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct http_guard *guard = user;
    int64_t now_us = clock_monotonic_us(guard->settings.clock);
    for (size_t i = 0; i < guard->count; i++)
        guard->connections[i].seen = false;
    event_base_foreach_event(guard->base, see, guard);
    size_t kept = 0;
    for (size_t i = 0; i < guard->count; i++) {
        struct connection *connection = &guard->connections[i];
        if (!connection->seen && !connection->serving)
            continue; /* freed already; the pointer is dangling */
        if (!connection->serving && now_us - connection->since_us > guard->settings.patience_us) {
            /* evhttp sees the end of the stream in its next round, and frees it. */
            shutdown(bufferevent_getfd(connection->events), SHUT_RDWR);
            if (guard->settings.metrics)
                metric_add(guard->settings.metrics, HTTP_CUT, 0, 1);
            connection->since_us = now_us;
        }
        guard->connections[kept++] = *connection;
    }
    guard->count = kept;
    pause_if_full(guard);
    schedule(guard);
}

/* ---- beginning and end ---- */

struct http_guard *http_guard_new(struct event_base *base,
                                  const struct http_guard_settings *settings) {
    struct http_guard *guard = check_calloc(1, sizeof *guard);
    guard->base = base;
    guard->settings = *settings;
    /* One more, since the listener is paused only by the connection that fills the last place. */
    guard->connections =
        check_reallocarray(NULL, settings->connections_max + 1, sizeof *guard->connections);
    guard->sweep = event_new(base, -1, 0, on_sweep, guard);
    check(guard->sweep);
    schedule(guard);
    return guard;
}

void http_guard_free(struct http_guard *guard) {
    if (!guard)
        return;
    event_free(guard->sweep);
    free(guard->connections);
    free(guard);
}
