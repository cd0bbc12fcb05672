/* Sends payments to a web service or a Redis script: one thread on epoll, several connections, each
 * with DEPTH requests in flight (written together, and all answered before the next ones). It takes
 * a few microseconds a request, so that the figures are those of the server.
 *
 * usage: load http PORT WORLD CONNECTIONS DEPTH FIRST COUNT SECONDS
 *        load redis PORT:DATABASE:SCRIPT_SHA1 WORLD CONNECTIONS DEPTH FIRST COUNT SECONDS
 *        load print - WORLD 1 1 FIRST COUNT 0        the payments, as JSON lines
 *
 * WORLD is payment.h's; what is printed is tally.h's. An answer that is an error ends it with
 * status 1. */
#include "payment.h"
#include "tally.h"

#include "core/base/buffer.h"
#include "core/base/check.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define DEPTH_MAX       1000
#define INPUT_SIZE      (1 << 18)

/* A connection sends `depth` requests in one write and the next ones after the last answer. */
struct connection {
    int descriptor;
    size_t waiting; /* requests in flight */
    int64_t asked_ns;
    struct buffer output;
    char *input; /* HTTP: an incomplete answer */
    size_t length;
    redisReader *reader;
};

struct load {
    struct world world;
    struct tally tally;
    size_t depth;
    bool is_redis;
    const char *script; /* its SHA-1 */
};

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1);
}

/* ---- requests */

static void append_http(struct buffer *out, const struct payment *payment) {
    char body[PAYMENT_JSON_MAX], head[160];
    int length = payment_json(payment, body);
    int size = snprintf(head, sizeof head,
                        "POST /score HTTP/1.1\r\nHost: localhost\r\n"
                        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                        length);
    buffer_append(out, head, (size_t)size);
    buffer_append(out, body, (size_t)length);
}

/* EVALSHA with the four keys and the arguments that score.lua documents. */
static void append_redis(struct buffer *out, const struct payment *p, const char *script) {
    char time[24], amount[24], *command;
    snprintf(time, sizeof time, "%" PRId64, p->event_time_us);
    snprintf(amount, sizeof amount, "%" PRId64, p->amount_minor);
    const char *arguments[] = {"EVALSHA", script, "4",    p->card,    p->customer, p->merchant,
                               p->device, time,   amount, p->channel, p->country,  p->mcc};
    int length =
        redisFormatCommandArgv(&command, sizeof arguments / sizeof *arguments, arguments, NULL);
    if (length < 0)
        fail("request", "no memory");
    buffer_append(out, command, (size_t)length);
    redisFreeCommand(command);
}

static void write_all(int descriptor, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            fail("send", "the connection broke");
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* Returns false if there are no more requests to send. */
static bool ask(struct load *load, struct connection *c) {
    uint64_t number;
    size_t count = tally_take(&load->tally, load->depth, &number);
    if (count == 0)
        return false;
    buffer_clear(&c->output);
    for (size_t i = 0; i < count; i++) {
        struct payment payment = payment_make(&load->world, number + i);
        if (load->is_redis)
            append_redis(&c->output, &payment, load->script);
        else
            append_http(&c->output, &payment);
    }
    c->waiting = count;
    c->asked_ns = tally_now_ns();
    write_all(c->descriptor, c->output.bytes, c->output.length);
    return true;
}

/* ---- answers: each function returns the number of complete ones */

/* The script returns verdict, score and reasons; hiredis keeps incomplete replies. */
static size_t read_redis(struct connection *c, const char *bytes, size_t length) {
    size_t count = 0;
    void *reply;
    redisReaderFeed(c->reader, bytes, length);
    while (redisReaderGetReply(c->reader, &reply) == REDIS_OK && reply) {
        const redisReply *answer = reply;
        if (answer->type == REDIS_REPLY_ERROR)
            fail("answer", answer->str);
        if (answer->type != REDIS_REPLY_ARRAY || answer->elements < 2)
            fail("answer", "not a verdict and a score");
        freeReplyObject(reply);
        count++;
    }
    if (c->reader->err)
        fail("answer", c->reader->errstr);
    return count;
}

/* The length of the answer at the beginning of the input; 0: it is not complete. */
static size_t http_size(const struct connection *c) {
    const char *end = memmem(c->input, c->length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - c->input) + 4;
    if (strncmp(c->input, "HTTP/1.1 200 ", 13) != 0)
        fail("answer", c->input);
    const char *length = strcasestr(c->input, "\r\ncontent-length:");
    if (!length || length > end)
        fail("answer", "no Content-Length");
    size_t size = head + (size_t)atol(length + strlen("\r\ncontent-length:"));
    if (c->length < size)
        return 0;
    if (!memmem(end, size - head, "\"verdict\"", 9))
        fail("answer", "no verdict in it");
    return size;
}

static size_t read_http(struct connection *c, const char *bytes, size_t length) {
    size_t count = 0, size;
    check(c->length + length < INPUT_SIZE);
    memcpy(c->input + c->length, bytes, length);
    c->length += length;
    c->input[c->length] = '\0';
    while ((size = http_size(c)) > 0) {
        memmove(c->input, c->input + size, c->length - size + 1);
        c->length -= size;
        count++;
    }
    return count;
}

/* ---- the loop */

static void connect_to(struct connection *c, long port) {
    const int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(c->descriptor, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect", "nothing listens there");
    setsockopt(c->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    c->input = check_malloc(INPUT_SIZE);
    c->reader = redisReaderCreate();
    buffer_init(&c->output);
}

/* Each script has a database of its own, so their data does not mix. */
static void select_database(struct connection *c, const char *number) {
    char command[64], answer[64];
    int length = snprintf(command, sizeof command, "SELECT %d\r\n", atoi(number));
    write_all(c->descriptor, (const uint8_t *)command, (size_t)length);
    if (recv(c->descriptor, answer, sizeof answer, 0) < 3 || answer[0] != '+')
        fail("select", "no such database");
}

/* Reads and counts answers; after the last it sends the next requests. Returns false when done. */
static bool take(struct load *load, struct connection *c) {
    static char bytes[INPUT_SIZE / 2];
    ssize_t got = recv(c->descriptor, bytes, sizeof bytes, 0);
    if (got <= 0)
        fail("recv", "the connection ended");
    int64_t now_ns = tally_now_ns();
    size_t count = (load->is_redis ? read_redis : read_http)(c, bytes, (size_t)got);
    if (count > c->waiting)
        fail("answer", "one too many");
    c->waiting -= count;
    tally_answer(&load->tally, count, c->asked_ns, now_ns);
    return c->waiting > 0 || ask(load, c);
}

/* Until no connection has requests in flight and the tally has no more payments. */
static void run(struct load *load, struct connection *connections, size_t count) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    size_t busy = 0;
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        check(epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].descriptor, &event) == 0);
        busy += ask(load, &connections[i]);
    }
    while (busy > 0) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, 30000);
        if (ready <= 0)
            fail("answer", "none for 30 s");
        for (int i = 0; i < ready; i++)
            busy -= !take(load, events[i].data.ptr);
    }
    close(epoll);
}

static int print_payments(const struct world *world, uint64_t first, uint64_t count) {
    for (uint64_t number = first; number < first + count; number++) {
        char line[PAYMENT_JSON_MAX];
        struct payment payment = payment_make(world, number);
        payment_json(&payment, line);
        puts(line);
    }
    return 0;
}

int main(int argc, char **argv) {
    static struct connection connections[CONNECTIONS_MAX];
    if (argc != 9) {
        fputs("usage: load http|redis|print ADDRESS WORLD CONNECTIONS DEPTH FIRST COUNT SECONDS\n",
              stderr);
        return 64;
    }
    struct load load = {.world = world_parse(argv[3]),
                        .depth = strtoul(argv[5], NULL, 10),
                        .is_redis = strcmp(argv[1], "redis") == 0};
    size_t count = strtoul(argv[4], NULL, 10);
    uint64_t first = strtoull(argv[6], NULL, 10), most = strtoull(argv[7], NULL, 10);
    if (count < 1 || count > CONNECTIONS_MAX || load.depth < 1 || load.depth > DEPTH_MAX)
        fail("arguments", "expected 1 to 1,024 connections with 1 to 1,000 requests each");
    if (strcmp(argv[1], "print") == 0)
        return print_payments(&load.world, first, most);
    char *database = strchr(argv[2], ':');
    if (load.is_redis && (!database || !strchr(database + 1, ':')))
        fail(argv[2], "expected PORT:DATABASE:SCRIPT_SHA1");
    if (load.is_redis)
        load.script = strchr(++database, ':') + 1;
    for (size_t i = 0; i < count; i++) {
        connect_to(&connections[i], atol(argv[2]));
        if (load.is_redis)
            select_database(&connections[i], database);
    }
    tally_begin(&load.tally, first, most, atof(argv[8]));
    run(&load, connections, count);
    tally_print(&load.tally);
    return 0;
}
