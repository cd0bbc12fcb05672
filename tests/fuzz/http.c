/* Target: bytes of a client to a door that speaks HTTP: the server's JSON API, or the console.
 *
 *   input  u8 bit 0: the console; bits 1–3: how many bytes come at once, see `pieces`
 *          then the bytes
 *
 * evhttp reads them, as it does behind both doors, and their checks say which requests are taken.
 * What is taken must be what a plain reading of the same bytes finds, request by request: the same
 * method, target and body, with no header that could be read in another way. Otherwise something in
 * front of the door might see other requests (request smuggling). */
#include "common/target.h"

#include "console/web/request_check.h"
#include "core/base/check.h"
#include "server/front/http_request.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TAKEN_MAX        16
#define BODY_MAX         4096 /* of evhttp */
#define BODY_TAKEN_MAX   64   /* of the doors */
#define HEADER_BYTES_MAX 8192
#define LOOPS_MAX        200

/* A request that a door has taken. */
struct taken {
    char method[16], *target;
    struct buffer body;
};

struct door {
    struct evhttp *http;
    struct sockaddr_un address;
    socklen_t address_length;
    bool is_console;
};

static struct event_base *base;
static struct door doors[2];
static struct taken taken[TAKEN_MAX];
static size_t taken_count;
static bool is_closed; /* a request was refused with its connection */

static const char *method_name(enum evhttp_cmd_type method) {
    switch (method) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_POST:
        return "POST";
    default:
        return "another";
    }
}

static void take(struct evhttp_request *http) {
    struct evbuffer *body = evhttp_request_get_input_buffer(http);
    size_t length = evbuffer_get_length(body);
    property(taken_count < TAKEN_MAX, "more requests than there are bytes for");
    struct taken *one = &taken[taken_count++];
    snprintf(one->method, sizeof one->method, "%s", method_name(evhttp_request_get_command(http)));
    one->target = text_copy(text_of(evhttp_request_get_uri(http)));
    buffer_clear(&one->body);
    if (length > 0)
        buffer_append(&one->body, evbuffer_pullup(body, -1), length);
}

static void on_request(struct evhttp_request *http, void *user) {
    const struct door *door = user;
    struct http_request request;
    struct http_refusal refusal = {0};
    int r = door->is_console ? request_check(http, "X-Person", BODY_TAKEN_MAX, &refusal)
                             : http_request_read(http, BODY_TAKEN_MAX, &request, &refusal);
    if (r == 0 && !is_closed)
        take(http);
    property(r == 0 || (refusal.status >= 400 && refusal.error.text[0]),
             "refused with status %d and \"%s\"", refusal.status, refusal.error.text);
    if (r < 0 && (refusal.close || door->is_console)) {
        is_closed = true;
        evhttp_add_header(evhttp_request_get_output_headers(http), "Connection", "close");
    }
    if (taken_count == TAKEN_MAX)
        is_closed = true;
    evhttp_send_reply(http, r == 0 ? 200 : refusal.status, "so", NULL);
}

static struct bufferevent *spoil(struct event_base *event_base, void *user) {
    (void)user;
    struct bufferevent *events = bufferevent_socket_new(event_base, -1, 0);
    check(events && evbuffer_add_cb(bufferevent_get_input(events), http_spoil_nul, NULL));
    return events;
}

static void open_door(struct door *door, bool is_console) {
    door->is_console = is_console;
    door->address.sun_family = AF_UNIX; /* in the abstract namespace: there is no file */
    int length = snprintf(door->address.sun_path + 1, sizeof door->address.sun_path - 1,
                          "harrier-fuzz-http-%ld-%d", (long)getpid(), is_console);
    door->address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 128,
                                (struct sockaddr *)&door->address, (int)door->address_length);
    door->http = evhttp_new(base);
    check(listener && door->http && evhttp_bind_listener(door->http, listener));
    evhttp_set_allowed_methods(door->http, UINT16_MAX);
    evhttp_set_max_headers_size(door->http, HEADER_BYTES_MAX);
    evhttp_set_max_body_size(door->http, BODY_MAX);
    evhttp_set_bevcb(door->http, spoil, NULL);
    evhttp_set_gencb(door->http, on_request, door);
}

void target_start(void) {
    event_set_log_callback(NULL);
    base = event_base_new();
    check(base);
    open_door(&doors[0], false);
    open_door(&doors[1], true);
    for (size_t i = 0; i < TAKEN_MAX; i++)
        buffer_init(&taken[i].body);
}

/* ---- a plain reading ---- */

struct plain {
    struct text method, target, body;
};

static struct text take_line(const char **at, const char *end, bool *ret_whole) {
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    struct text line = {.data = *at};
    *ret_whole = line_end != NULL;
    if (!line_end)
        return line;
    line.length = (size_t)(line_end - *at);
    *at = line_end + 1;
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    return line;
}

static bool is_name(struct text line, const char *name, struct text *ret_value) {
    size_t length = strlen(name);
    if (line.length <= length || strncasecmp(line.data, name, length) != 0 ||
        line.data[length] != ':')
        return false;
    struct text value = {.data = line.data + length + 1, .length = line.length - length - 1};
    while (value.length > 0 && (*value.data == ' ' || *value.data == '\t')) {
        value.data++;
        value.length--;
    }
    while (value.length > 0 &&
           (value.data[value.length - 1] == ' ' || value.data[value.length - 1] == '\t'))
        value.length--;
    *ret_value = value;
    return true;
}

/* The next request of the bytes; false: it is not whole, or not plain. *at is behind it. */
static bool plain_next(const char **at, const char *end, struct plain *ret_request) {
    bool whole, is_length = false;
    size_t lengths = 0, body = 0;
    struct text value, line = take_line(at, end, &whole);
    while (line.length > 0 &&
           line.data[line.length - 1] == ' ') /* as evhttp, and RFC 9112, have it */
        line.length--;
    const char *first = memchr(line.data, ' ', line.length);
    const char *last = memrchr(line.data, ' ', line.length);
    if (!whole || !first || first == last)
        return false;
    ret_request->method = (struct text){line.data, (size_t)(first - line.data)};
    ret_request->target = (struct text){first + 1, (size_t)(last - first - 1)};
    for (;;) {
        line = take_line(at, end, &whole);
        if (!whole)
            return false;
        if (line.length == 0)
            break;
        if (*line.data == ' ' || *line.data == '\t') { /* it continues the header before it */
            if (is_length)
                return false;
            continue;
        }
        is_length = false;
        const char *colon = memchr(line.data, ':', line.length);
        if (!colon || colon == line.data || colon[-1] == ' ' || colon[-1] == '\t' ||
            memchr(line.data, '\0', line.length) || memchr(line.data, '\r', line.length))
            return false;
        if (is_name(line, "Transfer-Encoding", &value))
            return false;
        if (!is_name(line, "Content-Length", &value))
            continue;
        is_length = true;
        if (lengths++ > 0 || value.length == 0 || value.length > 9)
            return false;
        for (size_t i = 0; i < value.length; i++) {
            if (!text_is_digit(value.data[i]))
                return false;
            body = 10 * body + (size_t)(value.data[i] - '0');
        }
    }
    if (body > (size_t)(end - *at))
        return false;
    ret_request->body = (struct text){*at, body};
    *at += body;
    return true;
}

/* What was taken must be among what a plain reading finds, in its order: others were refused. */
static void must_be_plain(const char *at, const char *end) {
    struct plain plain = {0};
    for (size_t i = 0; i < taken_count; i++) {
        bool is_found = false;
        while (!is_found) {
            property(plain_next(&at, end, &plain), "request %zu, %s %s, is not a plain one", i,
                     taken[i].method, taken[i].target);
            is_found = text_is(plain.method, taken[i].method) &&
                       text_is(plain.target, taken[i].target) &&
                       text_equal(plain.body, buffer_text(&taken[i].body));
        }
    }
}

/* ---- the connection ---- */

static void loop(void) {
    event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Reads and drops the answers. Returns whether the door has closed the connection. */
static bool drain(int client) {
    char bytes[4096];
    ssize_t length;
    while ((length = read(client, bytes, sizeof bytes)) > 0)
        continue;
    return length == 0 || (errno != EAGAIN && errno != EINTR);
}

static void talk(const struct door *door, const uint8_t *bytes, size_t size, size_t piece) {
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    property(client >= 0 && connect(client, (const struct sockaddr *)&door->address,
                                    door->address_length) == 0,
             "cannot connect");
    loop();
    bool ended = false;
    for (size_t at = 0; at < size && !ended; at += piece) {
        size_t length = size - at < piece ? size - at : piece;
        ended = send(client, bytes + at, length, MSG_NOSIGNAL) != (ssize_t)length;
        loop();
    }
    shutdown(client, SHUT_WR);
    for (int i = 0; i < LOOPS_MAX && !drain(client); i++)
        loop();
    close(client);
    loop();
}

bool target_run(const uint8_t *bytes, size_t size) {
    static const size_t pieces[] = {SIZE_MAX / 2, SIZE_MAX / 2, 1000, 200, 50, 17, 5, 1};
    if (size == 0)
        return false;
    taken_count = 0;
    is_closed = false;
    talk(&doors[bytes[0] & 1], bytes + 1, size - 1, pieces[bytes[0] >> 1 & 7]);
    must_be_plain((const char *)bytes + 1, (const char *)bytes + size);
    for (size_t i = 0; i < taken_count; i++)
        free(taken[i].target);
    return taken_count > 0;
}

/* ---- seeds ---- */

static void add(struct seeds *seeds, unsigned how, const char *requests) {
    struct buffer seed;
    buffer_init(&seed);
    buffer_append_u8(&seed, (uint8_t)how);
    buffer_append(&seed, requests, strlen(requests));
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

struct refused {
    struct bad_case taker;
    struct seeds *seeds;
};

/* Line ends are LF alone, which evhttp takes as well. */
static void take_request(struct bad_case *self, struct text name, struct text content) {
    const struct refused *refused = (const struct refused *)self;
    struct buffer seed;
    (void)name;
    buffer_init(&seed);
    for (uint8_t console = 0; console < 2; console++) {
        const char *line_end = memchr(content.data, '\n', content.length);
        if (!line_end)
            break;
        size_t first = (size_t)(line_end - content.data) + 1;
        buffer_clear(&seed);
        buffer_append_u8(&seed, console);
        buffer_append(&seed, content.data, first);
        buffer_append_string(&seed, "Host: a\n");
        buffer_append(&seed, content.data + first, content.length - first);
        refused->seeds->add_any(refused->seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
}

static void end_case(struct bad_case *self) {
    (void)self;
}

void target_seeds(struct seeds *seeds, const char *root) {
    struct refused refused = {.taker = {.take = take_request, .end = end_case}, .seeds = seeds};
    static const struct text refusals[] = {
        TEXT_LITERAL("HEAD /v1/status HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"),
        TEXT_LITERAL("GET /v1/status HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"),
        TEXT_LITERAL("GET /v1/status HTTP/1.2\r\nHost: a\r\n\r\n"),
        TEXT_LITERAL("GET /v1/status HTTP/1.1\r\n\r\n"),
        TEXT_LITERAL("GET /v1/status HTTP/1.1\r\nHost: a\r\nX(y): 1\r\n\r\n"),
        TEXT_LITERAL("GET /v1/status HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n"),
        TEXT_LITERAL("GET /v1/status HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
        TEXT_LITERAL("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"),
        TEXT_LITERAL("GET / HTTP/1.1\r\nHost: a\r\nX-Person: a\r\nX-Person: b\r\n\r\n"),
        TEXT_LITERAL("POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json;x\r\n"
                     "Content-Length: 2\r\n\r\n{}"),
        TEXT_LITERAL("POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/jsonx\r\n"
                     "Content-Length: 70\r\n\r\n{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
                     ": \"bbbbbbbbbbbbbbbbbbbbbbb\"}"),
        TEXT_LITERAL("POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                     "Content-Length: 70\r\n\r\n{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
                     ": \"bbbbbbbbbbbbbbbbbbbbbbb\"}"),
    };
    static const char *const server[] = {
        "GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/status HTTP/1.0\r\n\r\n",
        "HEAD /v1/openapi.yaml HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json; charset=utf-8\r\n"
        "Content-Length: 2\r\nAuthorization: Bearer abc\r\nHarrier-Deadline-Us: 5000\r\n"
        "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n{}"
        "GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /v1/find HTTP/1.1\nHost: a\nContent-Type: application/json\nContent-Length: 2\n\n{}"
        "POST /v1/reload HTTP/1.1\nHost: a\nContent-Type: application/json\nContent-Length: 0\n"
        "Content-Encoding: identity\n\n",
        "GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\nPUT /v1/score HTTP/1.1\r\nHost: a\r\n"
        "Content-Length: 3\r\n\r\nabcGET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\nPOST /v1/score HTTP/1.1\r\nHost: a\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/status?x=1 HTTP/1.1\r\nHost: a\r\n"
        "X: 1\r\n 2\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    static const char *const console[] = {
        "GET /api/status?day=2026-01-31 HTTP/1.1\r\nHost: a\r\nCookie: s=1\r\n\r\n",
        "POST /api/sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\nOrigin: http://a\r\nX-CSRF-Token: 1\r\nSec-Fetch-Site: "
        "same-origin\r\n"
        "X-Person: ada\r\n\r\n{}",
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /%41%20 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nDELETE /x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\nCookie: a\r\nCookie: "
        "b\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        for (uint8_t door = 0; door < 2; door++) {
            struct buffer seed;
            buffer_init(&seed);
            buffer_append_u8(&seed, door);
            buffer_append(&seed, refusals[i].data, refusals[i].length);
            seeds->add_any(seeds, seed.bytes, seed.length);
            buffer_deinit(&seed);
        }
    bad_cases(root, "http", &refused.taker);
    for (unsigned piece = 0; piece < 16; piece += 6) {
        for (size_t i = 0; i < sizeof server / sizeof *server; i++)
            add(seeds, piece, server[i]);
        for (size_t i = 0; i < sizeof console / sizeof *console; i++)
            add(seeds, piece | 1, console[i]);
    }
}
