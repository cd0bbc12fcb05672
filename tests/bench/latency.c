/* The latency of one score with one request in flight, beside echoes with messages of the same
 * size.
 *
 * Rounds of all kinds take turns in one run, so that other load on the machine affects all of them
 * alike:
 *
 *   epoll echo  a blocking socket → epoll_echo: the lower bound
 *   nng echo    nng REQ client → echo_server: nng's transport alone
 *   stock nng   nng REQ client → harrierd: what a client in any language sees
 *   libharrier  harrier_score() → harrierd
 *
 * Each score is of a new transaction of one of 10,000 cards and 500 merchants. The figures
 * are ratios of medians; absolute times depend on the machine. After the table comes a line of
 * name, tab and value for each ratio of each round.
 *
 * usage: latency EPOLL_ECHO_ADDRESS NNG_ECHO_ADDRESS HARRIERD_ADDRESS [ROUNDS [CALLS]] */
#include "clients/c/harrier.h"
#include "core/base/check.h"
#include "core/wire/message/message.h"
#include "core/wire/message/sp.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum kind { EPOLL_ECHO, NNG_ECHO, STOCK, LIBRARY, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {
    "epoll echo, plain socket", "nng echo", "harrierd, stock nng client", "harrierd, libharrier"};

struct plain {
    int descriptor;
    enum sp_stream stream;
};

struct bench {
    struct plain plain;
    nng_socket echo, stock;
    struct harrier_client *client;
    uint64_t run; /* part of the ids, different in every run */
    uint64_t number;
    size_t request_size, response_size;
};

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "latency: %s: %s\n", what, why);
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* One purchase, as strings, from which both clients build their transaction. */
struct purchase {
    char id[32], card[24], customer[24], merchant[24], device[24], ip[24];
    int64_t amount_minor, event_time_us;
};

static struct purchase next_purchase(struct bench *bench) {
    struct purchase p;
    uint64_t n = bench->number++;
    uint64_t mixed = n * UINT64_C(0x9e3779b97f4a7c15);
    unsigned card = (unsigned)(mixed >> 40) % 10000, merchant = (unsigned)(mixed >> 20) % 500;
    snprintf(p.id, sizeof p.id, "b%08" PRIx64 "-%010" PRIu64, bench->run, n);
    snprintf(p.card, sizeof p.card, "card_%05u", card);
    snprintf(p.customer, sizeof p.customer, "cust_%05u", card / 2);
    snprintf(p.merchant, sizeof p.merchant, "merchant_%03u", merchant);
    snprintf(p.device, sizeof p.device, "device_%05u", card);
    snprintf(p.ip, sizeof p.ip, "198.18.%u.%u", card / 250, card % 250);
    p.amount_minor = 100 + (int64_t)(mixed >> 50);
    p.event_time_us = now_us();
    return p;
}

/* A REQ socket, connected when this returns. */
static nng_socket dial(const char *address) {
    nng_socket socket;
    int r = nng_req0_open(&socket);
    if (r == 0)
        r = nng_dial(socket, address, NULL, 0);
    if (r != 0)
        fail(address, nng_strerror(r));
    nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, 5000);
    return socket;
}

/* Sends bytes and waits for the answer; returns its length. */
static size_t ask(nng_socket socket, const void *bytes, size_t length, void *ret_answer,
                  size_t room) {
    nng_msg *message;
    int r = nng_msg_alloc(&message, 0);
    if (r == 0)
        r = nng_msg_append(message, bytes, length);
    if (r == 0)
        r = nng_sendmsg(socket, message, 0);
    if (r == 0)
        r = nng_recvmsg(socket, &message, 0);
    if (r != 0)
        fail("request", nng_strerror(r));
    size_t got = nng_msg_len(message);
    if (ret_answer)
        memcpy(ret_answer, nng_msg_body(message), got < room ? got : room);
    nng_msg_free(message);
    return got;
}

/* ---- the plain socket ---- */

static void write_all(int descriptor, const uint8_t *bytes, size_t length) {
    for (ssize_t sent; length > 0; bytes += sent, length -= (size_t)sent)
        if ((sent = send(descriptor, bytes, length, MSG_NOSIGNAL)) <= 0)
            fail("epoll echo", strerror(errno));
}

static void read_all(int descriptor, uint8_t *bytes, size_t length) {
    for (ssize_t got; length > 0; bytes += got, length -= (size_t)got)
        if ((got = recv(descriptor, bytes, length, 0)) <= 0)
            fail("epoll echo", got < 0 ? strerror(errno) : "it closed the connection");
}

/* Connects a blocking socket and exchanges the SP greetings. */
static struct plain connect_plain(const char *address) {
    const int yes = 1;
    uint8_t greeting[SP_GREETING_SIZE];
    union {
        struct sockaddr any;
        struct sockaddr_un ipc;
        struct sockaddr_in tcp;
    } to = {0};
    socklen_t size = sizeof to.ipc;
    struct plain plain = {.stream = strncmp(address, "ipc://", 6) == 0 ? SP_IPC : SP_TCP};
    if (plain.stream == SP_IPC) {
        to.ipc.sun_family = AF_UNIX;
        snprintf(to.ipc.sun_path, sizeof to.ipc.sun_path, "%s", address + 6);
    } else {
        const char *port = strrchr(address, ':');
        to.tcp = (struct sockaddr_in){.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                      .sin_port = htons((uint16_t)atoi(port ? port + 1 : "0"))};
        size = sizeof to.tcp;
    }
    plain.descriptor = socket(to.any.sa_family, SOCK_STREAM, 0);
    if (plain.descriptor < 0 || connect(plain.descriptor, &to.any, size) != 0)
        fail(address, strerror(errno));
    if (plain.stream == SP_TCP)
        setsockopt(plain.descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    sp_greeting_write(greeting, SP_REQ);
    write_all(plain.descriptor, greeting, sizeof greeting);
    read_all(plain.descriptor, greeting, sizeof greeting);
    return plain;
}

/* One write, and reads until the answer is whole. */
static void plain_once(struct bench *bench, struct buffer *buffer) {
    uint8_t header[SP_HEADER_MAX], id[SP_ID_SIZE], answer[4096];
    size_t head = sp_header_size(bench->plain.stream);
    size_t length = head + SP_ID_SIZE + bench->response_size;
    check(length <= sizeof answer);
    buffer_clear(buffer);
    sp_header_write(header, bench->plain.stream, SP_ID_SIZE + bench->request_size);
    buffer_append(buffer, header, head);
    sp_id_write(id, SP_ID_TOP_BIT | (uint32_t)bench->number++);
    buffer_append(buffer, id, sizeof id);
    buffer_append_u32(buffer, (uint32_t)bench->response_size);
    size_t rest = bench->request_size - sizeof(uint32_t);
    memset(buffer_reserve(buffer, rest), 'x', rest);
    buffer->length += rest;
    write_all(bench->plain.descriptor, buffer->bytes, buffer->length);
    read_all(bench->plain.descriptor, answer, length);
    if (memcmp(answer + head, id, sizeof id) != 0)
        fail("epoll echo", "the answer of another request");
}

/* ---- nng and libharrier ---- */

/* Encodes a Score request of a new purchase, with a deadline of 100 ms. */
static void encode_score(struct bench *bench, struct buffer *buffer) {
    struct purchase p = next_purchase(bench);
    struct transaction t = {.id = text_of(p.id),
                            .event_time_us = p.event_time_us,
                            .amount_minor = p.amount_minor,
                            .currency = TEXT_LITERAL("EUR")};
    t.fields[FIELD_CARD] = text_of(p.card);
    t.fields[FIELD_CUSTOMER] = text_of(p.customer);
    t.fields[FIELD_MERCHANT] = text_of(p.merchant);
    t.fields[FIELD_DEVICE] = text_of(p.device);
    t.fields[FIELD_IP] = text_of(p.ip);
    t.fields[FIELD_COUNTRY] = TEXT_LITERAL("DE");
    t.fields[FIELD_MCC] = TEXT_LITERAL("5411");
    t.fields[FIELD_CHANNEL] = TEXT_LITERAL("ecom");
    struct request request = {.call = CALL_SCORE, .deadline_us = 100000};
    request.score.transactions = &t;
    request.score.transaction_count = 1;
    struct error error;
    buffer_clear(buffer);
    if (message_encode_request(&request, buffer, &error) < 0)
        fail("encode", error.text);
}

/* Ends the program unless the answer is a decision: an error would be answered faster. */
static void expect_decision(const void *bytes, size_t length) {
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct response response;
    struct error error;
    if (message_decode_response(bytes, length, &arena, &response, &error) < 0)
        fail("answer", error.text);
    if (response.error.code != 0 || response.call != CALL_SCORE || response.score.count != 1 ||
        response.score.results[0].error.code != 0)
        fail("answer", "not a decision");
    arena_deinit(&arena);
}

/* The first four bytes give the length of the echo's answer. */
static void echo_once(struct bench *bench, struct buffer *buffer) {
    buffer_clear(buffer);
    buffer_append_u32(buffer, (uint32_t)bench->response_size);
    memset(buffer_reserve(buffer, bench->request_size), 'x', bench->request_size);
    if (ask(bench->echo, buffer->bytes, bench->request_size, NULL, 0) != bench->response_size)
        fail("echo", "another length than asked for");
}

static void stock_once(struct bench *bench, struct buffer *buffer) {
    uint8_t answer[4096];
    encode_score(bench, buffer);
    size_t length = ask(bench->stock, buffer->bytes, buffer->length, answer, sizeof answer);
    expect_decision(answer, length);
}

static void library_once(struct bench *bench) {
    struct purchase p = next_purchase(bench);
    struct harrier_transaction t = {.id = p.id,
                                    .event_time_us = p.event_time_us,
                                    .amount_minor = p.amount_minor,
                                    .currency = "EUR",
                                    .card = p.card,
                                    .customer = p.customer,
                                    .merchant = p.merchant,
                                    .device = p.device,
                                    .ip = p.ip,
                                    .country = "DE",
                                    .mcc = "5411",
                                    .channel = "ecom"};
    struct harrier_reply *reply;
    struct harrier_error error;
    if (harrier_score(bench->client, &t, 1, NULL, &reply, &error) < 0)
        fail("harrier_score", error.message);
    if (reply->result_count != 1 || reply->results[0].error_code != HARRIER_OK)
        fail("harrier_score", "not a decision");
    harrier_reply_free(reply);
}

/* One call of a kind; its time includes making, encoding and decoding messages. */
static void call_once(struct bench *bench, enum kind kind, struct buffer *buffer) {
    switch (kind) {
    case EPOLL_ECHO:
        plain_once(bench, buffer);
        break;
    case NNG_ECHO:
        echo_once(bench, buffer);
        break;
    case STOCK:
        stock_once(bench, buffer);
        break;
    case LIBRARY:
    case KIND_COUNT:
        library_once(bench);
        break;
    }
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double quantile_us(int64_t *sorted, size_t count, double q) {
    return (double)sorted[(size_t)(q * (double)(count - 1))] / 1e3;
}

/* Takes the message sizes for the echoes from a real exchange. */
static void learn_sizes(struct bench *bench, struct buffer *buffer) {
    uint8_t answer[4096];
    encode_score(bench, buffer);
    bench->request_size = buffer->length;
    bench->response_size = ask(bench->stock, buffer->bytes, buffer->length, answer, sizeof answer);
    expect_decision(answer, bench->response_size);
}

/* The figures of one round. */
struct latency {
    double p50_us, p99_us;
};

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

/* Ratios are taken within a round, so that other load affects both sides. */
static void print_figures(struct latency *const all[KIND_COUNT], size_t rounds) {
    static const char *const echo_names[] = {"epoll", "nng"};
    double *values = check_calloc(rounds, sizeof *values);
    printf("%-28s %10s %10s\n", "medians of rounds", "p50 (us)", "p99 (us)");
    for (int k = 0; k < KIND_COUNT; k++) {
        for (size_t i = 0; i < rounds; i++)
            values[i] = all[k][i].p50_us;
        double p50 = median(values, rounds);
        for (size_t i = 0; i < rounds; i++)
            values[i] = all[k][i].p99_us;
        printf("%-28s %10.1f %10.1f\n", kind_names[k], p50, median(values, rounds));
    }
    for (size_t i = 0; i < rounds; i++) {
        for (int k = EPOLL_ECHO; k <= NNG_ECHO; k++) {
            const struct latency *echo = &all[k][i];
            printf("stock_p50_to_%s_echo\t%.3f\n", echo_names[k],
                   all[STOCK][i].p50_us / echo->p50_us);
            printf("stock_p99_to_%s_echo\t%.3f\n", echo_names[k],
                   all[STOCK][i].p99_us / echo->p99_us);
            printf("libharrier_p50_to_%s_echo\t%.3f\n", echo_names[k],
                   all[LIBRARY][i].p50_us / echo->p50_us);
            printf("libharrier_p99_to_%s_echo\t%.3f\n", echo_names[k],
                   all[LIBRARY][i].p99_us / echo->p99_us);
        }
        printf("libharrier_p50_us\t%.2f\n", all[LIBRARY][i].p50_us);
        printf("libharrier_p99_us\t%.2f\n", all[LIBRARY][i].p99_us);
        printf("stock_p50_us\t%.2f\n", all[STOCK][i].p50_us);
        printf("stock_p99_us\t%.2f\n", all[STOCK][i].p99_us);
    }
    free(values);
}

static void measure(struct bench *bench, size_t rounds, size_t calls) {
    struct buffer buffer;
    buffer_init(&buffer);
    learn_sizes(bench, &buffer);
    int64_t *times = check_calloc(calls, sizeof *times);
    struct latency *all[KIND_COUNT];
    for (int k = 0; k < KIND_COUNT; k++)
        all[k] = check_calloc(rounds, sizeof *all[k]);
    for (size_t round = 0; round <= rounds; round++) { /* the first is a warm-up and overwritten */
        for (int k = 0; k < KIND_COUNT; k++) {
            for (size_t i = 0; i < calls; i++) {
                int64_t start = now_ns();
                call_once(bench, (enum kind)k, &buffer);
                times[i] = now_ns() - start;
            }
            qsort(times, calls, sizeof *times, compare);
            all[k][round == 0 ? 0 : round - 1] =
                (struct latency){.p50_us = quantile_us(times, calls, 0.5),
                                 .p99_us = quantile_us(times, calls, 0.99)};
        }
    }
    printf("request %zu bytes, answer %zu bytes, one in flight, %zu rounds of %zu calls\n",
           bench->request_size, bench->response_size, rounds, calls);
    print_figures(all, rounds);
    for (int k = 0; k < KIND_COUNT; k++)
        free(all[k]);
    free(times);
    buffer_deinit(&buffer);
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 6) {
        fprintf(stderr, "usage: latency EPOLL_ECHO_ADDRESS NNG_ECHO_ADDRESS HARRIERD_ADDRESS "
                        "[ROUNDS [CALLS]]\n");
        return 64;
    }
    long rounds = argc > 4 ? atol(argv[4]) : 7, calls = argc > 5 ? atol(argv[5]) : 3000;
    if (rounds < 1 || rounds > 1000 || calls < 100 || calls > 1000000)
        fail("arguments", "expected 1 to 1,000 rounds of 100 to 1,000,000 calls");
    struct bench bench = {.run = (uint64_t)now_us() & 0xffffffff};
    struct harrier_options options = {.address = argv[3], .deadline_us = 5000000};
    struct harrier_error error;
    if (harrier_client_new(&options, &bench.client, &error) < 0)
        fail(argv[3], error.message);
    bench.plain = connect_plain(argv[1]);
    bench.echo = dial(argv[2]);
    bench.stock = dial(argv[3]);
    measure(&bench, (size_t)rounds, (size_t)calls);
    harrier_client_free(bench.client);
    nng_close(bench.echo);
    nng_close(bench.stock);
    close(bench.plain.descriptor);
    return 0;
}
