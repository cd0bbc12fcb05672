/* One connection after the other to one address.
 *
 *   BACKING_OFF ─ time ─► LOOKING_UP ─► CONNECTING ─► SECURING ─► GREETING ─► UP
 *      ▲                 (names only)        │        (TLS only)     │        │
 *      └── the next address of the host, or a back-off ◄──┴──────────┴────────┘ refused, lost, slow
 *
 * A frame is an SP header (its length, see core/wire/message/sp.h), the request id, the message.
 * Many exchanges go out in one sendmsg(), and one recv() may bring many answers. Over TLS, tls.c is
 * between these and the socket. */
#include "clients/c/transport/stream.h"
#include "clients/c/base/clock.h"
#include "clients/c/exchange/exchange.h"
#include "clients/c/transport/lookup.h"
#include "clients/c/transport/tls.h"
#include "clients/c/transport/transport.h"

#include "core/base/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define TCP_SCHEME "tcp://"
#define TLS_SCHEME "tls+tcp://"
#define IPC_SCHEME "ipc://"

#define BACK_OFF_US_MIN 10000
#define BACK_OFF_US_MAX 500000
#define CONNECT_US_MAX  5000000 /* until the server's greeting is there */
#define READ_SIZE       ((size_t)64 << 10)
#define INPUT_KEPT      ((size_t)1 << 20) /* a larger buffer is given back when it is empty */
#define PARTS_MAX       64                /* iovecs of one sendmsg() */
#define BODY_MAX        ((uint64_t)MESSAGE_RESPONSE_SIZE_MAX + SP_ID_SIZE)

enum stream_state { BACKING_OFF, LOOKING_UP, CONNECTING, SECURING, GREETING, UP };

struct stream {
    struct transport *transport;
    enum sp_stream kind;
    bool is_secure;    /* TLS */
    char *host, *port; /* tcp */
    bool is_name;      /* host is not an IP address and must be looked up at each connection */
    struct lookup *lookup;
    struct lookup_result found;
    size_t next_found; /* index of the next address to try */

    enum stream_state state;
    int descriptor;
    struct tls_session *tls; /* of this socket; NULL: none */
    int64_t next_at_us;      /* BACKING_OFF: when to connect; before UP: when to give up */
    unsigned back_offs;      /* since it was last up */
    uint8_t greeting[SP_GREETING_SIZE]; /* the server's, as far as it has arrived */
    size_t greeting_length;
    struct buffer input;
    struct buffer rest; /* of a partly written frame whose exchange has left */
    size_t rest_sent;
};

bool stream_is_secure(const char *address) {
    return strncmp(address, TLS_SCHEME, strlen(TLS_SCHEME)) == 0;
}

bool stream_takes(const char *address) {
    return strncmp(address, TCP_SCHEME, strlen(TCP_SCHEME)) == 0 || stream_is_secure(address) ||
           strncmp(address, IPC_SCHEME, strlen(IPC_SCHEME)) == 0;
}

/* ---------------------------------------------------------------------------------------------
 * Addresses */

/* 1 to 65535, without sign or spaces. */
static bool is_port(const char *text) {
    size_t digits = strspn(text, "0123456789");
    int port = digits > 0 && digits <= 5 && !text[digits] ? atoi(text) : 0;
    return port >= 1 && port <= 65535;
}

/* "host:port", "[v6]:port" */
static const char *parse_tcp(struct stream *stream, const char *at) {
    const char *colon = strrchr(at, ':');
    if (!colon || colon == at)
        return "it has no host and port";
    if (!is_port(colon + 1))
        return "its port is not a number from 1 to 65535";
    struct text host = {at, (size_t)(colon - at)};
    if (at[0] == '[' && colon[-1] == ']')
        host = (struct text){at + 1, host.length - 2};
    else if (memchr(host.data, ':', host.length))
        return "an IPv6 address needs brackets around it";
    if (host.length == 0 || host.length > 253)
        return "it has no host";
    stream->host = text_copy(host);
    stream->port = text_copy(text_of(colon + 1));
    stream->is_name = !lookup_number(stream->host, stream->port, &stream->found);
    if (stream->is_name && at[0] == '[')
        return "what is in brackets is not an IPv6 address";
    return NULL;
}

static const char *parse_ipc(struct stream *stream, const char *path) {
    struct sockaddr_un *address = (struct sockaddr_un *)&stream->found.addresses[0].address;
    if (!path[0])
        return "it has no path";
    if (strlen(path) >= sizeof address->sun_path)
        return "its path is longer than a socket's may be (107 bytes)";
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    stream->found.addresses[0].length = sizeof *address;
    stream->found.count = 1;
    return NULL;
}

/* ---------------------------------------------------------------------------------------------
 * Connecting */

static void try_next(struct stream *stream, int64_t now_us);

/* For the user's error: why the last attempt to connect failed. */
static void set_why(struct stream *stream, const char *why) {
    snprintf(stream->transport->why, sizeof stream->transport->why, "%s", why);
}

/* 10 ms, doubling up to 500 ms, each ±25 % so that clients do not reconnect in step. */
static int64_t back_off_us(struct stream *stream) {
    unsigned doublings = stream->back_offs < 10 ? stream->back_offs : 10;
    int64_t us = (int64_t)BACK_OFF_US_MIN << doublings;
    if (us > BACK_OFF_US_MAX)
        us = BACK_OFF_US_MAX;
    us = (int64_t)((double)us * (0.75 + 0.5 * client_random(stream->transport->client)));
    if (us < BACK_OFF_US_MIN)
        us = BACK_OFF_US_MIN;
    stream->back_offs++;
    return us < BACK_OFF_US_MAX ? us : BACK_OFF_US_MAX;
}

/* Bytes of a broken connection mean nothing on the next one: both buffers are emptied. */
static void close_socket(struct stream *stream) {
    tls_session_free(stream->tls);
    stream->tls = NULL;
    if (stream->descriptor >= 0)
        close(stream->descriptor);
    stream->descriptor = -1;
    stream->greeting_length = 0;
    buffer_clear(&stream->input);
    buffer_clear(&stream->rest);
    stream->rest_sent = 0;
}

static void back_off(struct stream *stream, int64_t now_us) {
    stream->state = BACKING_OFF;
    /* Between calls no thread polls: the connection may have been lost long ago. */
    stream->next_at_us = now_us + back_off_us(stream) - stream->transport->client->unwatched_us;
}

/* The connection failed, or was lost: tries the next address of the host, or backs off. */
static void give_up(struct stream *stream, int64_t now_us) {
    bool was_up = stream->state == UP;
    close_socket(stream);
    if (!was_up && stream->next_found < stream->found.count) {
        try_next(stream, now_us);
        return;
    }
    back_off(stream, now_us);
    if (was_up)
        stream->transport->handlers->down(stream->transport, now_us);
}

/* Bytes taken; -1: none for now, or the connection is gone. */
static ssize_t send_parts(struct stream *stream, struct iovec *parts, size_t count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t sent;
    if (stream->tls)
        return tls_session_send(stream->tls, parts, count);
    do
        sent = sendmsg(stream->descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent;
}

/* SP: each side sends 8 bytes that name its protocol, and closes if the other one does not fit. */
static void greet(struct stream *stream, int64_t now_us) {
    uint8_t greeting[SP_GREETING_SIZE];
    sp_greeting_write(greeting, SP_REQ);
    stream->state = GREETING;
    struct iovec part = {greeting, sizeof greeting};
    /* The send buffer of a new socket has room for 8 bytes; if it does not, the socket is broken.
     */
    if (send_parts(stream, &part, 1) != (ssize_t)sizeof greeting)
        give_up(stream, now_us);
}

static void secure(struct stream *stream, int64_t now_us) {
    int r = tls_session_handshake(stream->tls);
    if (r == 1) {
        greet(stream, now_us);
    } else if (r < 0) {
        set_why(stream, tls_session_why(stream->tls));
        give_up(stream, now_us);
    }
}

/* There is a connection. */
static void connected(struct stream *stream, int64_t now_us) {
    if (!stream->is_secure) {
        greet(stream, now_us);
        return;
    }
    stream->state = SECURING;
    const struct lookup_address *to = &stream->found.addresses[stream->next_found - 1];
    stream->tls = tls_session_new(stream->transport->client->tls, stream->descriptor,
                                  stream->is_name ? stream->host : NULL,
                                  (const struct sockaddr *)&to->address);
    secure(stream, now_us);
}

static void try_next(struct stream *stream, int64_t now_us) {
    const struct lookup_address *to = &stream->found.addresses[stream->next_found++];
    const int yes = 1;
    stream->descriptor =
        socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->descriptor < 0) {
        give_up(stream, now_us);
        return;
    }
    if (stream->kind == SP_TCP)
        setsockopt(stream->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    stream->state = CONNECTING;
    stream->next_at_us = now_us + CONNECT_US_MAX;
    if (connect(stream->descriptor, (const struct sockaddr *)&to->address, to->length) == 0) {
        connected(stream, now_us);
    } else if (errno != EINPROGRESS) {
        set_why(stream, strerror(errno));
        give_up(stream, now_us);
    }
}

static void begin(struct stream *stream, int64_t now_us) {
    stream->next_found = 0;
    if (!stream->is_name) {
        try_next(stream, now_us);
        return;
    }
    stream->found.count = 0;
    stream->state = LOOKING_UP;
    stream->next_at_us = INT64_MAX;
    stream->lookup =
        lookup_new(stream->host, stream->port, stream->transport->client->wake_descriptor);
}

static void take_lookup(struct stream *stream, int64_t now_us) {
    if (!lookup_take(stream->lookup, &stream->found))
        return;
    lookup_free(stream->lookup);
    stream->lookup = NULL;
    if (stream->found.count > 0) {
        try_next(stream, now_us);
    } else {
        set_why(stream, "its host's name has no address");
        back_off(stream, now_us);
    }
}

struct stream *stream_new(struct transport *transport, const char *address, const char **ret_why) {
    struct stream *stream = check_calloc(1, sizeof *stream);
    stream->transport = transport;
    stream->descriptor = -1;
    stream->next_at_us = INT64_MAX;
    buffer_init(&stream->input);
    buffer_init(&stream->rest);
    if (strncmp(address, IPC_SCHEME, strlen(IPC_SCHEME)) == 0) {
        stream->kind = SP_IPC;
        *ret_why = parse_ipc(stream, address + strlen(IPC_SCHEME));
    } else {
        stream->kind = SP_TCP;
        stream->is_secure = stream_is_secure(address);
        *ret_why = parse_tcp(stream, strstr(address, "://") + strlen("://"));
    }
    if (*ret_why) {
        stream_free(stream);
        return NULL;
    }
    begin(stream, monotonic_us());
    return stream;
}

void stream_free(struct stream *stream) {
    close_socket(stream);
    lookup_free(stream->lookup);
    buffer_deinit(&stream->input);
    buffer_deinit(&stream->rest);
    free(stream->host);
    free(stream->port);
    free(stream);
}

int64_t stream_next_at(const struct stream *stream) {
    return stream->state == UP ? INT64_MAX : stream->next_at_us;
}

void stream_timer(struct stream *stream, int64_t now_us) {
    if (stream->state == LOOKING_UP)
        take_lookup(stream, now_us);
    else if (now_us < stream_next_at(stream))
        return;
    else if (stream->state == BACKING_OFF) {
        begin(stream, now_us);
    } else {
        set_why(stream, "it does not answer");
        give_up(stream, now_us);
    }
}

/* ---------------------------------------------------------------------------------------------
 * Out */

/* The rest of a message whose exchange has left comes first: the server is in the middle of it. The
 * head of each frame is written only now, so that it carries the time that is really left. */
static size_t collect(struct stream *stream, struct iovec parts[PARTS_MAX], int64_t now_us) {
    const struct ring *head = &stream->transport->unsent;
    size_t count = 0;
    if (stream->rest_sent < stream->rest.length)
        parts[count++] = (struct iovec){stream->rest.bytes + stream->rest_sent,
                                        stream->rest.length - stream->rest_sent};
    for (struct ring *at = head->next; at != head && count < PARTS_MAX; at = at->next) {
        struct exchange *exchange = RING_OF(at, struct exchange, place);
        if (exchange->wire_sent == 0)
            exchange_write_head(exchange, &stream->kind, now_us);
        size_t from = exchange->wire_from + exchange->wire_sent;
        parts[count++] = (struct iovec){exchange->wire.bytes + from, exchange->wire.length - from};
    }
    return count;
}

/* The socket took `sent` bytes: of the kept rest first, then of the exchanges in order. */
static void advance(struct stream *stream, size_t sent) {
    struct transport *transport = stream->transport;
    size_t left = stream->rest.length - stream->rest_sent;
    if (sent < left) {
        stream->rest_sent += sent;
        return;
    }
    sent -= left;
    buffer_clear(&stream->rest);
    stream->rest_sent = 0;
    while (sent > 0) {
        struct exchange *exchange = RING_OF(ring_first(&transport->unsent), struct exchange, place);
        left = exchange->wire.length - exchange->wire_from - exchange->wire_sent;
        if (sent < left) {
            exchange->wire_sent += sent;
            return;
        }
        sent -= left;
        exchange->state = EXCHANGE_SENT;
        ring_remove(&exchange->place);
        ring_append(&transport->sent, &exchange->place);
    }
}

bool stream_has_output(const struct stream *stream) {
    return stream->rest.length > 0 || (stream->tls && tls_session_wants_to_write(stream->tls));
}

void stream_flush(struct stream *stream, int64_t now_us) {
    struct iovec parts[PARTS_MAX];
    if (stream->state == UP && stream->tls && tls_session_wants_to_write(stream->tls))
        tls_session_drain(stream->tls);
    while (stream->state == UP) {
        size_t count = collect(stream, parts, now_us);
        if (count == 0)
            return;
        ssize_t sent = send_parts(stream, parts, count);
        if (sent < 0) /* full, or broken: the next poll sees which */
            return;
        advance(stream, (size_t)sent);
    }
}

void stream_keep_rest(struct stream *stream, const struct exchange *exchange) {
    size_t from = exchange->wire_from + exchange->wire_sent;
    if (stream->state != UP) /* the connection that it began on is gone */
        return;
    buffer_append(&stream->rest, exchange->wire.bytes + from, exchange->wire.length - from);
}

/* ---------------------------------------------------------------------------------------------
 * In */

void stream_poll(const struct stream *stream, struct pollfd *ret_poll) {
    ret_poll->fd = stream->descriptor;
    ret_poll->events = POLLIN;
    bool more = stream->state == UP && !ring_is_empty(&stream->transport->unsent);
    if (stream->state == CONNECTING)
        ret_poll->events = POLLOUT;
    else if (more || stream_has_output(stream))
        ret_poll->events |= POLLOUT;
}

/* Returns the number of bytes read; 0: none at the moment; < 0: the connection is gone. Releases
 * the mutex meanwhile, so that other threads can send: only the leader reads, and only the leader
 * closes the socket, so the descriptor and the buffer stay valid. Not for TLS, where a session may
 * not read and write at once. */
static ssize_t read_bytes(struct stream *stream, uint8_t *bytes, size_t size) {
    struct harrier_client *client = stream->transport->client;
    int descriptor = stream->descriptor;
    if (stream->tls)
        return tls_session_receive(stream->tls, bytes, size);
    client_unlock(client);
    ssize_t got = recv(descriptor, bytes, size, MSG_DONTWAIT);
    bool later = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    client_lock(client);
    return got > 0 ? got : later ? 0 : -1;
}

/* body: the frame behind its SP header, of which `there` bytes have arrived. False: it is too
 * large, and the connection must be closed. */
static bool take_frame(struct stream *stream, const uint8_t *body, uint64_t length, size_t there,
                       int64_t now_us) {
    struct transport *transport = stream->transport;
    if (length > BODY_MAX) {
        if (there >= SP_ID_SIZE)
            transport->handlers->oversized(transport, sp_id_read(body), now_us);
        return false;
    }
    if (length >= SP_ID_SIZE) /* a frame without an id answers nothing */
        transport->handlers->answered(transport, sp_id_read(body), body + SP_ID_SIZE,
                                      length - SP_ID_SIZE);
    return true;
}

/* Takes whole frames off the input. *ret_missing: bytes that the first incomplete one still lacks,
 * beyond its header. False: the peer broke the protocol, or an answer is too large. */
static bool take_frames(struct stream *stream, size_t *ret_missing, int64_t now_us) {
    struct buffer *input = &stream->input;
    size_t header = sp_header_size(stream->kind), at = 0;
    bool good = true;
    *ret_missing = 0;
    while (good && input->length - at >= header) {
        uint64_t length;
        const uint8_t *body = input->bytes + at + header;
        size_t there = input->length - at - header;
        good = sp_header_read(input->bytes + at, stream->kind, &length);
        /* Of an answer that is too large only the id is read, to fail the right exchange. */
        uint64_t wanted = length > BODY_MAX ? SP_ID_SIZE : length;
        if (good && there < wanted) {
            *ret_missing = (size_t)wanted - there;
            break;
        }
        good = good && take_frame(stream, body, length, there, now_us);
        at += header + (size_t)wanted;
    }
    if (!good)
        return false;
    memmove(input->bytes, input->bytes + at, input->length - at);
    input->length -= at;
    return true;
}

/* Reads until the socket is empty. A large answer is read in one piece once its length is known. */
static void read_answers(struct stream *stream, int64_t now_us) {
    struct buffer *input = &stream->input;
    size_t missing = 0, room;
    ssize_t got;
    do {
        room = missing > READ_SIZE ? missing : READ_SIZE;
        got = read_bytes(stream, buffer_reserve(input, room), room);
        if (got > 0)
            input->length += (size_t)got;
        if (got < 0 || (got > 0 && !take_frames(stream, &missing, now_us))) {
            give_up(stream, now_us);
            return;
        }
    } while (stream->tls ? got > 0 : (size_t)got == room);
    if (input->length == 0 && input->capacity > INPUT_KEPT) {
        buffer_deinit(input);
        buffer_init(input);
    }
}

static void read_greeting(struct stream *stream, int64_t now_us) {
    ssize_t got = read_bytes(stream, stream->greeting + stream->greeting_length,
                             SP_GREETING_SIZE - stream->greeting_length);
    if (got > 0)
        stream->greeting_length += (size_t)got;
    if (got < 0 || (stream->greeting_length == SP_GREETING_SIZE &&
                    !sp_greeting_is(stream->greeting, SP_REP))) {
        set_why(stream, got < 0 && stream->tls ? tls_session_why(stream->tls)
                        : got < 0              ? "it closed the connection"
                                               : "it is no server of this protocol");
        give_up(stream, now_us);
    } else if (stream->greeting_length == SP_GREETING_SIZE) {
        stream->state = UP;
        stream->back_offs = 0;
        stream->transport->why[0] = '\0';
        stream->transport->handlers->up(stream->transport, now_us);
    }
}

/* connect() has ended, well or not: SO_ERROR says which. */
static void finish_connect(struct stream *stream, int64_t now_us) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(stream->descriptor, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
        set_why(stream, strerror(error ? error : errno));
        give_up(stream, now_us);
    } else
        connected(stream, now_us);
}

void stream_ready(struct stream *stream, int64_t now_us) {
    if (stream->state == CONNECTING)
        finish_connect(stream, now_us);
    else if (stream->state == SECURING)
        secure(stream, now_us);
    if (stream->tls && tls_session_wants_to_write(stream->tls) && stream->state != SECURING)
        tls_session_drain(stream->tls);
    if (stream->state == GREETING)
        read_greeting(stream, now_us);
    else if (stream->state == UP)
        read_answers(stream, now_us);
}
