/* What libharrier's calls take, beside echoes through nng's library: the same sizes, the same
 * number in flight. Rounds take turns in one run, so that whatever else the machine does falls on
 * both.
 *
 *   nng threads  a REQ socket with a context and a thread for each in flight, waiting → echo_server
 *   nng aios     the same with callbacks in place of threads, each through nng's own threads
 *   libharrier   harrier_score() with one in flight, harrier_score_submit() with more → harrierd
 *
 * The echo to measure against is the quicker of nng's two.
 *
 * Each score is of a new transaction of one of 10,000 cards, made as the other languages' benches
 * make theirs; a latency is from the call to its answer. Behind the table comes a line of name, tab
 * and value for each ratio.
 *
 * usage: client_latency ECHO_ADDRESS HARRIERD_ADDRESS [ROUNDS [CALLS]]
 * Exit status 1: a median is over 1.3 times the echo's. */
#include "clients/c/harrier.h"
#include "core/base/check.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_SIZE 120 /* of an echo: what a score's are about */
#define ANSWER_SIZE  160 /* asked for in its first four bytes */
#define MANY         64
#define ROUNDS_MAX   50
#define CALLS_MAX    1000000
#define RATIO_MAX    1.3 /* of the medians */

enum kind { THREADS, AIOS, LIBHARRIER, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {"nng threads", "nng aios", "libharrier"};

/* One of those in flight. */
struct flight {
    struct run *run;
    nng_ctx ctx;
    nng_aio *aio, *waited; /* with a callback, and without */
    pthread_t thread;
    int64_t began_ns;
    bool is_sending;
};

/* One round of one kind. `latencies` in microseconds. */
struct run {
    struct flight flights[MANY];
    struct harrier_client *client;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t calls, sent, answered; /* under the lock */
    double *latencies;
};

struct figures {
    double p50, p99, rate;
};

static uint64_t ids, first_id;

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "client_latency: %s: %s\n", what, why);
    exit(1);
}

static void must(int r, const char *what) {
    if (r != 0)
        fail(what, nng_strerror(r));
}

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Takes the answer's time. Returns whether there is another call to make. */
static bool note_answer(struct flight *flight) {
    struct run *run = flight->run;
    int64_t now = now_ns();
    pthread_mutex_lock(&run->lock);
    run->latencies[run->answered++] = (double)(now - flight->began_ns) / 1e3;
    bool is_more = run->sent < run->calls;
    run->sent += is_more;
    if (run->answered == run->calls)
        pthread_cond_signal(&run->ended);
    pthread_mutex_unlock(&run->lock);
    return is_more;
}

/* ---- nng's library ---- */

static void take_request(nng_aio *aio) {
    static const uint8_t size[4] = {ANSWER_SIZE}, zeros[REQUEST_SIZE - sizeof size];
    nng_msg *message;
    must(nng_msg_alloc(&message, 0), "message");
    must(nng_msg_append(message, size, sizeof size), "message");
    must(nng_msg_append(message, zeros, sizeof zeros), "message");
    nng_aio_set_msg(aio, message);
}

static void *echo_one_by_one(void *user) {
    struct flight *flight = user;
    nng_aio *aio = flight->waited;
    do {
        flight->began_ns = now_ns();
        take_request(aio);
        nng_ctx_send(flight->ctx, aio);
        nng_aio_wait(aio);
        must(nng_aio_result(aio), "echo");
        nng_ctx_recv(flight->ctx, aio);
        nng_aio_wait(aio);
        must(nng_aio_result(aio), "echo");
        if (nng_msg_len(nng_aio_get_msg(aio)) != ANSWER_SIZE)
            fail("echo", "an answer has another size than was asked for");
        nng_msg_free(nng_aio_get_msg(aio));
    } while (note_answer(flight));
    return NULL;
}

static void ask_echo(struct flight *flight) {
    flight->began_ns = now_ns();
    take_request(flight->aio);
    flight->is_sending = true;
    nng_ctx_send(flight->ctx, flight->aio);
}

static void step_echo(void *user) {
    struct flight *flight = user;
    int r = nng_aio_result(flight->aio);
    if (r == NNG_ECLOSED || r == NNG_ECANCELED)
        return;
    must(r, "echo");
    if (flight->is_sending) {
        flight->is_sending = false;
        nng_ctx_recv(flight->ctx, flight->aio);
        return;
    }
    nng_msg_free(nng_aio_get_msg(flight->aio));
    if (note_answer(flight))
        ask_echo(flight);
}

/* ---- libharrier ---- */

struct purchase {
    char id[40], card[24], customer[24], merchant[24], device[24], ip[24];
    struct harrier_transaction transaction;
};

/* Points into `purchase`. */
static void make_purchase(struct purchase *purchase) {
    uint64_t n = __atomic_fetch_add(&ids, 1, __ATOMIC_RELAXED);
    uint64_t mixed = n * UINT64_C(0x9e3779b97f4a7c15);
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    snprintf(purchase->id, sizeof purchase->id, "c%" PRIx64 "-%" PRIu64, first_id, n);
    unsigned card = (unsigned)(mixed >> 40) % 10000;
    snprintf(purchase->card, sizeof purchase->card, "card_%05u", card);
    snprintf(purchase->customer, sizeof purchase->customer, "cust_%05u", card / 2);
    snprintf(purchase->merchant, sizeof purchase->merchant, "merchant_%03u",
             (unsigned)(mixed >> 20) % 500);
    snprintf(purchase->device, sizeof purchase->device, "device_%05u", card);
    snprintf(purchase->ip, sizeof purchase->ip, "198.18.%u.%u", card / 250, card % 250);
    purchase->transaction =
        (struct harrier_transaction){.id = purchase->id,
                                     .event_time_us = time.tv_sec * 1000000 + time.tv_nsec / 1000,
                                     .amount_minor = 100 + (int64_t)(mixed >> 50),
                                     .currency = "EUR",
                                     .card = purchase->card,
                                     .customer = purchase->customer,
                                     .merchant = purchase->merchant,
                                     .device = purchase->device,
                                     .ip = purchase->ip,
                                     .country = "DE",
                                     .mcc = "5411",
                                     .channel = "ecom"};
}

static void must_be_decided(const struct harrier_reply *reply) {
    if (reply->result_count != 1 || reply->results[0].error_code != HARRIER_OK)
        fail("libharrier", "a transaction was not decided");
}

static void submit(struct flight *flight);

static void take_reply(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    if (error)
        fail("libharrier", error->message);
    must_be_decided(reply);
    harrier_reply_free(reply);
    if (note_answer(user))
        submit(user);
}

static void submit(struct flight *flight) {
    struct purchase purchase;
    struct harrier_error error;
    make_purchase(&purchase);
    flight->began_ns = now_ns();
    if (harrier_score_submit(flight->run->client, &purchase.transaction, 1, NULL, take_reply,
                             flight, &error) < 0)
        fail("libharrier", error.message);
}

static void score_one_by_one(struct flight *flight) {
    do {
        struct purchase purchase;
        struct harrier_reply *reply;
        struct harrier_error error;
        make_purchase(&purchase);
        flight->began_ns = now_ns();
        if (harrier_score(flight->run->client, &purchase.transaction, 1, NULL, &reply, &error) < 0)
            fail("libharrier", error.message);
        must_be_decided(reply);
        harrier_reply_free(reply);
    } while (note_answer(flight));
}

/* ---- rounds ---- */

static struct figures figures_of(double *latencies, size_t count, int64_t took_ns) {
    qsort(latencies, count, sizeof *latencies, compare);
    return (struct figures){latencies[count / 2], latencies[count * 99 / 100],
                            (double)count * 1e9 / (double)took_ns};
}

static struct figures measure(struct run *run, enum kind kind, size_t in_flight, size_t calls) {
    run->calls = calls;
    run->sent = in_flight;
    run->answered = 0;
    int64_t began = now_ns();
    if (in_flight == 1 && kind == LIBHARRIER)
        score_one_by_one(&run->flights[0]);
    else if (in_flight == 1 && kind == THREADS)
        echo_one_by_one(&run->flights[0]);
    else
        for (size_t i = 0; i < in_flight; i++) {
            struct flight *flight = &run->flights[i];
            if (kind != THREADS)
                (kind == AIOS ? ask_echo : submit)(flight);
            else if (pthread_create(&flight->thread, NULL, echo_one_by_one, flight) != 0)
                fail("nng threads", "there is no thread");
        }
    pthread_mutex_lock(&run->lock);
    while (run->answered < calls)
        pthread_cond_wait(&run->ended, &run->lock);
    pthread_mutex_unlock(&run->lock);
    for (size_t i = 0; kind == THREADS && in_flight > 1 && i < in_flight; i++)
        pthread_join(run->flights[i].thread, NULL);
    return figures_of(run->latencies, calls, now_ns() - began);
}

static void open_run(struct run *run, size_t calls, const char *echo, const char *harrierd) {
    const struct harrier_options options = {
        .address = harrierd, .deadline_us = 10000000, .in_flight_max = MANY};
    struct harrier_error error;
    nng_socket socket;
    must(nng_req0_open(&socket), "socket");
    must(nng_dial(socket, echo, NULL, 0), echo);
    for (size_t i = 0; i < MANY; i++) {
        run->flights[i].run = run;
        must(nng_ctx_open(&run->flights[i].ctx, socket), "context");
        must(nng_aio_alloc(&run->flights[i].aio, step_echo, &run->flights[i]), "aio");
        must(nng_aio_alloc(&run->flights[i].waited, NULL, NULL), "aio");
    }
    if (harrier_client_new(&options, &run->client, &error) < 0)
        fail(harrierd, error.message);
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->ended, NULL);
    run->latencies = check_calloc(calls, sizeof *run->latencies);
}

/* The middle of each figure by itself. */
static struct figures middle(const struct figures *rounds, size_t count) {
    double column[3][ROUNDS_MAX];
    for (size_t i = 0; i < count; i++) {
        column[0][i] = rounds[i].p50;
        column[1][i] = rounds[i].p99;
        column[2][i] = rounds[i].rate;
    }
    for (int i = 0; i < 3; i++)
        qsort(column[i], count, sizeof column[i][0], compare);
    return (struct figures){column[0][count / 2], column[1][count / 2], column[2][count / 2]};
}

/* Returns whether the median is over the limit. */
static bool print(struct figures (*rounds)[ROUNDS_MAX], size_t count, size_t in_flight) {
    struct figures all[KIND_COUNT];
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        all[kind] = middle(rounds[kind], count);
        printf("%-12s %3zu in flight   p50 %8.1f us   p99 %8.1f us   %8.0f/s\n", kind_names[kind],
               in_flight, all[kind].p50, all[kind].p99, all[kind].rate);
    }
    const struct figures *echo = &all[all[AIOS].p50 < all[THREADS].p50 ? AIOS : THREADS];
    double ratio = all[LIBHARRIER].p50 / echo->p50;
    printf("c_%zu_p50_ratio\t%.3f\nc_%zu_p99_ratio\t%.3f\nc_%zu_rate_ratio\t%.3f\n", in_flight,
           ratio, in_flight, all[LIBHARRIER].p99 / echo->p99, in_flight,
           all[LIBHARRIER].rate / echo->rate);
    return ratio > RATIO_MAX;
}

int main(int argc, char **argv) {
    static struct run run;
    static struct figures rounds[KIND_COUNT][ROUNDS_MAX];
    static const size_t in_flight[] = {1, MANY};
    long count = argc > 3 ? atol(argv[3]) : 5, calls = argc > 4 ? atol(argv[4]) : 5000;
    if (argc < 3 || argc > 5 || count < 1 || count > ROUNDS_MAX || calls < MANY ||
        calls > CALLS_MAX) {
        fprintf(stderr, "usage: client_latency ECHO_ADDRESS HARRIERD_ADDRESS [ROUNDS [CALLS]]\n");
        return 64;
    }
    bool is_over = false;
    first_id = (uint64_t)now_ns() ^ (uint64_t)getpid() << 40;
    open_run(&run, (size_t)calls, argv[1], argv[2]);
    for (size_t i = 0; i < sizeof in_flight / sizeof in_flight[0]; i++) {
        for (int kind = 0; kind < KIND_COUNT; kind++) /* until everything is warm */
            measure(&run, kind, in_flight[i], (size_t)calls);
        for (long round = 0; round < count; round++)
            for (int kind = 0; kind < KIND_COUNT; kind++)
                rounds[kind][round] = measure(&run, kind, in_flight[i], (size_t)calls);
        is_over |= print(rounds, (size_t)count, in_flight[i]);
    }
    harrier_client_free(run.client);
    fflush(stdout);
    _exit(is_over ? 1 : 0); /* nng may hang as it closes */
}
