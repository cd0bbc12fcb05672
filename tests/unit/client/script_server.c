#include "script_server.h"

#include "core/base/check.h"
#include "core/wire/message/message.h"
#include "core/wire/message/sp.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 512 };

struct connection {
    struct script_server *server;
    pthread_t thread;
    int descriptor;
    unsigned number;
};

struct script_server {
    int listener;
    script_run *run;
    void *user;
    pthread_t thread;
    atomic_uint count;
    struct connection connections[CONNECTIONS_MAX];
};

bool script_send(int descriptor, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    while (length > 0) {
        ssize_t sent = send(descriptor, at, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool script_read(int descriptor, void *bytes, size_t length) {
    uint8_t *at = bytes;
    while (length > 0) {
        ssize_t got = recv(descriptor, at, length, 0);
        if (got <= 0)
            return false;
        at += got;
        length -= (size_t)got;
    }
    return true;
}

bool script_greet(int descriptor) {
    uint8_t ours[SP_GREETING_SIZE], theirs[SP_GREETING_SIZE];
    sp_greeting_write(ours, SP_REP);
    return script_send(descriptor, ours, sizeof ours) &&
           script_read(descriptor, theirs, sizeof theirs) && sp_greeting_is(theirs, SP_REQ);
}

bool script_skip_request(int descriptor, uint32_t *ret_id, uint64_t *ret_length) {
    uint8_t header[8], id[SP_ID_SIZE], rest[4096];
    if (!script_read(descriptor, header, sizeof header) ||
        !sp_header_read(header, SP_TCP, ret_length) || *ret_length < SP_ID_SIZE ||
        !script_read(descriptor, id, sizeof id))
        return false;
    *ret_id = sp_id_read(id);
    for (uint64_t left = *ret_length - SP_ID_SIZE; left > 0;) {
        size_t part = left < sizeof rest ? (size_t)left : sizeof rest;
        if (!script_read(descriptor, rest, part))
            return false;
        left -= part;
    }
    return true;
}

bool script_read_request(int descriptor, uint32_t *ret_id) {
    uint64_t length;
    return script_skip_request(descriptor, ret_id, &length) && length <= SCRIPT_FRAME_MAX;
}

size_t script_answer(uint8_t frame[SCRIPT_FRAME_MAX], uint32_t id, uint64_t position) {
    const struct score_result result = {.decision = {.transaction_id = TEXT_LITERAL("t-7"),
                                                     .verdict = VERDICT_APPROVE,
                                                     .position = position}};
    const struct response response = {.call = CALL_SCORE,
                                      .score = {.results = &result, .count = 1}};
    struct buffer body;
    buffer_init(&body);
    message_encode_response(&response, &body);
    size_t length = sp_header_write(frame, SP_TCP, SP_ID_SIZE + body.length);
    check(length + SP_ID_SIZE + body.length <= SCRIPT_FRAME_MAX);
    sp_id_write(frame + length, id);
    memcpy(frame + length + SP_ID_SIZE, body.bytes, body.length);
    length += SP_ID_SIZE + body.length;
    buffer_deinit(&body);
    return length;
}

static void *run_connection(void *argument) {
    struct connection *connection = argument;
    struct script_server *server = connection->server;
    server->run(server, connection->descriptor, connection->number, server->user);
    shutdown(connection->descriptor, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *argument) {
    struct script_server *server = argument;
    for (;;) {
        int descriptor = accept(server->listener, NULL, NULL);
        if (descriptor < 0)
            return NULL;
        unsigned number = atomic_load(&server->count);
        check(number < CONNECTIONS_MAX);
        struct connection *connection = &server->connections[number];
        *connection =
            (struct connection){.server = server, .descriptor = descriptor, .number = number};
        atomic_store(&server->count, number + 1); /* before anything can come of it */
        check(pthread_create(&connection->thread, NULL, run_connection, connection) == 0);
    }
}

struct script_server *script_server_start(const char *address, script_run *run, void *user) {
    struct script_server *server = check_calloc(1, sizeof *server);
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int yes = 1;
    server->run = run;
    server->user = user;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    port.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    check(server->listener >= 0);
    check(setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    check(bind(server->listener, (struct sockaddr *)&port, sizeof port) == 0);
    check(listen(server->listener, 16) == 0);
    check(pthread_create(&server->thread, NULL, accept_all, server) == 0);
    return server;
}

void script_server_stop(struct script_server *server) {
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    for (unsigned i = 0; i < atomic_load(&server->count); i++) {
        shutdown(server->connections[i].descriptor, SHUT_RDWR);
        pthread_join(server->connections[i].thread, NULL);
        close(server->connections[i].descriptor);
    }
    free(server);
}

unsigned script_server_connections(const struct script_server *server) {
    return atomic_load(&server->count);
}
