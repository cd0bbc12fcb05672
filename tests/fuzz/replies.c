/* Target: what a server sends to libharrier.
 *
 *   input  u8 bit 0: the bytes of one answer
 *             bits 0 and 2 clear, bit 3 set: an address behind tcp:// (bit 1) or ipc://
 *             else bit 1: over TCP, bit 2: over TLS; behind it the bytes of a connection: u8 pieces
 *             (0: all at once; 255: 32 KiB each), then the server's greeting and its frames
 *
 * An answer is refused, or becomes a reply whose texts all end and which has as many results as the
 * answer. From a connection, the client takes the answers that a plain reading of the same bytes
 * finds, in pieces of any size, and gives it up where that reading does; one that is never up it
 * gives up in time, and tries again. No bytes make a TLS connection of a server without a
 * certificate. An address that names no server is refused; others are not tried. */
#include "common/target.h"

#include "clients/c/base/clock.h"
#include "clients/c/convert/reply.h"
#include "clients/c/transport/stream.h"
#include "clients/c/transport/tls.h"
#include "clients/c/transport/transport.h"
#include "core/base/check.h"
#include "core/base/hash.h"
#include "core/wire/message/message_bytes.h"
#include "core/wire/message/sp.h"
#include "tests/unit/wire/random_wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SEED_BYTES_MAX 1500
#define TRIES          2000
#define LARGE_PIECE    32768

static struct arena arena;
static struct harrier_client client;
static int listeners[2]; /* by enum sp_stream */
static char addresses[2][160];

static void listen_at(enum sp_stream kind) {
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof tcp;
    int listener = socket(kind == SP_TCP ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (kind == SP_TCP) {
        property(bind(listener, (struct sockaddr *)&tcp, sizeof tcp) == 0 &&
                     getsockname(listener, (struct sockaddr *)&tcp, &size) == 0,
                 "cannot bind");
        snprintf(addresses[kind], sizeof addresses[kind], "tcp://127.0.0.1:%d",
                 ntohs(tcp.sin_port));
    } else {
        snprintf(local.sun_path, sizeof local.sun_path, "/tmp/harrier-replies-%d", (int)getpid());
        unlink(local.sun_path);
        property(bind(listener, (struct sockaddr *)&local, sizeof local) == 0, "cannot bind");
        snprintf(addresses[kind], sizeof addresses[kind], "ipc://%s", local.sun_path);
    }
    property(listen(listener, 8) == 0, "cannot listen");
    listeners[kind] = listener;
}

static void remove_address(void) {
    unlink(addresses[SP_IPC] + strlen("ipc://"));
}

void target_start(void) {
    arena_init(&arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    pthread_mutex_init(&client.mutex, NULL);
    client.random = 88172645463325252u;
    property(tls_context_new(NULL, &client.tls, NULL) == 0, "no TLS");
    listen_at(SP_IPC);
    listen_at(SP_TCP);
    atexit(remove_address);
}

/* ---- one answer ---- */

static size_t text_bytes;

static void look(const char *text) {
    property(text, "a text that is not there");
    text_bytes += strlen(text);
}

static void look_decision(const struct harrier_decision *decision) {
    if (!decision)
        return;
    look(decision->transaction_id);
    for (size_t i = 0; i < decision->reason_count; i++) {
        look(decision->reasons[i].rule);
        look(decision->reasons[i].text);
    }
}

static size_t count_of(const struct response *response) {
    switch (response->call) {
    case CALL_SCORE:
        return response->score.count;
    case CALL_REPORT_OUTCOME:
        return response->outcome.count;
    case CALL_AMEND:
        return response->amend.count;
    default:
        return 0;
    }
}

static bool run_answer(const uint8_t *bytes, size_t size) {
    struct response response;
    struct error error;
    arena_reset(&arena);
    if (message_decode_response(bytes, size, &arena, &response, &error) < 0)
        return false;
    struct harrier_reply *reply = reply_new(&response);
    if (!reply) /* more than its limit */
        return false;
    size_t results = reply->result_count + reply->outcome_count + reply->amendment_count;
    property(response.call == CALL_NONE || results == count_of(&response), "%zu results", results);
    for (size_t i = 0; i < reply->result_count; i++) {
        look(reply->results[i].error_field);
        look(reply->results[i].error_message);
        look_decision(&reply->results[i].decision);
        struct harrier_reply *share = reply_share(reply, i);
        property(share->result_count == 1, "a share of one result");
        harrier_reply_free(share);
    }
    for (size_t i = 0; i < reply->outcome_count; i++)
        look(reply->outcomes[i].transaction_id);
    for (size_t i = 0; i < reply->amendment_count; i++)
        look(reply->amendments[i].transaction_id);
    harrier_reply_free(reply);
    return true;
}

/* ---- a connection ---- */

/* What was taken, or should be. */
struct taken {
    bool is_up, is_down;
    size_t answers, oversized;
    uint64_t hash;
};
static struct taken taken;

static void take_answer(struct taken *into, uint32_t id, const uint8_t *payload, size_t length) {
    into->answers++;
    into->hash = hash64(payload, length, into->hash + id);
}

static void on_up(struct transport *transport, int64_t now_us) {
    (void)transport, (void)now_us;
    property(!taken.is_up, "up twice");
    taken.is_up = true;
}

static void on_down(struct transport *transport, int64_t now_us) {
    (void)transport, (void)now_us;
    property(taken.is_up && !taken.is_down, "down before it was up, or twice");
    taken.is_down = true;
}

static void on_answer(struct transport *transport, uint32_t id, const uint8_t *payload,
                      size_t length) {
    (void)transport;
    property(taken.is_up && !taken.is_down, "an answer of no connection");
    take_answer(&taken, id, payload, length);
}

static void on_oversized(struct transport *transport, uint32_t id, int64_t now_us) {
    (void)transport, (void)now_us;
    taken.oversized++;
    taken.hash += id;
}

/* Reads all bytes at once, as sp.h describes them. */
static struct taken read_plainly(const uint8_t *bytes, size_t size, enum sp_stream kind) {
    struct taken out = {0};
    size_t header = kind == SP_TCP ? 8 : 9, at = SP_GREETING_SIZE;
    if (size < at || memcmp(bytes, "\0SP\0\0\x31\0\0", SP_GREETING_SIZE) != 0)
        return out;
    out.is_up = true;
    while (size - at >= header) {
        uint64_t length = 0;
        for (size_t i = header - 8; i < header; i++)
            length = length << 8 | bytes[at + i];
        const uint8_t *body = bytes + at + header;
        size_t there = size - at - header;
        if (kind == SP_IPC && bytes[at] != 1) {
            out.is_down = true;
            return out;
        }
        if (length > (uint64_t)MESSAGE_RESPONSE_SIZE_MAX + SP_ID_SIZE) {
            if (there < SP_ID_SIZE)
                return out;
            out.oversized++;
            out.hash += sp_id_read(body);
            out.is_down = true;
            return out;
        }
        if (there < length)
            return out;
        if (length >= SP_ID_SIZE)
            take_answer(&out, sp_id_read(body), body + SP_ID_SIZE, (size_t)length - SP_ID_SIZE);
        at += header + (size_t)length;
    }
    return out;
}

static size_t piece_of(unsigned pieces, size_t i, size_t left) {
    size_t piece = pieces == 0     ? left
                   : pieces == 255 ? LARGE_PIECE
                                   : hash64(&i, sizeof i, pieces) % 24 + 1;
    return piece < left ? piece : left;
}

static void send_all(struct stream *stream, int server, const uint8_t *bytes, size_t size,
                     unsigned pieces) {
    for (size_t at = 0, i = 0; at < size && !taken.is_down; i++) {
        size_t piece = piece_of(pieces, i, size - at);
        if (send(server, bytes + at, piece, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)piece)
            break; /* it has closed */
        at += piece;
        stream_ready(stream, monotonic_us());
        stream_ready(stream, monotonic_us()); /* behind the greeting */
    }
}

/* It connects again, after a time that grows up to a limit. */
static void wait_in_vain(struct stream *stream, enum sp_stream kind, unsigned times) {
    for (unsigned i = 0; i < times; i++) {
        int64_t next_us = stream_next_at(stream);
        property(next_us < INT64_MAX, "it waits for ever");
        stream_timer(stream, next_us - 1);
        property(stream_next_at(stream) == next_us, "early");
        stream_timer(stream, next_us);
        property(stream_next_at(stream) > next_us && stream_next_at(stream) <= next_us + 6000000,
                 "the next time");
        struct pollfd waiting = {.fd = listeners[kind], .events = POLLIN};
        if (poll(&waiting, 1, 0) == 1)
            close(accept(listeners[kind], NULL, NULL));
    }
}

static void run_stream(const uint8_t *bytes, size_t size, enum sp_stream kind, unsigned pieces,
                       bool is_secure) {
    static const struct transport_handlers handlers = {on_up, on_down, on_answer, on_oversized};
    struct transport transport = {.client = &client, .handlers = &handlers};
    const struct taken expected = is_secure ? (struct taken){0} : read_plainly(bytes, size, kind);
    struct pollfd wanted = {0};
    const char *why = NULL;
    char address[200];
    uint8_t greeting[16];
    snprintf(address, sizeof address, "%s%s", is_secure ? "tls+" : "", addresses[kind]);
    taken = (struct taken){0};
    ring_init(&transport.unsent);
    ring_init(&transport.sent);
    client_lock(&client);
    struct stream *stream = stream_new(&transport, address, &why);
    property(stream, "%s", why);
    int server = accept(listeners[kind], NULL, NULL);
    property(server >= 0, "no connection");
    stream_poll(stream, &wanted);
    property(wanted.events == POLLIN || wanted.events == POLLOUT, "nothing to wait for");
    stream_ready(stream, monotonic_us());
    property(is_secure || recv(server, greeting, sizeof greeting, MSG_DONTWAIT) == SP_GREETING_SIZE,
             "no greeting of the client's");
    send_all(stream, server, bytes, size, pieces);
    property(taken.is_up == expected.is_up && taken.is_down == expected.is_down &&
                 taken.answers == expected.answers && taken.oversized == expected.oversized &&
                 taken.hash == expected.hash,
             "%zu answers; expected %zu", taken.answers, expected.answers);
    stream_flush(stream, monotonic_us());
    stream_poll(stream, &wanted);
    property(wanted.events & (POLLIN | POLLOUT), "nothing to wait for");
    close(server);
    if (!taken.is_up)
        wait_in_vain(stream, kind, pieces % 16 == 15 ? 16 : 4);
    stream_free(stream);
    client_unlock(&client);
}

/* Must it be refused? What may be a server's is not tried: it could be any. */
static bool is_no_address(struct text text, enum sp_stream kind) {
    if (kind == SP_IPC)
        return text.length == 0 || text.length >= 108;
    const char *colon = memrchr(text.data, ':', text.length);
    if (!colon || colon == text.data)
        return true;
    unsigned port = 0;
    size_t digits = (size_t)(text.data + text.length - colon) - 1;
    for (size_t i = 1; i <= digits && i <= 6; i++) {
        if (colon[i] < '0' || colon[i] > '9')
            return true;
        port = port * 10 + (unsigned)(colon[i] - '0');
    }
    struct text host = {text.data, (size_t)(colon - text.data)};
    bool has_brackets = host.data[0] == '[' && colon[-1] == ']';
    return digits == 0 || digits > 5 || port == 0 || port > 65535 || host.length > 255 ||
           (!has_brackets && memchr(host.data, ':', host.length)) ||
           (has_brackets && !memchr(host.data, ':', host.length));
}

static bool run_address(const uint8_t *bytes, size_t size, enum sp_stream kind) {
    struct transport transport = {.client = &client};
    char address[512];
    const char *why = NULL;
    snprintf(address, sizeof address, "%s%.*s", kind == SP_TCP ? "tcp://" : "ipc://", (int)size,
             (const char *)bytes);
    property(stream_takes(address), "%s", address);
    if (!is_no_address(text_of(address + 6), kind))
        return false;
    struct stream *stream = stream_new(&transport, address, &why);
    property(!stream && why && *why, "%s is taken", address);
    return true;
}

bool target_run(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return false;
    if (bytes[0] & 1)
        return run_answer(bytes + 1, size - 1);
    enum sp_stream kind = bytes[0] & 6 ? SP_TCP : SP_IPC;
    if ((bytes[0] & 12) == 8)
        return run_address(bytes + 1, size - 1, kind);
    if (size < 2)
        return false;
    run_stream(bytes + 2, size - 2, kind, bytes[1], bytes[0] & 4);
    return taken.is_up;
}

/* ---- seeds ---- */

static void add_answers(struct seeds *seeds) {
    struct arena made;
    struct buffer seed;
    struct random random = {.state = 9};
    unsigned kept[CALL_COUNT] = {0};
    arena_init(&made, (size_t)4 << 20);
    buffer_init(&seed);
    for (unsigned i = 0; i < TRIES; i++) {
        arena_reset(&made);
        buffer_clear(&seed);
        buffer_append_u8(&seed, 1);
        struct response response = random_response(&random, &made);
        message_encode_response(&response, &seed);
        if (seed.length <= (response.call == CALL_EXPLAIN ? 2 : 1) * SEED_BYTES_MAX &&
            kept[response.call]++ < 5)
            seeds->add(seeds, seed.bytes, seed.length);
    }
    buffer_deinit(&seed);
    arena_deinit(&made);
}

static void add_connection(struct seeds *seeds, enum sp_stream kind, uint8_t pieces,
                           uint64_t length, size_t there) {
    struct buffer seed;
    uint8_t head[SP_HEADER_MAX] = {0};
    buffer_init(&seed);
    buffer_append_u8(&seed, kind == SP_TCP ? 2 : 0);
    buffer_append_u8(&seed, pieces);
    sp_greeting_write(head, SP_REP);
    buffer_append(&seed, head, SP_GREETING_SIZE);
    for (int i = 0; i < 2; i++) {
        buffer_append(&seed, head, sp_header_write(head, kind, i ? length : 6));
        buffer_append(&seed, "\x80\0\0\x07payload of an answer", i ? there : 6);
    }
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

/* An answer for which the client takes more memory than it keeps. */
static void add_large(struct seeds *seeds) {
    struct buffer seed;
    uint8_t head[SP_HEADER_MAX];
    uint64_t length = (1 << 20) + 1000;
    buffer_init(&seed);
    buffer_append(&seed, (const uint8_t[]){2, 255}, 2);
    sp_greeting_write(head, SP_REP);
    buffer_append(&seed, head, SP_GREETING_SIZE);
    buffer_append(&seed, head, sp_header_write(head, SP_TCP, length));
    for (uint64_t i = 0; i < length; i++)
        buffer_append_u8(&seed, 0x80);
    seeds->add(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

static void add_text(struct seeds *seeds, unsigned how, const char *text) {
    struct buffer seed;
    buffer_init(&seed);
    buffer_append_u8(&seed, (uint8_t)how);
    buffer_append(&seed, text, strlen(text));
    seeds->add_any(seeds, seed.bytes, seed.length);
    buffer_deinit(&seed);
}

static void add_addresses(struct seeds *seeds) {
    static const char *const tcp[] = {"h",        ":1",    "h:",    "h:0",   "h:65536",
                                      "h:123456", "h:+1",  "a:b:1", "[]:1",  "[h]:80",
                                      "[::1]",    "::1:5", "h:1 ",  "h:port"};
    static const char long_one[] =
        "/01234567890123456789012345678901234567890123456789/0123456789012345678901234567890123456"
        "78901234567890123456789";
    char host[300];
    for (size_t i = 0; i < sizeof tcp / sizeof *tcp; i++)
        add_text(seeds, 8 | 2, tcp[i]);
    memset(host, 'h', sizeof host);
    strcpy(host + 260, ":80");
    add_text(seeds, 8 | 2, host);
    add_text(seeds, 8, "");
    add_text(seeds, 8, long_one);
    add_text(seeds, 4, "\x01\x15\x03\x03\0\2\x02\x28"); /* an alert */
    add_text(seeds, 4, "\x01 this is no server of TLS");
    add_text(seeds, 4, "\x01");
    add_text(seeds, 0, "\x0f");
}

void target_seeds(struct seeds *seeds, const char *root) {
    (void)root;
    add_answers(seeds);
    add_large(seeds);
    add_addresses(seeds);
    for (unsigned kind = 0; kind < 2; kind++)
        for (unsigned pieces = 0; pieces < 3; pieces++) {
            add_connection(seeds, (enum sp_stream)kind, (uint8_t)pieces, 20, 20);
            add_connection(seeds, (enum sp_stream)kind, (uint8_t)pieces, 20, 12);
            add_connection(seeds, (enum sp_stream)kind, (uint8_t)pieces, UINT64_MAX, 12);
            add_connection(seeds, (enum sp_stream)kind, (uint8_t)pieces, UINT64_MAX, 2);
            add_connection(seeds, (enum sp_stream)kind, (uint8_t)pieces, 3, 3);
        }
}
