/* A connection for each attempt, by libevent's HTTP client, TLS and resolver: none of them blocks,
 * so that an attempt can be ended at any time. The name is looked up anew each time, by DNS and
 * /etc/hosts (not by other sources of nsswitch.conf); libevent tries the first address alone.
 *
 * Only the status counts: 2xx is a delivery. The attempt ends once the headers are read; whatever
 * follows, however large, is not.
 *
 * The body is signed with the time of the attempt, so that a receiver can refuse old ones:
 *
 *   Harrier-Signature: t=1767225600,v1=<hex of HMAC-SHA256(secret, "1767225600." body)> */
#include "event_url.h"

#include "core/base/buffer.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "server/net/address.h"
#include "server/net/tls_client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define HEADERS_BYTES_MAX 16384
#define BODY_BYTES_MAX    1 /* none is read */

struct event_url {
    struct event_destination destination; /* first */
    struct event_base *base;
    struct evhttp_uri *uri;
    char host[256]; /* without the brackets of an IPv6 address */
    char host_header[300], target[2048];
    uint16_t port;
    struct tls_client *tls; /* NULL: http */
    struct hmac *hmac;      /* NULL: not signed */
    int64_t timeout_us;
    struct event *deadline, *conclude;
    /* The attempt: */
    struct evdns_base *dns; /* a lookup keeps its connection alive, and so ends with it */
    struct evhttp_connection *connection; /* NULL: none */
    int status;                           /* of the answer; 0: none yet */
    bool is_over;
    char problem[256];
};

/* ---- the URL ---- */

static bool is_scheme(const struct evhttp_uri *uri, const char *scheme) {
    const char *own = evhttp_uri_get_scheme(uri);
    return own && strcmp(own, scheme) == 0;
}

static bool is_good(const struct evhttp_uri *uri) {
    const char *host = evhttp_uri_get_host(uri);
    int port = evhttp_uri_get_port(uri);
    return (is_scheme(uri, "http") || is_scheme(uri, "https")) && host && *host &&
           strlen(host) < 256 && port != 0 && port <= 65535;
}

static uint16_t port_of(const struct evhttp_uri *uri) {
    int port = evhttp_uri_get_port(uri);
    return (uint16_t)(port > 0 ? port : is_scheme(uri, "https") ? 443 : 80);
}

/* What a URL has besides scheme and host may be secret: messages do not repeat it. */
static int parse(const char *url, struct evhttp_uri **ret_uri, struct error *ret_error) {
    struct evhttp_uri *uri = strlen(url) < 2000 ? evhttp_uri_parse(url) : NULL;
    const char *wrong = NULL;
    if (!uri || !is_good(uri))
        wrong = "is no URL; expected https://HOST[:PORT]/PATH or http://HOST[:PORT]/PATH, of at "
                "most 2000 bytes, with special characters as %XX";
    else if (evhttp_uri_get_userinfo(uri))
        wrong = "has a user name in it, which is not supported; the signature "
                "(event_secret) shows the receiver who sends";
    else if (evhttp_uri_get_fragment(uri))
        wrong = "has a fragment (#), which is never sent";
    if (!wrong) {
        *ret_uri = uri;
        return 0;
    }
    if (uri)
        evhttp_uri_free(uri);
    return error_set(ret_error, ERROR_INVALID, "event_url %s", wrong);
}

/* [::1] → ::1 */
static void plain_host(const struct evhttp_uri *uri, char *host, size_t size) {
    const char *own = evhttp_uri_get_host(uri);
    snprintf(host, size, "%s", *own == '[' ? own + 1 : own);
    if (*own == '[')
        host[strcspn(host, "]")] = '\0';
}

int event_url_check(const char *url, bool *ret_in_clear, struct error *ret_error) {
    struct evhttp_uri *uri;
    char host[256];
    int r = parse(url, &uri, ret_error);
    if (r < 0)
        return r;
    plain_host(uri, host, sizeof host);
    *ret_in_clear = is_scheme(uri, "http") && !address_host_is_loopback(host);
    evhttp_uri_free(uri);
    return 0;
}

uint16_t event_url_port(const char *url) {
    struct evhttp_uri *uri;
    struct error ignored;
    if (parse(url, &uri, &ignored) < 0)
        return 0;
    uint16_t port = port_of(uri);
    evhttp_uri_free(uri);
    return port;
}

/* ---- the end of an attempt ---- */

/* Outside the callbacks of what is freed. */
static void end_attempt(struct event_url *url) {
    event_del(url->deadline);
    event_del(url->conclude);
    if (url->connection)
        evhttp_connection_free(url->connection);
    if (url->dns)
        evdns_base_free(url->dns, 1);
    url->connection = NULL;
    url->dns = NULL;
}

static void on_conclude(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct event_url *url = user;
    end_attempt(url);
    if (url->status >= 200 && url->status < 300)
        *url->problem = '\0';
    else if (url->status > 0)
        snprintf(url->problem, sizeof url->problem, "the receiver answered %d", url->status);
    url->destination.delivered(url->destination.user, url->problem);
}

static void finish(struct event_url *url) {
    if (url->is_over)
        return;
    url->is_over = true;
    event_active(url->conclude, 0, 1);
}

/* While the connection still has its state. libevent has overwritten errno by now, so that a
 * refused connection looks as one to a machine that is off. */
static void note_failure(struct event_url *url, const char *what) {
    struct bufferevent *stream =
        url->connection ? evhttp_connection_get_bufferevent(url->connection) : NULL;
    struct ssl_st *session = url->tls && stream ? bufferevent_openssl_get_ssl(stream) : NULL;
    unsigned long code = session ? bufferevent_get_openssl_error(stream) : 0;
    int unresolved = stream ? bufferevent_socket_get_dns_error(stream) : 0;
    if (*url->problem)
        return;
    if (unresolved != 0)
        snprintf(url->problem, sizeof url->problem, "cannot resolve %.128s: %s", url->host,
                 evutil_gai_strerror(unresolved));
    else if (code != 0)
        tls_client_describe(session, code, url->problem, sizeof url->problem);
    else
        snprintf(url->problem, sizeof url->problem, "%s", what);
}

static void on_deadline(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    struct event_url *url = user;
    snprintf(url->problem, sizeof url->problem, "no answer within event_timeout");
    finish(url);
}

/* ---- libevent's callbacks ---- */

/* -1: nothing else is read. */
static int on_headers(struct evhttp_request *request, void *user) {
    struct event_url *url = user;
    if (evhttp_request_get_response_code(request) == 100) /* Continue: the answer follows */
        return 0;
    url->status = evhttp_request_get_response_code(request);
    finish(url);
    return -1;
}

static void on_error(enum evhttp_request_error error, void *user) {
    struct event_url *url = user;
    if (url->status == 0)
        note_failure(url, error == EVREQ_HTTP_EOF ? "the receiver closed the connection"
                          : error == EVREQ_HTTP_INVALID_HEADER ? "the answer is not HTTP"
                                                               : "the connection failed");
    finish(url);
}

/* Also after on_error(). */
static void on_answer(struct evhttp_request *request, void *user) {
    struct event_url *url = user;
    if (url->is_over)
        return;
    if (request)
        url->status = evhttp_request_get_response_code(request);
    if (url->status == 0)
        note_failure(url, "nobody listens there, or the machine cannot be reached");
    finish(url);
}

/* ---- an attempt ---- */

static void add_signature(struct event_url *url, struct evkeyvalq *headers, struct text body) {
    struct buffer signed_bytes;
    uint8_t digest[32];
    char header[128];
    long long now = (long long)time(NULL);
    int at = snprintf(header, sizeof header, "t=%lld,v1=", now);
    buffer_init(&signed_bytes);
    buffer_printf(&signed_bytes, "%lld.", now);
    buffer_append(&signed_bytes, body.data, body.length);
    hmac_digest(url->hmac, signed_bytes.bytes, signed_bytes.length, digest);
    buffer_deinit(&signed_bytes);
    for (size_t i = 0; i < sizeof digest; i++)
        at += snprintf(header + at, sizeof header - (size_t)at, "%02x", digest[i]);
    evhttp_add_header(headers, "Harrier-Signature", header);
}

/* As /etc/resolv.conf and /etc/hosts are now: a machine may move to another network. */
static void open_resolver(struct event_url *url) {
    url->dns = evdns_base_new(url->base, 0);
    check(url->dns);
    evdns_base_load_hosts(url->dns, "/etc/hosts"); /* without it: localhost alone */
    evdns_base_resolv_conf_parse(url->dns, DNS_OPTIONS_ALL & ~DNS_OPTION_HOSTSFILE,
                                 "/etc/resolv.conf");
}

/* NULL: *url->problem says why. */
static struct bufferevent *new_stream(struct event_url *url) {
    struct error error;
    if (!url->tls)
        return bufferevent_socket_new(url->base, -1, BEV_OPT_CLOSE_ON_FREE);
    struct ssl_st *session = tls_client_connect(url->tls, url->host, &error);
    if (!session) {
        snprintf(url->problem, sizeof url->problem, "%.*s", 200, error.text);
        return NULL;
    }
    struct bufferevent *stream = bufferevent_openssl_socket_new(
        url->base, -1, session, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    if (stream)
        bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
    return stream;
}

static void post(struct event_url *url, struct text body, size_t count) {
    struct evhttp_request *request = evhttp_request_new(on_answer, url);
    char number[32];
    check(request);
    evhttp_request_set_header_cb(request, on_headers);
    evhttp_request_set_error_cb(request, on_error);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    snprintf(number, sizeof number, "%zu", count);
    evhttp_add_header(headers, "Host", url->host_header);
    evhttp_add_header(headers, "Content-Type", "application/json");
    evhttp_add_header(headers, "User-Agent", "harrierd/" HARRIER_VERSION);
    evhttp_add_header(headers, "Connection", "close");
    evhttp_add_header(headers, "Harrier-Events", number);
    if (url->hmac)
        add_signature(url, headers, body);
    check(evbuffer_add(evhttp_request_get_output_buffer(request), body.data, body.length) == 0);
    if (evhttp_make_request(url->connection, request, EVHTTP_REQ_POST, url->target) < 0) {
        note_failure(
            url,
            "nobody listens there, or the machine cannot be reached"); /* the request is freed */
        finish(url);
    }
}

static void start(struct event_destination *self, struct text body, size_t count) {
    struct event_url *url = (struct event_url *)self;
    const struct timeval timeout = {.tv_sec = url->timeout_us / 1000000,
                                    .tv_usec = url->timeout_us % 1000000};
    url->status = 0;
    url->is_over = false;
    *url->problem = '\0';
    event_add(url->deadline, &timeout);
    open_resolver(url);
    struct bufferevent *stream = new_stream(url);
    if (stream)
        url->connection = evhttp_connection_base_bufferevent_new(url->base, url->dns, stream,
                                                                 url->host, url->port);
    if (!url->connection) {
        finish(url);
        return;
    }
    evhttp_connection_set_timeout_tv(url->connection, &timeout);
    evhttp_connection_set_max_headers_size(url->connection, HEADERS_BYTES_MAX);
    evhttp_connection_set_max_body_size(url->connection, BODY_BYTES_MAX);
    post(url, body, count);
}

static void abandon(struct event_destination *self) {
    struct event_url *url = (struct event_url *)self;
    end_attempt(url);
    url->is_over = true;
}

static void free_url(struct event_destination *self) {
    struct event_url *url = (struct event_url *)self;
    abandon(self);
    event_free(url->deadline);
    event_free(url->conclude);
    evhttp_uri_free(url->uri);
    tls_client_close(url->tls);
    hmac_free(url->hmac);
    free(url);
}

/* What a request says of the URL. */
static void take_parts(struct event_url *url) {
    const char *path = evhttp_uri_get_path(url->uri), *query = evhttp_uri_get_query(url->uri);
    int port = evhttp_uri_get_port(url->uri); /* in the header only if the URL has it */
    plain_host(url->uri, url->host, sizeof url->host);
    url->port = port_of(url->uri);
    int length =
        snprintf(url->host_header, sizeof url->host_header, "%s", evhttp_uri_get_host(url->uri));
    if (port > 0)
        snprintf(url->host_header + length, sizeof url->host_header - (size_t)length, ":%d", port);
    snprintf(url->target, sizeof url->target, "%s%s%s", path && *path ? path : "/",
             query ? "?" : "", query ? query : "");
}

int event_url_new(struct event_base *base, const struct event_url_settings *settings,
                  struct event_destination **ret_destination, struct error *ret_error) {
    struct evhttp_uri *uri;
    struct tls_client *tls = NULL;
    int r = parse(settings->url, &uri, ret_error);
    if (r < 0)
        return r;
    if (is_scheme(uri, "https"))
        r = tls_client_open(settings->ca, &tls, ret_error);
    if (r < 0) {
        evhttp_uri_free(uri);
        return error_prefix(ret_error, "event_url");
    }
    struct event_url *url = check_calloc(1, sizeof *url);
    url->destination = (struct event_destination){
        .name = "event_url", .start = start, .abandon = abandon, .free = free_url};
    url->base = base;
    url->uri = uri;
    url->tls = tls;
    url->timeout_us = settings->timeout_us;
    if (settings->secret.length > 0)
        url->hmac = hmac_new(settings->secret.data, settings->secret.length);
    take_parts(url);
    url->deadline = event_new(base, -1, 0, on_deadline, url);
    url->conclude = event_new(base, -1, 0, on_conclude, url);
    check(url->deadline && url->conclude);
    *ret_destination = &url->destination;
    return 0;
}
