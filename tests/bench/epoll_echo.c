/* The lower bound for a front: SP REQ/REP on bare epoll, in one thread, without any work behind it.
 * Each read is answered with one write; no limits, timeouts or counters. As in echo_server, a
 * request's first four bytes (little-endian) give the length of the answer; the rest of both is
 * padding.
 *
 * usage: epoll_echo ADDRESS      ipc:///PATH or tcp://127.0.0.1:PORT; runs until its input ends */
#include "core/wire/message/sp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 1024
#define ROOM        ((size_t)1 << 20) /* of a client's input buffer, and of its output buffer */
#define ANSWER_MAX  ((uint32_t)1 << 16)

/* The state of one connection, indexed by descriptor. Buffers are kept for the next connection with
 * the same descriptor. */
struct client {
    bool greeted;
    uint8_t *input, *output;
    size_t end, unsent_begin, unsent_end;
};

static struct client clients[CLIENTS_MAX];
static enum sp_stream stream;
static int loop;

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "epoll_echo: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_listener(const char *address) {
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    bool is_ipc = strncmp(address, "ipc://", 6) == 0;
    stream = is_ipc ? SP_IPC : SP_TCP;
    int listener = socket(is_ipc ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int r;
    if (is_ipc) {
        snprintf(path.sun_path, sizeof path.sun_path, "%s", address + 6);
        r = bind(listener, (struct sockaddr *)&path, sizeof path);
    } else {
        port.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        r = bind(listener, (struct sockaddr *)&port, sizeof port);
    }
    if (r < 0 || listen(listener, 128) < 0)
        fail(address);
    return listener;
}

/* how: EPOLL_CTL_ADD or EPOLL_CTL_MOD. */
static void watch(int descriptor, int how, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    if (epoll_ctl(loop, how, descriptor, &event) < 0)
        fail("epoll_ctl");
}

static void accept_one(int listener) {
    uint8_t greeting[SP_GREETING_SIZE];
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (descriptor < 0 || descriptor >= CLIENTS_MAX)
        return;
    struct client *client = &clients[descriptor];
    if (!client->input) {
        client->input = malloc(ROOM);
        client->output = malloc(ROOM);
    }
    client->greeted = false;
    client->end = client->unsent_begin = client->unsent_end = 0;
    sp_greeting_write(greeting, SP_REP);
    if (write(descriptor, greeting, sizeof greeting) < 0)
        fail("greeting");
    watch(descriptor, EPOLL_CTL_ADD, EPOLLIN);
}

/* Answers as many requests as the output has room for; returns the bytes of input they used. */
static size_t answer(struct client *client) {
    size_t at = 0, head = sp_header_size(stream);
    if (!client->greeted && client->end >= SP_GREETING_SIZE) {
        client->greeted = true;
        at = SP_GREETING_SIZE;
    }
    while (client->greeted && client->end - at >= head &&
           client->unsent_end + head + SP_STACK_MAX + ANSWER_MAX < ROOM) {
        uint64_t length;
        uint32_t size;
        const uint8_t *body = client->input + at + head;
        if (!sp_header_read(client->input + at, stream, &length) || length > ROOM / 2 ||
            client->end - at - head < length)
            break;
        size_t ids = sp_stack_size(body, (size_t)length);
        memcpy(&size, body + ids, sizeof size);
        size = size > ANSWER_MAX ? ANSWER_MAX : size;
        uint8_t *out = client->output + client->unsent_end;
        out += sp_header_write(out, stream, ids + size);
        memcpy(out, body, ids);
        memset(out + ids, 'x', size);
        client->unsent_end = (size_t)(out + ids + size - client->output);
        at += head + (size_t)length;
    }
    return at;
}

/* false: not all was sent; the caller waits for EPOLLOUT and does not read meanwhile. */
static bool flush(int descriptor, struct client *client) {
    if (client->unsent_end > client->unsent_begin) {
        ssize_t sent = write(descriptor, client->output + client->unsent_begin,
                             client->unsent_end - client->unsent_begin);
        if (sent > 0)
            client->unsent_begin += (size_t)sent;
        if (client->unsent_begin < client->unsent_end)
            return false;
    }
    client->unsent_begin = client->unsent_end = 0;
    return true;
}

/* Handles one event: sends what is left, or reads, then answers until the input has no whole
 * request or the socket is full. */
static void serve(int descriptor, uint32_t events) {
    struct client *client = &clients[descriptor];
    if (events & (EPOLLHUP | EPOLLERR)) { /* disconnected with unread answers */
        close(descriptor);
        return;
    }
    if (events & EPOLLOUT) {
        if (!flush(descriptor, client))
            return;
        watch(descriptor, EPOLL_CTL_MOD, EPOLLIN);
    } else {
        ssize_t got = read(descriptor, client->input + client->end, ROOM - client->end);
        if (got <= 0) {
            close(descriptor);
            return;
        }
        client->end += (size_t)got;
    }
    for (size_t used; (used = answer(client)) > 0;) {
        memmove(client->input, client->input + used, client->end - used);
        client->end -= used;
        if (!flush(descriptor, client)) {
            watch(descriptor, EPOLL_CTL_MOD, EPOLLOUT);
            return;
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: epoll_echo ADDRESS\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN); /* clients disconnect with requests in flight */
    int listener = open_listener(argv[1]);
    loop = epoll_create1(0);
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
    watch(STDIN_FILENO, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(loop, events, 64, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == STDIN_FILENO)
                return 0;
            if (events[i].data.fd == listener)
                accept_one(listener);
            else
                serve(events[i].data.fd, events[i].events);
        }
    }
}
