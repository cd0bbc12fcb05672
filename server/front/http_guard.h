/* The connections of the HTTP front and of the admin address: how many there may be, and how long
 * each may take.
 *
 * evhttp (libevent 2.1) limits neither. It does not count connections; its timeouts start over with
 * every byte, so that one byte now and then holds a connection forever; and while it writes, it
 * reads on without a bound. It reports when a connection begins, but not when it ends. So each
 * connection's bufferevent is remembered here, and a sweep, about every second, asks the loop which
 * of them still have events: those without, and without a request being served, are gone.
 *
 * The rule: from its beginning, or from its last answer, a connection has a fixed time until the
 * next request is complete. That covers idle clients, slow ones, and those that do not read their
 * answers. After that it is shut down.
 *
 * The loop's thread only. */
#pragma once

#include "core/base/metric.h"
#include "server/ops/clock.h"

#include <stddef.h>
#include <stdint.h>

struct bufferevent;
struct event_base;
struct evconnlistener;
struct http_guard;
struct tls;

struct http_guard_settings {
    size_t connections_max; /* with that many, accepting pauses until one ends */
    int64_t patience_us;    /* the fixed time above */
    size_t input_max;       /* bytes that one connection may have sent ahead */
    const struct clock *clock;
    struct metric_set *metrics; /* NULL: they are not counted */
    struct tls *tls;            /* NULL: connections are plain */
};

struct http_guard *http_guard_new(struct event_base *base,
                                  const struct http_guard_settings *settings);
void http_guard_free(struct http_guard *guard); /* after evhttp_free(); NULL is allowed */

/* A listener for the guard to pause; remains the caller's. */
void http_guard_add_listener(struct http_guard *guard, struct evconnlistener *listener);

/* For evhttp_set_bevcb(); user is the guard. */
struct bufferevent *http_guard_accept(struct event_base *base, void *user);

/* Around each request: once it is complete; once its answer is with evhttp. */
void http_guard_begin(struct http_guard *guard, const struct bufferevent *connection);
void http_guard_end(struct http_guard *guard, const struct bufferevent *connection);
