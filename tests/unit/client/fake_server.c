/* The SP protocol, as far as a server of REQ/REP needs it (nng's mappings for TCP and IPC):
 *
 *   handshake, both ways   00 'S' 'P' 00, protocol (u16 big-endian: REQ 0x30, REP 0x31), 00 00
 *   message                IPC only: 01; then its length (u64 big-endian), then its bytes
 *   a request's bytes      request id (u32, high bit set), body; the answer repeats the id */
#include "fake_server.h"

#include "core/base/check.h"
#include "tests/unit/port.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HANDSHAKE = 8, ID = 4, CONNECTIONS_MAX = 64, PENDING_MAX = 1024 };

struct pending {
    int64_t due_ms;
    struct buffer bytes;
};

struct connection {
    struct fake_server *server;
    int descriptor;
    pthread_t thread;
    struct buffer input;
    struct arena arena;
    struct pending pending[PENDING_MAX];
    size_t pending_count;
};

struct fake_server {
    bool ipc;
    int descriptor;
    fake_answer *answer;
    void *user;
    atomic_uint requests;
    pthread_t thread;
    struct connection *connections[CONNECTIONS_MAX]; /* touched by the accepting thread only */
    size_t connection_count;
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool write_all(int descriptor, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (written <= 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

static bool read_all(int descriptor, uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t got = recv(descriptor, bytes, length, 0);
        if (got <= 0)
            return false;
        bytes += got;
        length -= (size_t)got;
    }
    return true;
}

static void append_length(struct buffer *buffer, uint64_t length) {
    for (int shift = 56; shift >= 0; shift -= 8)
        buffer_append_u8(buffer, (uint8_t)(length >> shift));
}

/* The answer to one message, put among the pending ones with its frame around it. */
static void answer_message(struct connection *connection, const uint8_t *bytes, size_t length) {
    struct fake_server *server = connection->server;
    struct request request;
    struct error error;
    struct buffer answer;
    int delay_ms = 0;
    check(length >= ID);
    atomic_fetch_add(&server->requests, 1);
    arena_reset(&connection->arena);
    buffer_init(&answer);
    if (message_decode_request(bytes + ID, length - ID, &connection->arena, &request, &error) < 0) {
        fprintf(stderr, "fake server: %s\n", error.text);
        abort();
    }
    server->answer(&request, &connection->arena, &answer, &delay_ms, server->user);
    if (answer.length > 0) {
        check(connection->pending_count < PENDING_MAX);
        struct pending *pending = &connection->pending[connection->pending_count++];
        pending->due_ms = now_ms() + delay_ms;
        buffer_init(&pending->bytes);
        if (server->ipc)
            buffer_append_u8(&pending->bytes, 1);
        append_length(&pending->bytes, ID + answer.length);
        buffer_append(&pending->bytes, bytes, ID);
        buffer_append(&pending->bytes, answer.bytes, answer.length);
    }
    buffer_deinit(&answer);
}

/* Takes whole messages off the input. */
static void take_messages(struct connection *connection) {
    struct buffer *input = &connection->input;
    size_t prefix = connection->server->ipc ? 1 : 0, at = 0;
    while (input->length - at >= prefix + 8) {
        uint64_t length = 0;
        for (size_t i = 0; i < 8; i++)
            length = length << 8 | input->bytes[at + prefix + i];
        if (input->length - at - prefix - 8 < length)
            break;
        answer_message(connection, input->bytes + at + prefix + 8, length);
        at += prefix + 8 + length;
    }
    if (at > 0) {
        memmove(input->bytes, input->bytes + at, input->length - at);
        input->length -= at;
    }
}

/* Sends what is due. *ret_wait_ms: until the next, -1 for none. false: the connection is broken. */
static bool send_due(struct connection *connection, int *ret_wait_ms) {
    int64_t now = now_ms();
    bool whole = true;
    size_t kept = 0;
    *ret_wait_ms = -1;
    for (size_t i = 0; i < connection->pending_count; i++) {
        struct pending *pending = &connection->pending[i];
        int64_t left = pending->due_ms - now;
        if (left <= 0) {
            whole &= write_all(connection->descriptor, pending->bytes.bytes, pending->bytes.length);
            buffer_deinit(&pending->bytes);
            continue;
        }
        if (*ret_wait_ms < 0 || left < *ret_wait_ms)
            *ret_wait_ms = (int)left;
        connection->pending[kept++] = *pending;
    }
    connection->pending_count = kept;
    return whole;
}

static bool shake_hands(int descriptor) {
    static const uint8_t ours[HANDSHAKE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
    static const uint8_t expected[HANDSHAKE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t theirs[HANDSHAKE];
    return write_all(descriptor, ours, HANDSHAKE) && read_all(descriptor, theirs, HANDSHAKE) &&
           memcmp(theirs, expected, HANDSHAKE) == 0;
}

static void *serve(void *argument) {
    struct connection *connection = argument;
    bool open = shake_hands(connection->descriptor);
    int wait_ms = -1;
    while (open) {
        struct pollfd poll_set = {.fd = connection->descriptor, .events = POLLIN};
        if (poll(&poll_set, 1, wait_ms) > 0) {
            uint8_t *at = buffer_reserve(&connection->input, 65536);
            ssize_t got = recv(connection->descriptor, at, 65536, 0);
            if (got <= 0)
                break;
            connection->input.length += (size_t)got;
            take_messages(connection);
        }
        open = send_due(connection, &wait_ms);
    }
    /* Also for a client that never looks: it shall see the end. */
    shutdown(connection->descriptor, SHUT_RDWR);
    return NULL;
}

static void *accept_connections(void *argument) {
    struct fake_server *server = argument;
    for (;;) {
        int descriptor = accept(server->descriptor, NULL, NULL);
        if (descriptor < 0)
            return NULL; /* stopped */
        check(server->connection_count < CONNECTIONS_MAX);
        struct connection *connection = check_calloc(1, sizeof *connection);
        connection->server = server;
        connection->descriptor = descriptor;
        arena_init(&connection->arena, MESSAGE_ARENA_LIMIT);
        buffer_init(&connection->input);
        server->connections[server->connection_count++] = connection;
        check(pthread_create(&connection->thread, NULL, serve, connection) == 0);
    }
}

static int listen_at(const char *address, bool ipc) {
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *to = ipc ? (struct sockaddr *)&path : (struct sockaddr *)&port;
    socklen_t size = ipc ? sizeof path : sizeof port;
    int yes = 1;
    int descriptor = socket(ipc ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    check(descriptor >= 0);
    if (ipc)
        snprintf(path.sun_path, sizeof path.sun_path, "%s", address + strlen("ipc://"));
    else
        port.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    check(setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    if (bind(descriptor, to, size) != 0 || listen(descriptor, 16) != 0) {
        perror(address);
        abort();
    }
    return descriptor;
}

struct fake_server *fake_server_start(const char *address, fake_answer *answer, void *user) {
    struct fake_server *server = check_calloc(1, sizeof *server);
    server->ipc = strncmp(address, "ipc://", 6) == 0;
    server->answer = answer;
    server->user = user;
    server->descriptor = listen_at(address, server->ipc);
    check(pthread_create(&server->thread, NULL, accept_connections, server) == 0);
    return server;
}

static void connection_free(struct connection *connection) {
    shutdown(connection->descriptor, SHUT_RDWR);
    pthread_join(connection->thread, NULL);
    close(connection->descriptor);
    for (size_t i = 0; i < connection->pending_count; i++)
        buffer_deinit(&connection->pending[i].bytes);
    buffer_deinit(&connection->input);
    arena_deinit(&connection->arena);
    free(connection);
}

void fake_server_stop(struct fake_server *server) {
    shutdown(server->descriptor, SHUT_RDWR); /* ends accept() */
    pthread_join(server->thread, NULL);
    close(server->descriptor);
    for (size_t i = 0; i < server->connection_count; i++)
        connection_free(server->connections[i]);
    free(server);
}

unsigned fake_server_requests(const struct fake_server *server) {
    return atomic_load(&server->requests);
}

bool fake_is_for_nng(void) {
    return getenv("HARRIER_CLIENT_ON_NNG") != NULL;
}

void fake_address(char ret_address[64]) {
    snprintf(ret_address, 64, "%stcp://127.0.0.1:%d", fake_is_for_nng() ? "nng+" : "", free_port());
}

static uint64_t number_in(struct text id) {
    uint64_t number = 0;
    for (size_t i = 0; i < id.length; i++)
        if (id.data[i] >= '0' && id.data[i] <= '9')
            number = number * 10 + (uint64_t)(id.data[i] - '0');
    return number;
}

void fake_approve_response(const struct request *request, struct arena *arena,
                           struct response *ret_response) {
    check(request->call == CALL_SCORE);
    size_t count = request->score.transaction_count;
    struct score_result *results = arena_calloc(arena, count, sizeof *results);
    check(results);
    for (size_t i = 0; i < count; i++) {
        struct text id = request->score.transactions[i].id;
        results[i].decision = (struct decision){.transaction_id = id,
                                                .verdict = VERDICT_APPROVE,
                                                .score = 1,
                                                .position = number_in(id),
                                                .dry_run = request->score.dry_run};
    }
    *ret_response =
        (struct response){.call = CALL_SCORE, .score = {.results = results, .count = count}};
}

void fake_approve(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                  int *ret_delay_ms, void *user) {
    (void)ret_delay_ms;
    (void)user;
    struct response response;
    fake_approve_response(request, arena, &response);
    message_encode_response(&response, ret_answer);
}

void fake_silence(const struct request *request, struct arena *arena, struct buffer *ret_answer,
                  int *ret_delay_ms, void *user) {
    (void)request;
    (void)arena;
    (void)ret_answer;
    (void)ret_delay_ms;
    (void)user;
}
