/* The connections of the HTTP door: how many there may be, and how long one may take.
 *
 * evhttp (libevent 2.1) knows neither: it counts no connections, its timeouts begin anew with every
 * byte, so that a byte now and then holds a connection for ever, and while it writes it reads on
 * without a bound. It says when a connection begins, but not when it ends. So each connection's
 * bufferevent is remembered here, and a sweep, about every second, asks the loop which of them
 * still have events: those that have none, and of which no request is being served, are gone.
 *
 * The rule: from its beginning, or from the moment its last request was answered, a connection has
 * a fixed time until the next request is there as a whole. That covers idle clients, slow ones, and
 * those who do not take their answers. Beyond it, it is shut down.
 *
 * One thread: the loop's. */
#pragma once

#include "core/base/metric.h"
#include "server/ops/clock.h"

#include <stddef.h>
#include <stdint.h>

struct bufferevent;
struct event_base;
struct evconnlistener;
struct http_guard;

struct http_guard_settings {
    size_t connections_max; /* beyond it nobody is accepted until one ends */
    int64_t patience_us;    /* the fixed time above */
    size_t input_max;       /* bytes that one connection may have sent ahead */
    const struct clock *clock;
    struct metric_set *metrics;
};

struct http_guard *http_guard_new(struct event_base *base,
                                  const struct http_guard_settings *settings);
void http_guard_free(struct http_guard *guard); /* after evhttp_free(); NULL is allowed */

/* What accepts; the guard pauses it. It is freed by whoever made it. */
void http_guard_add_listener(struct http_guard *guard, struct evconnlistener *listener);

/* For evhttp_set_bevcb(); user is the guard. */
struct bufferevent *http_guard_accept(struct event_base *base, void *user);

/* Around each request: it is there as a whole; its answer is on its way. */
void http_guard_begin(struct http_guard *guard, const struct bufferevent *connection);
void http_guard_end(struct http_guard *guard, const struct bufferevent *connection);
