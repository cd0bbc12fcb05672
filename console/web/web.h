/* HTTP for the console's page: one thread reads requests and sends answers (libevent), others work
 * on them, so that a slow answer delays nobody's. Each request is framed, bounded and copied before
 * a handler sees it. Limits: connections, bytes, time (server/front/http_guard.h), and requests
 * that wait for a thread: beyond WEB_WAITING_MAX the answer is 503 at once. */
#pragma once

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "server/ops/log.h"

#include <stdbool.h>
#include <stdint.h>

#define WEB_BODY_MAX    ((size_t)64 << 10) /* bytes of a request's body: anyone can send them */
#define WEB_WAITING_MAX 128                /* of quick ones, and of slow ones: struct web_handler */
#define WEB_COOKIE_SIZE 256

enum web_method { WEB_GET, WEB_POST }; /* HEAD counts as GET */

struct evkeyvalq;

/* Everything in it is a copy that lives as long as the handler runs. */
struct web_request {
    enum web_method method;
    const char *path;
    const struct evkeyvalq *query; /* decoded: web_query() */
    struct text body;              /* "" or JSON, not parsed yet */
    const char *address;           /* of the client: "127.0.0.1" */
    /* Headers; "" when absent. Of one that comes twice, the last; that can be the last two only. */
    const char *cookie, *csrf, *origin, *host, *fetch_site, *if_none_match, *forwarded_for;
    const char *trusted; /* of the settings' trusted_header, which came once at most */
};

/* The value of a parameter of the query, or "". */
const char *web_query(const struct web_request *request, const char *name);
/* A number from 0 to most; ERROR_INVALID names the parameter. absent: what it is without one. */
int web_query_number(const struct web_request *request, const char *name, uint64_t most,
                     uint64_t absent, uint64_t *ret_number, struct error *ret_error);

/* The handler fills it. status 0: it did not, which is a 500. */
struct web_answer {
    int status;
    const char *type; /* static; NULL: application/json */
    struct buffer body;
    char cookie[WEB_COOKIE_SIZE]; /* Set-Cookie; "": none */
    const char *etag;             /* static; NULL: none, and the answer is not stored */
    const char *disposition;      /* static: Content-Disposition; NULL: none */
};

struct web_handler {
    /* Any of the working threads. */
    void (*handle)(void *user, const struct web_request *request, struct web_answer *answer);
    /* May it take seconds? At most half of the threads work on such requests, so that the others
     * are answered meanwhile. The loop's thread. NULL: none may. */
    bool (*is_slow)(void *user, const struct web_request *request);
    void *user;
};

struct tls;

struct web_settings {
    const char *listen; /* HOST:PORT; port 0: any free one */
    struct tls *tls;    /* NULL: plain HTTP */
    /* A header by which a proxy in front says who asks: a request with two of them is refused.
     * NULL: none */
    const char *trusted_header;
    struct web_handler handler;
    unsigned threads;
    size_t connections_max;
    int64_t patience_us; /* see http_guard.h */
    struct log *log;
};

struct web;

/* ERROR_INVALID: the address. ERROR_EXISTS: in use. ERROR_SYSTEM. */
int web_open(const struct web_settings *settings, struct web **ret_web, struct error *ret_error);
/* The port that it listens on. */
uint16_t web_port(const struct web *web);
/* Ends connections, waits for the handlers that run. NULL is allowed. */
void web_close(struct web *web);
