/* The time of libharrier's calls, beside the same bytes through the nng library with the same
 * number of requests in flight. Rounds of all kinds take turns in one run, so that other load on
 * the machine affects all of them alike.
 *
 *   nng threads             a REQ socket with a context and a waiting thread for each request in
 *                           flight → echo_server --answer
 *   nng aios                the same with callbacks instead of threads
 *   libharrier at echo      harrier_score() with one in flight, harrier_score_submit() with more
 *                           → the same echo, which answers a decision's bytes: libharrier's cost
 *   nng aios at harrierd    the cost of the server, without a client
 *   libharrier at harrierd
 *
 * The reference at the echo is the faster of nng's two.
 *
 * Each score is of a new transaction of one of 10,000 cards, made as in the benches of the other
 * languages; the echo gets one of these requests again and again. A latency is from the call to its
 * answer. Figures are medians of the rounds; a ratio of medians is followed by the smallest and
 * largest of a round. After the table comes a line of name, tab and value for each ratio to the
 * echo.
 *
 * usage: client_latency ECHO_ADDRESS HARRIERD_ADDRESS [ROUNDS [CALLS]]
 *        CALLS: of a round with one in flight; four times as many with 64
 * Exit status 1: at the echo, a median of libharrier is over 1.3 times nng's. */
#include "clients/c/harrier.h"
#include "core/base/check.h"
#include "core/wire/message/message.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MANY        64
#define ROUNDS_MAX  50
#define CALLS_MAX   1000000
#define SAMPLED     1001 /* answers of harrierd to choose the echo's from */
#define LONGER      4    /* rounds with many in flight, so that a stall is a smaller part of one */
#define RATIO_MAX   1.3  /* of the medians */
#define DEADLINE_US 10000000

enum kind { THREADS, AIOS, CLIENT_TO_ECHO, AIOS_TO_HARRIERD, CLIENT_TO_HARRIERD, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {"nng threads", "nng aios", "libharrier at echo",
                                                   "nng aios at harrierd",
                                                   "libharrier at harrierd"};

enum place { ECHO, HARRIERD, PLACE_COUNT };

/* One request in flight. */
struct flight {
    struct run *run;
    nng_ctx ctxs[PLACE_COUNT];
    nng_aio *aio, *waited; /* with and without a callback */
    struct buffer request; /* encoded, for harrierd */
    pthread_t thread;
    int64_t began_ns;
    bool is_sending;
};

/* One round of one kind. `latencies` in microseconds. */
struct run {
    struct flight flights[MANY];
    enum place place;
    struct harrier_client *clients[PLACE_COUNT];
    nng_msg *request;  /* for the echo */
    uint64_t position; /* of the echo's decision */
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

/* Records the latency of an answer. Returns whether to make another call. */
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

/* ---- requests ---- */

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

static void encode(struct buffer *buffer) {
    struct purchase purchase;
    make_purchase(&purchase);
    const struct harrier_transaction *from = &purchase.transaction;
    struct transaction to = {.id = text_of(from->id),
                             .event_time_us = from->event_time_us,
                             .amount_minor = from->amount_minor,
                             .currency = text_of(from->currency)};
    to.fields[FIELD_CARD] = text_of(from->card);
    to.fields[FIELD_CUSTOMER] = text_of(from->customer);
    to.fields[FIELD_MERCHANT] = text_of(from->merchant);
    to.fields[FIELD_DEVICE] = text_of(from->device);
    to.fields[FIELD_IP] = text_of(from->ip);
    to.fields[FIELD_COUNTRY] = text_of(from->country);
    to.fields[FIELD_MCC] = text_of(from->mcc);
    to.fields[FIELD_CHANNEL] = text_of(from->channel);
    struct request request = {.call = CALL_SCORE, .deadline_us = DEADLINE_US};
    request.score.transactions = &to;
    request.score.transaction_count = 1;
    struct error error;
    buffer_clear(buffer);
    check(message_encode_request(&request, buffer, &error) == 0);
}

/* ---- nng's library ---- */

static nng_msg *message_of(const struct buffer *bytes) {
    nng_msg *message;
    must(nng_msg_alloc(&message, 0), "message");
    must(nng_msg_append(message, bytes->bytes, bytes->length), "message");
    return message;
}

/* Sending takes ownership of a message, so the echo's request is copied. */
static void take_request(struct flight *flight, nng_aio *aio) {
    nng_msg *message;
    if (flight->run->place == ECHO)
        must(nng_msg_dup(&message, flight->run->request), "message");
    else
        message = message_of(&flight->request);
    nng_aio_set_msg(aio, message);
}

static void *echo_one_by_one(void *user) {
    struct flight *flight = user;
    nng_aio *aio = flight->waited;
    nng_ctx ctx = flight->ctxs[ECHO];
    do {
        flight->began_ns = now_ns();
        take_request(flight, aio);
        nng_ctx_send(ctx, aio);
        nng_aio_wait(aio);
        must(nng_aio_result(aio), "echo");
        nng_ctx_recv(ctx, aio);
        nng_aio_wait(aio);
        must(nng_aio_result(aio), "echo");
        nng_msg_free(nng_aio_get_msg(aio));
    } while (note_answer(flight));
    return NULL;
}

static void ask_nng(struct flight *flight) {
    if (flight->run->place == HARRIERD)
        encode(&flight->request);
    flight->began_ns = now_ns();
    take_request(flight, flight->aio);
    flight->is_sending = true;
    nng_ctx_send(flight->ctxs[flight->run->place], flight->aio);
}

static void step_nng(void *user) {
    struct flight *flight = user;
    int r = nng_aio_result(flight->aio);
    if (r == NNG_ECLOSED || r == NNG_ECANCELED)
        return;
    must(r, "nng");
    if (flight->is_sending) {
        flight->is_sending = false;
        nng_ctx_recv(flight->ctxs[flight->run->place], flight->aio);
        return;
    }
    nng_msg_free(nng_aio_get_msg(flight->aio));
    if (note_answer(flight))
        ask_nng(flight);
}

/* Sends one request and waits for the answer. */
static nng_msg *ask_once(nng_socket socket, const struct buffer *request) {
    nng_msg *answer;
    must(nng_sendmsg(socket, message_of(request), 0), "first request");
    must(nng_recvmsg(socket, &answer, 0), "first answer");
    return answer;
}

static int compare_lengths(const void *a, const void *b) {
    size_t x = nng_msg_len(*(nng_msg *const *)a), y = nng_msg_len(*(nng_msg *const *)b);
    return (x > y) - (x < y);
}

/* Samples answers of harrierd and keeps the one of median length, which has a typical number of
 * reasons. */
static void sample(nng_socket harrierd, struct buffer *request, struct buffer *answer) {
    nng_msg *answers[SAMPLED];
    for (int i = 0; i < SAMPLED; i++) {
        encode(request);
        answers[i] = ask_once(harrierd, request);
    }
    qsort(answers, SAMPLED, sizeof answers[0], compare_lengths);
    buffer_append(answer, nng_msg_body(answers[SAMPLED / 2]), nng_msg_len(answers[SAMPLED / 2]));
    for (int i = 0; i < SAMPLED; i++)
        nng_msg_free(answers[i]);
}

/* Remembers the decision in the echo's answer, to verify it later. */
static void note_decision(struct run *run, const struct buffer *answer) {
    struct arena arena;
    struct response response;
    struct error error;
    arena_init(&arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    if (message_decode_response(answer->bytes, answer->length, &arena, &response, &error) < 0)
        fail("harrierd", error.text);
    if (response.call != CALL_SCORE || response.score.count != 1 ||
        response.score.results[0].error.code != 0)
        fail("harrierd", "the answer is not one decision");
    const struct decision *decision = &response.score.results[0].decision;
    run->position = decision->position;
    printf("%zu reasons at the echo, ", decision->reason_count);
    arena_deinit(&arena);
}

/* Gives the echo a decision of harrierd's as its answer. */
static void teach_echo(struct run *run, const nng_socket *sockets) {
    struct buffer request, answer;
    buffer_init(&request);
    buffer_init(&answer);
    sample(sockets[HARRIERD], &request, &answer);
    note_decision(run, &answer);
    printf("messages of %zu and %zu bytes\n", request.length, answer.length);
    run->request = message_of(&request);
    nng_msg *echoed = ask_once(sockets[ECHO], &answer);
    if (nng_msg_len(echoed) != answer.length ||
        memcmp(nng_msg_body(echoed), answer.bytes, answer.length) != 0)
        fail("echo", "it does not return the answer that it was given");
    nng_msg_free(echoed);
    buffer_deinit(&request);
    buffer_deinit(&answer);
}

/* ---- libharrier ---- */

/* The echo always answers the same decision. */
static void must_be_decided(const struct run *run, const struct harrier_reply *reply) {
    if (reply->result_count != 1 || reply->results[0].error_code != HARRIER_OK)
        fail("libharrier", "a transaction was not decided");
    if (run->place == ECHO && reply->results[0].decision.position != run->position)
        fail("libharrier", "a decision differs from the echo's");
}

static void submit(struct flight *flight);

static void take_reply(struct harrier_reply *reply, const struct harrier_error *error, void *user) {
    if (error)
        fail("libharrier", error->message);
    struct flight *flight = user;
    must_be_decided(flight->run, reply);
    harrier_reply_free(reply);
    if (note_answer(flight))
        submit(flight);
}

static void submit(struct flight *flight) {
    struct run *run = flight->run;
    struct purchase purchase;
    struct harrier_error error;
    make_purchase(&purchase);
    flight->began_ns = now_ns();
    if (harrier_score_submit(run->clients[run->place], &purchase.transaction, 1, NULL, take_reply,
                             flight, &error) < 0)
        fail("libharrier", error.message);
}

static void score_one_by_one(struct flight *flight) {
    struct run *run = flight->run;
    struct harrier_client *client = run->clients[run->place];
    do {
        struct purchase purchase;
        struct harrier_reply *reply;
        struct harrier_error error;
        make_purchase(&purchase);
        flight->began_ns = now_ns();
        if (harrier_score(client, &purchase.transaction, 1, NULL, &reply, &error) < 0)
            fail("libharrier", error.message);
        must_be_decided(run, reply);
        harrier_reply_free(reply);
    } while (note_answer(flight));
}

/* ---- rounds ---- */

static struct figures figures_of(double *latencies, size_t count, int64_t took_ns) {
    qsort(latencies, count, sizeof *latencies, compare);
    return (struct figures){latencies[count / 2], latencies[count * 99 / 100],
                            (double)count * 1e9 / (double)took_ns};
}

static void begin(struct flight *flight, enum kind kind) {
    if (kind == CLIENT_TO_ECHO || kind == CLIENT_TO_HARRIERD)
        submit(flight);
    else if (kind != THREADS)
        ask_nng(flight);
    else if (pthread_create(&flight->thread, NULL, echo_one_by_one, flight) != 0)
        fail("nng threads", "cannot start a thread");
}

static struct figures measure(struct run *run, enum kind kind, size_t in_flight, size_t calls) {
    run->place = kind == AIOS_TO_HARRIERD || kind == CLIENT_TO_HARRIERD ? HARRIERD : ECHO;
    run->calls = calls;
    run->sent = in_flight;
    run->answered = 0;
    int64_t began = now_ns();
    if (in_flight == 1 && (kind == CLIENT_TO_ECHO || kind == CLIENT_TO_HARRIERD))
        score_one_by_one(&run->flights[0]);
    else if (in_flight == 1 && kind == THREADS)
        echo_one_by_one(&run->flights[0]);
    else
        for (size_t i = 0; i < in_flight; i++)
            begin(&run->flights[i], kind);
    pthread_mutex_lock(&run->lock);
    while (run->answered < calls)
        pthread_cond_wait(&run->ended, &run->lock);
    pthread_mutex_unlock(&run->lock);
    for (size_t i = 0; kind == THREADS && in_flight > 1 && i < in_flight; i++)
        pthread_join(run->flights[i].thread, NULL);
    return figures_of(run->latencies, calls, now_ns() - began);
}

static void open_run(struct run *run, size_t calls, char **addresses) {
    nng_socket sockets[PLACE_COUNT];
    for (int place = 0; place < PLACE_COUNT; place++) {
        const struct harrier_options options = {
            .address = addresses[place], .deadline_us = DEADLINE_US, .in_flight_max = MANY};
        struct harrier_error error;
        must(nng_req0_open(&sockets[place]), "socket");
        must(nng_dial(sockets[place], addresses[place], NULL, 0), addresses[place]);
        for (size_t i = 0; i < MANY; i++)
            must(nng_ctx_open(&run->flights[i].ctxs[place], sockets[place]), "context");
        if (harrier_client_new(&options, &run->clients[place], &error) < 0)
            fail(addresses[place], error.message);
    }
    for (size_t i = 0; i < MANY; i++) {
        struct flight *flight = &run->flights[i];
        flight->run = run;
        buffer_init(&flight->request);
        must(nng_aio_alloc(&flight->aio, step_nng, flight), "aio");
        must(nng_aio_alloc(&flight->waited, NULL, NULL), "aio");
    }
    teach_echo(run, sockets);
    pthread_mutex_init(&run->lock, NULL);
    pthread_cond_init(&run->ended, NULL);
    run->latencies = check_calloc(calls, sizeof *run->latencies);
}

/* ---- results ---- */

typedef const struct figures (*rounds_of)[ROUNDS_MAX];

/* The median of each figure. */
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

/* Prints ratios taken round by round, and returns their medians. */
static struct figures ratios(const char *what, const struct figures *these,
                             const struct figures *those, size_t count) {
    struct figures over[ROUNDS_MAX];
    double least = INFINITY, greatest = 0;
    for (size_t i = 0; i < count; i++) {
        over[i] = (struct figures){these[i].p50 / those[i].p50, these[i].p99 / those[i].p99,
                                   these[i].rate / those[i].rate};
        least = fmin(least, over[i].p50);
        greatest = fmax(greatest, over[i].p50);
    }
    struct figures ratio = middle(over, count);
    printf("  %s: p50 %.2f (%.2f to %.2f), p99 %.2f, calls/s %.2f\n", what, ratio.p50, least,
           greatest, ratio.p99, ratio.rate);
    return ratio;
}

/* Prints one table. Returns whether libharrier's median at the echo is over the limit. */
static bool print(rounds_of rounds, size_t count, size_t in_flight) {
    struct figures all[KIND_COUNT];
    printf("%zu in flight\n", in_flight);
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        all[kind] = middle(rounds[kind], count);
        printf("%-23s p50 %8.1f us   p99 %8.1f us   %8.0f/s\n", kind_names[kind], all[kind].p50,
               all[kind].p99, all[kind].rate);
    }
    const struct figures *echo = rounds[all[AIOS].p50 < all[THREADS].p50 ? AIOS : THREADS];
    struct figures added = ratios("libharrier of the echo", rounds[CLIENT_TO_ECHO], echo, count);
    ratios("at harrierd, of nng aios", rounds[CLIENT_TO_HARRIERD], rounds[AIOS_TO_HARRIERD], count);
    struct figures took =
        ratios("at harrierd, of the echo", rounds[CLIENT_TO_HARRIERD], echo, count);
    printf("c_%zu_p50_ratio\t%.3f\nc_%zu_p99_ratio\t%.3f\nc_%zu_rate_ratio\t%.3f\n", in_flight,
           added.p50, in_flight, added.p99, in_flight, added.rate);
    printf("c_%zu_harrierd_p50_ratio\t%.3f\n", in_flight, took.p50);
    return added.p50 > RATIO_MAX;
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
    open_run(&run, (size_t)calls * LONGER, argv + 1);
    for (size_t i = 0; i < sizeof in_flight / sizeof in_flight[0]; i++) {
        size_t each = in_flight[i] > 1 ? (size_t)calls * LONGER : (size_t)calls;
        for (int kind = 0; kind < KIND_COUNT; kind++) /* warm-up */
            measure(&run, kind, in_flight[i], each);
        for (long round = 0; round < count; round++)
            for (int kind = 0; kind < KIND_COUNT; kind++)
                rounds[kind][round] = measure(&run, kind, in_flight[i], each);
        is_over |= print(rounds, (size_t)count, in_flight[i]);
    }
    for (int place = 0; place < PLACE_COUNT; place++)
        harrier_client_free(run.clients[place]);
    fflush(stdout);
    _exit(is_over ? 1 : 0); /* nng may hang when it closes */
}
