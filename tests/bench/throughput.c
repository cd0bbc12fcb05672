/* The rate of single-transaction messages from several stock nng clients with many in flight each.
 * Servers take turns in one run, so that other load on the machine affects all of them alike.
 *
 * A round starts the clients as processes, each a REQ socket with contexts and asynchronous I/O,
 * for SECONDS against one server. Its figure is the sum of the answers per second of all clients.
 *
 * A server is NAME=ADDRESS. Names that begin with `score` are harrierd; the others are echoes
 * (echo_server, epoll_echo). Requests and answers of both have similar sizes. Besides the table it
 * prints a line of name, tab and rate for each round of each server.
 *
 * usage: throughput CLIENTS IN_FLIGHT ROUNDS SECONDS NAME=ADDRESS... */
#include "core/base/check.h"
#include "core/wire/message/message.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_SIZE  120 /* for an echo, similar to a score's */
#define ANSWER_SIZE   160
#define SERVERS_MAX   8
#define IN_FLIGHT_MAX 1024
#define CLIENTS_MAX   16
#define ROUNDS_MAX    100

struct server {
    const char *name, *address;
    bool scores;
    double rates[ROUNDS_MAX];
};

struct flight {
    nng_ctx ctx;
    nng_aio *aio;
    bool is_sending;
    struct buffer request;
};

static const struct server *target;
static uint64_t run, number;
static pthread_mutex_t number_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint_least64_t answered, failed;
static atomic_bool over;

static int64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void must(int r, const char *what) {
    if (r != 0) {
        fprintf(stderr, "throughput: %s: %s\n", what, nng_strerror(r));
        exit(1);
    }
}

/* May run in any of nng's threads. Ids differ between clients and runs: there are no duplicates. */
static void write_score(struct buffer *out) {
    pthread_mutex_lock(&number_lock);
    uint64_t n = number++;
    pthread_mutex_unlock(&number_lock);
    uint64_t mixed = n * UINT64_C(0x9e3779b97f4a7c15);
    unsigned card = (unsigned)(mixed >> 40) % 10000;
    char id[40], card_text[24], customer[24], merchant[24];
    snprintf(id, sizeof id, "t%" PRIx64 "-%" PRIu64, run, n);
    snprintf(card_text, sizeof card_text, "card_%05u", card);
    snprintf(customer, sizeof customer, "cust_%05u", card / 2);
    snprintf(merchant, sizeof merchant, "merchant_%03u", (unsigned)(mixed >> 20) % 500);
    struct transaction t = {.id = text_of(id),
                            .event_time_us = now_us(),
                            .amount_minor = 100 + (int64_t)(mixed >> 50),
                            .currency = TEXT_LITERAL("EUR")};
    t.fields[FIELD_CARD] = text_of(card_text);
    t.fields[FIELD_CUSTOMER] = text_of(customer);
    t.fields[FIELD_MERCHANT] = text_of(merchant);
    t.fields[FIELD_COUNTRY] = TEXT_LITERAL("DE");
    t.fields[FIELD_MCC] = TEXT_LITERAL("5411");
    struct request request = {.call = CALL_SCORE};
    request.score.transactions = &t;
    request.score.transaction_count = 1;
    struct error error;
    check(message_encode_request(&request, out, &error) == 0);
}

static void write_echo(struct buffer *out) {
    buffer_append_u32(out, ANSWER_SIZE);
    memset(buffer_reserve(out, REQUEST_SIZE), 'x', REQUEST_SIZE - 4);
    out->length = REQUEST_SIZE;
}

static void ask(struct flight *flight) {
    nng_msg *message;
    buffer_clear(&flight->request);
    (target->scores ? write_score : write_echo)(&flight->request);
    must(nng_msg_alloc(&message, 0), "message");
    must(nng_msg_append(message, flight->request.bytes, flight->request.length), "message");
    nng_aio_set_msg(flight->aio, message);
    flight->is_sending = true;
    nng_ctx_send(flight->ctx, flight->aio);
}

/* A context's callback: alternates between sending and receiving. Any failure invalidates the
 * round. */
static void step(void *user) {
    struct flight *flight = user;
    int r = nng_aio_result(flight->aio);
    if (atomic_load(&over))
        return;
    if (r != 0) {
        atomic_fetch_add(&failed, 1);
        return;
    }
    if (flight->is_sending) {
        flight->is_sending = false;
        nng_ctx_recv(flight->ctx, flight->aio);
        return;
    }
    nng_msg_free(nng_aio_get_msg(flight->aio));
    atomic_fetch_add(&answered, 1);
    ask(flight);
}

/* The process of one client: writes its answers per second, or -1, to the pipe `out`. */
static _Noreturn void be_client(size_t in_flight, double seconds, int out) {
    static struct flight flights[IN_FLIGHT_MAX];
    nng_socket socket;
    run = (uint64_t)now_us() << 8 ^ (uint64_t)getpid();
    must(nng_req0_open(&socket), "socket");
    must(nng_dial(socket, target->address, NULL, 0), target->address);
    for (size_t i = 0; i < in_flight; i++) {
        buffer_init(&flights[i].request);
        must(nng_ctx_open(&flights[i].ctx, socket), "context");
        must(nng_aio_alloc(&flights[i].aio, step, &flights[i]), "aio");
        ask(&flights[i]);
    }
    usleep(200000); /* warm-up */
    uint64_t before = atomic_load(&answered);
    int64_t began_us = now_us();
    usleep((useconds_t)(seconds * 1e6));
    double rate = (double)(atomic_load(&answered) - before) * 1e6 / (double)(now_us() - began_us);
    if (atomic_load(&failed) > 0)
        rate = -1;
    atomic_store(&over, true);
    check(write(out, &rate, sizeof rate) == sizeof rate);
    _exit(0);
}

/* Runs one round against `target`, one process for each client. Returns the sum of their rates. */
static double measure(size_t clients, size_t in_flight, double seconds) {
    int ends[2];
    double sum = 0;
    check(pipe(ends) == 0);
    for (size_t i = 0; i < clients; i++) {
        pid_t child = fork();
        check(child >= 0);
        if (child == 0)
            be_client(in_flight, seconds, ends[1]);
    }
    close(ends[1]);
    for (size_t i = 0; i < clients; i++) {
        double rate;
        if (read(ends[0], &rate, sizeof rate) != sizeof rate || rate < 0) {
            fprintf(stderr, "throughput: a client of %s failed\n", target->address);
            exit(1);
        }
        sum += rate;
    }
    close(ends[0]);
    while (wait(NULL) > 0)
        continue;
    return sum;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    static struct server servers[SERVERS_MAX];
    size_t count = argc > 5 ? (size_t)argc - 5 : 0;
    size_t clients = count ? (size_t)atol(argv[1]) : 0,
           in_flight = count ? (size_t)atol(argv[2]) : 0,
           rounds = count ? (size_t)atol(argv[3]) : 0;
    double seconds = count ? atof(argv[4]) : 0;
    if (count == 0 || count > SERVERS_MAX || clients == 0 || clients > CLIENTS_MAX ||
        in_flight == 0 || in_flight > IN_FLIGHT_MAX || rounds == 0 || rounds > ROUNDS_MAX ||
        seconds <= 0 || seconds > 60) {
        fprintf(stderr, "usage: throughput CLIENTS IN_FLIGHT ROUNDS SECONDS NAME=ADDRESS...\n");
        return 64;
    }
    for (size_t i = 0; i < count; i++) {
        char *equals = strchr(argv[5 + i], '=');
        if (!equals)
            return 64;
        *equals = '\0';
        servers[i] =
            (struct server){argv[5 + i], equals + 1, strncmp(argv[5 + i], "score", 5) == 0, {0}};
    }
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++) {
            target = &servers[i];
            servers[i].rates[round] = measure(clients, in_flight, seconds);
        }
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++)
            printf("%s\t%.0f\n", servers[i].name, servers[i].rates[round]);
    printf("%zu nng clients, %zu in flight each, %zu rounds of %.1f s\n", clients, in_flight,
           rounds, seconds);
    printf("%-40s %12s %12s %12s %10s\n", "", "median/s", "min/s", "max/s", "to first");
    for (size_t i = 0; i < count; i++) {
        double *rates = servers[i].rates;
        qsort(rates, rounds, sizeof *rates, compare);
        printf("%-40s %12.0f %12.0f %12.0f %10.2f\n", servers[i].address, rates[rounds / 2],
               rates[0], rates[rounds - 1], rates[rounds / 2] / servers[0].rates[rounds / 2]);
    }
    return 0;
}
