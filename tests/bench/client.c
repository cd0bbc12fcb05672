/* The cost of libharrier, compared with the lower bound: the same bytes over a bare socket.
 *
 * The program forks a server that speaks SP on epoll and answers each request with the bytes of one
 * decision; it does not score. Rounds of all kinds take turns in one run, so that other load on the
 * machine affects all of them alike:
 *
 *   bare socket        write, poll, read: no library, no encoding or decoding
 *   libharrier         harrier_score(); harrier_score_submit() when several are in flight
 *   libharrier on nng  the same over the nng library ("nng+…"), if it was built with it
 *
 * Times are wall time per request; `cpu` is the processor time of this process per request (all its
 * threads, without the server).
 *
 * usage: client ipc|tcp [IN_FLIGHT [ROUNDS [CALLS]]] */
#include "clients/c/harrier.h"
#include "core/base/check.h"
#include "core/wire/message/message.h"
#include "core/wire/message/sp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IN_FLIGHT_MAX 1024
#define INPUT_SIZE    (1 << 20)
#define CONNECTIONS   16

enum kind { BARE, NATIVE, NNG, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {"bare socket", "libharrier",
                                                   "libharrier on nng"};

static _Noreturn void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static double processor_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* ---------------------------------------------------------------------------------------------
 * The messages, the same for all kinds */

/* Message and struct below are the same transaction, so that all kinds send the same bytes. */
static void encode_request(struct buffer *buffer) {
    struct transaction t = {.id = TEXT_LITERAL("b0123abcd-0000000042"),
                            .event_time_us = 1767225600000000,
                            .amount_minor = 4999,
                            .currency = TEXT_LITERAL("EUR")};
    t.fields[FIELD_CARD] = TEXT_LITERAL("card_01234");
    t.fields[FIELD_CUSTOMER] = TEXT_LITERAL("cust_01234");
    t.fields[FIELD_MERCHANT] = TEXT_LITERAL("merchant_123");
    t.fields[FIELD_DEVICE] = TEXT_LITERAL("device_01234");
    t.fields[FIELD_IP] = TEXT_LITERAL("198.18.10.20");
    t.fields[FIELD_COUNTRY] = TEXT_LITERAL("DE");
    t.fields[FIELD_MCC] = TEXT_LITERAL("5411");
    t.fields[FIELD_CHANNEL] = TEXT_LITERAL("ecom");
    struct request request = {.call = CALL_SCORE, .deadline_us = 5000000};
    request.score.transactions = &t;
    request.score.transaction_count = 1;
    struct error error;
    check(message_encode_request(&request, buffer, &error) == 0);
}

static const struct harrier_transaction transaction = {.id = "b0123abcd-0000000042",
                                                       .event_time_us = 1767225600000000,
                                                       .amount_minor = 4999,
                                                       .currency = "EUR",
                                                       .card = "card_01234",
                                                       .customer = "cust_01234",
                                                       .merchant = "merchant_123",
                                                       .device = "device_01234",
                                                       .ip = "198.18.10.20",
                                                       .country = "DE",
                                                       .mcc = "5411",
                                                       .channel = "ecom"};

static void encode_answer(struct buffer *buffer) {
    struct score_result result = {
        .decision = {.transaction_id = TEXT_LITERAL("b0123abcd-0000000042"),
                     .verdict = VERDICT_APPROVE,
                     .snapshot_id = UINT64_C(0x123456789abcdef0),
                     .generation_id = 7,
                     .position = 123456,
                     .server_us = 9}};
    struct response response = {.call = CALL_SCORE, .score = {.results = &result, .count = 1}};
    message_encode_response(&response, buffer);
}

/* ---------------------------------------------------------------------------------------------
 * The server: one process, one epoll, one buffer for each connection */

struct connection {
    int descriptor;
    bool greeted;
    uint8_t *input;
    size_t length;
};

struct server {
    enum sp_stream kind;
    struct buffer answer, output;
};

/* false: the peer is gone. */
static bool write_all(int descriptor, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(descriptor, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Echoes the request id (the first bytes of the body), followed by the constant decision. */
static void answer_one(struct server *server, const uint8_t *body) {
    uint8_t header[SP_HEADER_MAX];
    size_t size = sp_header_write(header, server->kind, SP_ID_SIZE + server->answer.length);
    buffer_append(&server->output, header, size);
    buffer_append(&server->output, body, SP_ID_SIZE);
    buffer_append(&server->output, server->answer.bytes, server->answer.length);
}

/* false: the connection is over */
static bool serve(struct server *server, struct connection *c) {
    size_t header = sp_header_size(server->kind), at = 0;
    ssize_t got = recv(c->descriptor, c->input + c->length, INPUT_SIZE - c->length, 0);
    if (got <= 0)
        return false;
    c->length += (size_t)got;
    if (!c->greeted && c->length >= SP_GREETING_SIZE) {
        c->greeted = true;
        at = SP_GREETING_SIZE;
    }
    buffer_clear(&server->output);
    while (c->greeted && c->length - at >= header) {
        uint64_t length;
        if (!sp_header_read(c->input + at, server->kind, &length) || length < SP_ID_SIZE)
            return false;
        if (c->length - at - header < length)
            break;
        answer_one(server, c->input + at + header);
        at += header + length;
    }
    memmove(c->input, c->input + at, c->length - at);
    c->length -= at;
    return write_all(c->descriptor, server->output.bytes, server->output.length);
}

static void add(int epoll, int descriptor, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        die("epoll_ctl");
}

static void take_connection(struct server *server, int epoll, int listener,
                            struct connection *connection) {
    uint8_t greeting[SP_GREETING_SIZE];
    const int yes = 1;
    connection->descriptor = accept(listener, NULL, NULL);
    if (connection->descriptor < 0)
        die("accept");
    if (server->kind == SP_TCP)
        setsockopt(connection->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    connection->input = check_malloc(INPUT_SIZE);
    sp_greeting_write(greeting, SP_REP);
    write_all(connection->descriptor, greeting, sizeof greeting);
    add(epoll, connection->descriptor, connection);
}

static _Noreturn void run_server(int listener, enum sp_stream kind) {
    static struct connection connections[CONNECTIONS];
    struct server server = {.kind = kind};
    size_t count = 0;
    int epoll = epoll_create1(0);
    buffer_init(&server.answer);
    buffer_init(&server.output);
    encode_answer(&server.answer);
    add(epoll, listener, NULL);
    for (;;) {
        struct epoll_event event;
        if (epoll_wait(epoll, &event, 1, -1) != 1)
            continue;
        struct connection *connection = event.data.ptr;
        if (!connection && count < CONNECTIONS)
            take_connection(&server, epoll, listener, &connections[count++]);
        else if (connection && !serve(&server, connection))
            close(connection->descriptor);
    }
}

/* ---------------------------------------------------------------------------------------------
 * The bare client */

struct bench {
    enum sp_stream kind;
    int descriptor;
    struct buffer frames; /* `in_flight` requests */
    size_t frame_size, answer_size;
    uint8_t *input;
    struct harrier_client *clients[KIND_COUNT];
    size_t in_flight, calls;
    atomic_size_t left, failed;
    int64_t *times;
};

static void read_exactly(struct bench *bench, size_t length) {
    while (length > 0) {
        struct pollfd poll_set = {.fd = bench->descriptor, .events = POLLIN};
        if (poll(&poll_set, 1, -1) != 1)
            die("poll");
        ssize_t got = recv(bench->descriptor, bench->input, length, 0);
        if (got <= 0)
            die("recv");
        length -= (size_t)got;
    }
}

/* The requests of the bare client, framed in advance: it does no work per call. */
static void make_frames(struct bench *bench) {
    uint8_t header[SP_HEADER_MAX], id[SP_ID_SIZE];
    struct buffer request, answer;
    buffer_init(&request);
    buffer_init(&answer);
    encode_request(&request);
    encode_answer(&answer);
    size_t size = sp_header_write(header, bench->kind, SP_ID_SIZE + request.length);
    for (size_t i = 0; i < bench->in_flight; i++) {
        sp_id_write(id, SP_ID_TOP_BIT | (uint32_t)i);
        buffer_append(&bench->frames, header, size);
        buffer_append(&bench->frames, id, sizeof id);
        buffer_append(&bench->frames, request.bytes, request.length);
    }
    bench->frame_size = size + SP_ID_SIZE + request.length;
    bench->answer_size = size + SP_ID_SIZE + answer.length;
    buffer_deinit(&request);
    buffer_deinit(&answer);
}

static void ask_bare(struct bench *bench) {
    if (!write_all(bench->descriptor, bench->frames.bytes, bench->frame_size))
        die("send");
    read_exactly(bench, bench->answer_size);
}

/* Keeps `in_flight` requests in flight: sends as many as were answered, in one write. */
static void pipeline_bare(struct bench *bench) {
    size_t sent = bench->in_flight, answered = 0, partial = 0;
    if (!write_all(bench->descriptor, bench->frames.bytes, bench->frames.length))
        die("send");
    while (answered < bench->calls) {
        struct pollfd poll_set = {.fd = bench->descriptor, .events = POLLIN};
        if (poll(&poll_set, 1, -1) != 1)
            die("poll");
        ssize_t got = recv(bench->descriptor, bench->input, INPUT_SIZE, 0);
        if (got <= 0)
            die("recv");
        partial += (size_t)got;
        size_t whole = partial / bench->answer_size;
        partial %= bench->answer_size;
        answered += whole;
        size_t again = bench->calls - sent < whole ? bench->calls - sent : whole;
        sent += again;
        if (!write_all(bench->descriptor, bench->frames.bytes, again * bench->frame_size))
            die("send");
    }
}

/* ---------------------------------------------------------------------------------------------
 * libharrier */

static void ask_library(struct bench *bench, enum kind kind) {
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_score(bench->clients[kind], &transaction, 1, NULL, &reply, &error) < 0) {
        fprintf(stderr, "client: %s\n", error.message);
        exit(1);
    }
    check(reply->result_count == 1 && reply->results[0].decision.position == 123456);
    harrier_reply_free(reply);
}

/* One chain per request in flight: each answer submits the next request. */
struct chain {
    struct bench *bench;
    struct harrier_client *client;
};

static void send_next(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    struct chain *chain = user;
    harrier_reply_free(reply);
    if (error)
        atomic_fetch_add(&chain->bench->failed, 1);
    size_t left = atomic_load(&chain->bench->left);
    if (left == 0)
        return;
    atomic_store(&chain->bench->left, left - 1); /* no race: callbacks are serialized */
    if (harrier_score_submit(chain->client, &transaction, 1, NULL, send_next, chain, NULL) < 0)
        atomic_fetch_add(&chain->bench->failed, 1);
}

static void pipeline_library(struct bench *bench, enum kind kind) {
    struct chain chain = {bench, bench->clients[kind]};
    atomic_store(&bench->left, bench->calls - bench->in_flight);
    for (size_t i = 0; i < bench->in_flight; i++)
        if (harrier_score_submit(chain.client, &transaction, 1, NULL, send_next, &chain, NULL) < 0)
            atomic_fetch_add(&bench->failed, 1);
    harrier_drain(chain.client);
    check(atomic_load(&bench->failed) == 0);
}

/* ---------------------------------------------------------------------------------------------
 * Rounds */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_times(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

struct figures {
    double *wall, *tail, *cpu; /* one for each round, in microseconds */
};

static void one_by_one(struct bench *bench, enum kind kind, struct figures *figures, size_t round) {
    for (size_t i = 0; i < bench->calls; i++) {
        int64_t start = now_ns();
        if (kind == BARE)
            ask_bare(bench);
        else
            ask_library(bench, kind);
        bench->times[i] = now_ns() - start;
    }
    qsort(bench->times, bench->calls, sizeof *bench->times, compare_times);
    figures->wall[round] = (double)bench->times[bench->calls / 2] / 1e3;
    figures->tail[round] = (double)bench->times[(bench->calls - 1) * 99 / 100] / 1e3;
}

/* Time per request of a whole round; there are no percentiles, because requests overlap. */
static void pipelined(struct bench *bench, enum kind kind, struct figures *figures, size_t round) {
    int64_t start = now_ns();
    if (kind == BARE)
        pipeline_bare(bench);
    else
        pipeline_library(bench, kind);
    figures->wall[round] = (double)(now_ns() - start) / 1e3 / (double)bench->calls;
    figures->tail[round] = 0;
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

static void print(struct bench *bench, struct figures figures[KIND_COUNT], size_t rounds) {
    double wall[KIND_COUNT] = {0}, tail[KIND_COUNT], cpu[KIND_COUNT];
    printf("%s, %zu in flight, %zu rounds of %zu; request %zu bytes, answer %zu\n",
           bench->kind == SP_IPC ? "ipc" : "tcp", bench->in_flight, rounds, bench->calls,
           bench->frame_size, bench->answer_size);
    printf("%-20s %10s %10s %10s %12s %12s\n", "", bench->in_flight > 1 ? "us each" : "p50 (us)",
           "p99 (us)", "cpu (us)", "time / bare", "cpu / bare");
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (kind != BARE && !bench->clients[kind])
            continue;
        wall[kind] = median(figures[kind].wall, rounds);
        tail[kind] = median(figures[kind].tail, rounds);
        cpu[kind] = median(figures[kind].cpu, rounds);
        printf("%-20s %10.2f %10.2f %10.2f %12.2f %12.2f\n", kind_names[kind], wall[kind],
               tail[kind], cpu[kind], wall[kind] / wall[BARE], cpu[kind] / cpu[BARE]);
    }
}

static void measure(struct bench *bench, size_t rounds) {
    struct figures figures[KIND_COUNT];
    for (int kind = 0; kind < KIND_COUNT; kind++)
        figures[kind] = (struct figures){check_calloc(rounds, sizeof(double)),
                                         check_calloc(rounds, sizeof(double)),
                                         check_calloc(rounds, sizeof(double))};
    bench->times = check_calloc(bench->calls, sizeof *bench->times);
    for (size_t round = 0; round <= rounds; round++) { /* the first is a warm-up */
        size_t at = round ? round - 1 : 0;
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            if (kind != BARE && !bench->clients[kind])
                continue;
            double before = processor_us();
            if (bench->in_flight > 1)
                pipelined(bench, (enum kind)kind, &figures[kind], at);
            else
                one_by_one(bench, (enum kind)kind, &figures[kind], at);
            figures[kind].cpu[at] = (processor_us() - before) / (double)bench->calls;
        }
    }
    print(bench, figures, rounds);
}

/* ---------------------------------------------------------------------------------------------
 * Setup */

/* The forked server inherits the listener, so clients can connect at once. */
static int listen_at(enum sp_stream kind, char *ret_address, size_t size) {
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *to = kind == SP_IPC ? (struct sockaddr *)&path : (struct sockaddr *)&port;
    socklen_t length = kind == SP_IPC ? sizeof path : sizeof port;
    snprintf(path.sun_path, sizeof path.sun_path, "/tmp/harrier-bench-%d.sock", (int)getpid());
    int listener = socket(to->sa_family, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, to, length) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, to, &length) != 0)
        die("listen");
    if (kind == SP_IPC)
        snprintf(ret_address, size, "ipc://%s", path.sun_path);
    else
        snprintf(ret_address, size, "tcp://127.0.0.1:%u", ntohs(port.sin_port));
    return listener;
}

static void connect_bare(struct bench *bench, int listener) {
    struct sockaddr_storage to;
    socklen_t length = sizeof to;
    uint8_t greeting[SP_GREETING_SIZE];
    const int yes = 1;
    if (getsockname(listener, (struct sockaddr *)&to, &length) != 0)
        die("getsockname");
    bench->descriptor = socket(to.ss_family, SOCK_STREAM, 0);
    if (connect(bench->descriptor, (struct sockaddr *)&to, length) != 0)
        die("connect");
    if (bench->kind == SP_TCP)
        setsockopt(bench->descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    sp_greeting_write(greeting, SP_REQ);
    write_all(bench->descriptor, greeting, sizeof greeting);
    read_exactly(bench, sizeof greeting);
}

/* A build without nng cannot make the second client; its row is then left out. */
static void connect_library(struct bench *bench, const char *address) {
    char on_nng[160];
    struct harrier_error error;
    snprintf(on_nng, sizeof on_nng, "nng+%s", address);
    const char *const addresses[KIND_COUNT] = {NULL, address, on_nng};
    for (int kind = NATIVE; kind < KIND_COUNT; kind++) {
        const struct harrier_options options = {.address = addresses[kind], .deadline_us = 5000000};
        if (harrier_client_new(&options, &bench->clients[kind], &error) < 0)
            fprintf(stderr, "client: %s: left out\n", error.message);
    }
}

static size_t number(int argc, char **argv, int at, size_t fallback, size_t most) {
    long value = argc > at ? atol(argv[at]) : (long)fallback;
    if (value < 1 || (size_t)value > most) {
        fprintf(stderr, "client: \"%s\"; expected 1 to %zu\n", argv[at], most);
        exit(64);
    }
    return (size_t)value;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 5 || (strcmp(argv[1], "ipc") != 0 && strcmp(argv[1], "tcp") != 0)) {
        fprintf(stderr, "usage: client ipc|tcp [IN_FLIGHT [ROUNDS [CALLS]]]\n");
        return 64;
    }
    struct bench bench = {.kind = argv[1][0] == 'i' ? SP_IPC : SP_TCP};
    bench.in_flight = number(argc, argv, 2, 1, IN_FLIGHT_MAX);
    size_t rounds = number(argc, argv, 3, 7, 1000);
    bench.calls = number(argc, argv, 4, bench.in_flight > 1 ? 50000 : 5000, 10000000);
    if (bench.calls < bench.in_flight)
        bench.calls = bench.in_flight;
    bench.input = check_malloc(INPUT_SIZE);
    buffer_init(&bench.frames);

    char address[128];
    int listener = listen_at(bench.kind, address, sizeof address);
    pid_t server = fork();
    if (server == 0)
        run_server(listener, bench.kind);
    connect_bare(&bench, listener);
    connect_library(&bench, address);
    make_frames(&bench);
    measure(&bench, rounds);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        harrier_client_free(bench.clients[kind]);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    if (bench.kind == SP_IPC)
        unlink(address + strlen("ipc://"));
    return 0;
}
