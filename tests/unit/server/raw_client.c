#include "raw_client.h"

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const uint8_t own_greeting[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
static const uint8_t server_greeting[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

/* ---- connecting ---- */

static int dial(const char *address, bool *ret_is_ipc) {
    const char *rest = strstr(address, "://") + 3;
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET};
    *ret_is_ipc = rest - address >= 6 && strncmp(rest - 6, "ipc://", 6) == 0;
    int descriptor = socket(*ret_is_ipc ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    int r;
    if (*ret_is_ipc) {
        strcpy(path.sun_path, rest);
        r = connect(descriptor, (struct sockaddr *)&path, sizeof path);
    } else {
        port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        port.sin_port = htons((uint16_t)atoi(strrchr(rest, ':') + 1));
        r = connect(descriptor, (struct sockaddr *)&port, sizeof port);
    }
    if (r < 0)
        fail_msg("%s: %s", address, strerror(errno));
    return descriptor;
}

struct raw_client raw_connect(const char *address, struct ssl_ctx_st *tls) {
    struct raw_client client = {0};
    client.descriptor = dial(address, &client.is_ipc);
    if (tls) {
        client.tls = SSL_new(tls);
        assert_int_equal(SSL_set_fd(client.tls, client.descriptor), 1);
        assert_int_equal(SSL_connect(client.tls), 1);
    }
    return client;
}

struct raw_client raw_open(const char *address, struct ssl_ctx_st *tls) {
    struct raw_client client = raw_connect(address, tls);
    assert_true(raw_send(&client, own_greeting, sizeof own_greeting));
    raw_expect(&client, server_greeting, sizeof server_greeting);
    return client;
}

void raw_close(struct raw_client *client) {
    SSL_free(client->tls);
    client->tls = NULL;
    close(client->descriptor);
}

void raw_abort(struct raw_client *client) {
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client->descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    raw_close(client);
}

void raw_end_requests(struct raw_client *client) {
    assert_int_equal(shutdown(client->descriptor, SHUT_WR), 0);
}

/* ---- bytes ---- */

bool raw_is_readable(const struct raw_client *client, int ms) {
    struct pollfd poll_for = {.fd = client->descriptor, .events = POLLIN};
    return (client->tls && SSL_pending(client->tls) > 0) || poll(&poll_for, 1, ms) > 0;
}

/* 0: the end. */
static size_t receive(struct raw_client *client, void *bytes, size_t size) {
    if (!raw_is_readable(client, RAW_WAIT_MS))
        fail_msg("nothing came within %d ms", RAW_WAIT_MS);
    ssize_t got = client->tls ? SSL_read(client->tls, bytes, (int)size)
                              : recv(client->descriptor, bytes, size, 0);
    return got > 0 ? (size_t)got : 0; /* a reset is an end, too */
}

bool raw_send(struct raw_client *client, const void *bytes, size_t size) {
    if (client->tls)
        return SSL_write(client->tls, bytes, (int)size) == (int)size;
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send(client->descriptor, at, size, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

size_t raw_send_some(struct raw_client *client, const void *bytes, size_t size) {
    ssize_t sent = send(client->descriptor, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? (size_t)sent : 0;
}

static void expect_all(struct raw_client *client, uint8_t *bytes, size_t size) {
    for (size_t have = 0, got; have < size; have += got)
        if ((got = receive(client, bytes + have, size - have)) == 0)
            fail_msg("closed after %zu of %zu bytes", have, size);
}

void raw_expect(struct raw_client *client, const void *bytes, size_t size) {
    uint8_t *got = malloc(size);
    expect_all(client, got, size);
    assert_memory_equal(got, bytes, size);
    free(got);
}

void raw_expect_silence(struct raw_client *client, int ms) {
    assert_false(raw_is_readable(client, ms));
}

bool raw_ends(struct raw_client *client, int ms) {
    char passed_over[4096];
    while (raw_is_readable(client, ms))
        if (receive(client, passed_over, sizeof passed_over) == 0)
            return true;
    return false;
}

void raw_expect_end(struct raw_client *client) {
    char passed_over[4096];
    while (receive(client, passed_over, sizeof passed_over) > 0)
        continue;
}

/* ---- messages ---- */

size_t raw_header(const struct raw_client *client, uint8_t header[9], uint64_t length) {
    size_t at = 0;
    if (client->is_ipc)
        header[at++] = 1;
    for (int i = 7; i >= 0; i--)
        header[at++] = (uint8_t)(length >> (8 * i));
    return at;
}

bool raw_send_message(struct raw_client *client, const void *ids, size_t ids_size,
                      const void *payload, size_t size) {
    uint8_t *message = malloc(9 + ids_size + size);
    size_t head = raw_header(client, message, ids_size + size);
    if (ids_size > 0)
        memcpy(message + head, ids, ids_size);
    if (size > 0)
        memcpy(message + head + ids_size, payload, size);
    bool sent = raw_send(client, message, head + ids_size + size);
    free(message);
    return sent;
}

void raw_expect_message(struct raw_client *client, const void *ids, size_t ids_size,
                        const void *payload, size_t size) {
    uint8_t header[9];
    raw_expect(client, header, raw_header(client, header, ids_size + size));
    raw_expect(client, ids, ids_size);
    if (size > 0)
        raw_expect(client, payload, size);
}

static void write_id(uint8_t out[4], uint32_t id) {
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(id >> (24 - 8 * i));
}

bool raw_ask(struct raw_client *client, uint32_t id, const char *text) {
    uint8_t bytes[4];
    write_id(bytes, id);
    return raw_send_message(client, bytes, sizeof bytes, text, strlen(text));
}

void raw_expect_answer(struct raw_client *client, uint32_t id, const char *text) {
    uint8_t bytes[4];
    write_id(bytes, id);
    raw_expect_message(client, bytes, sizeof bytes, text, strlen(text));
}

uint32_t raw_take_answer(struct raw_client *client, char *ret_text, size_t room) {
    uint8_t head[9 + 4];
    size_t size = (client->is_ipc ? 9 : 8) + 4;
    uint64_t length = 0;
    expect_all(client, head, size);
    for (size_t i = size - 12; i < size - 4; i++)
        length = length << 8 | head[i];
    assert_true(length >= 4 && length - 4 < room);
    if (length > 4)
        expect_all(client, (uint8_t *)ret_text, length - 4);
    ret_text[length - 4] = '\0';
    return (uint32_t)head[size - 4] << 24 | (uint32_t)head[size - 3] << 16 |
           (uint32_t)head[size - 2] << 8 | head[size - 1];
}
