/* Sends the payments of payment.h to harrierd, through libharrier or a stock nng client.
 *
 *   nng   a REQ socket of the nng library: blocking calls with one request in flight, contexts with
 *         asynchronous I/O with several
 *   lib   libharrier: harrier_score() with one message in flight, harrier_score_submit() with more
 *
 * usage: ask nng|lib ADDRESS WORLD IN_FLIGHT BATCH FIRST COUNT SECONDS [PER_SECOND]
 *
 * IN_FLIGHT messages are in flight, each with BATCH payments (nng: 1). With lib and one in flight,
 * PER_SECOND sends messages at this pace instead of as fast as they are answered. The output is
 * tally.h's. An error as an answer ends the program with status 1. */
#include "payment.h"
#include "tally.h"

#include "clients/c/harrier.h"
#include "core/base/check.h"
#include "core/wire/message/message.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IN_FLIGHT_MAX 1024
#define BATCH_MAX     100

static struct world world;
static struct tally tally;
static size_t batch;
static int64_t pace_ns; /* between messages; 0: as fast as they are answered */

static void stop(int signal_number) {
    (void)signal_number;
    tally_stop(&tally);
}

static _Noreturn void fail(const char *what, const char *why) {
    fprintf(stderr, "ask: %s: %s\n", what, why);
    exit(1);
}

static void must(int r, const char *what) {
    if (r != 0)
        fail(what, nng_strerror(r));
}

/* ---- a stock nng client */

/* One request in flight and its buffers, reused from request to request. */
struct flight {
    nng_ctx ctx;
    nng_aio *aio;
    bool is_sending;
    int64_t asked_ns;
    struct buffer request;
    struct arena arena;
};

static sem_t landed; /* posted by each flight that has no more requests */

/* Encodes the next payment and starts its time. Returns false if there are no more. */
static bool encode_next(struct flight *flight) {
    uint64_t number;
    if (tally_take(&tally, 1, &number) == 0)
        return false;
    struct payment payment = payment_make(&world, number);
    struct transaction transaction = payment_transaction(&payment);
    struct request request = {.call = CALL_SCORE, .deadline_us = 5000000};
    request.score.transactions = &transaction;
    request.score.transaction_count = 1;
    struct error error;
    buffer_clear(&flight->request);
    if (message_encode_request(&request, &flight->request, &error) < 0)
        fail("encode", error.text);
    flight->asked_ns = tally_now_ns();
    return true;
}

static nng_msg *message_of(const struct buffer *buffer) {
    nng_msg *message;
    must(nng_msg_alloc(&message, 0), "message");
    must(nng_msg_append(message, buffer->bytes, buffer->length), "message");
    return message;
}

/* Decodes the answer, as a client would, and checks that it is a decision. */
static void take_answer(struct flight *flight, nng_msg *message) {
    struct response response;
    struct error error;
    arena_reset(&flight->arena);
    if (message_decode_response(nng_msg_body(message), nng_msg_len(message), &flight->arena,
                                &response, &error) < 0)
        fail("answer", error.text);
    if (response.error.code != 0 || response.call != CALL_SCORE || response.score.count != 1)
        fail("answer", "not a decision");
    if (response.score.results[0].error.code != 0)
        fail("answer", "the transaction was refused");
    tally_answer(&tally, 1, flight->asked_ns, tally_now_ns());
    nng_msg_free(message);
}

static void begin(struct flight *flight) {
    if (!encode_next(flight)) {
        sem_post(&landed);
        return;
    }
    nng_aio_set_msg(flight->aio, message_of(&flight->request));
    flight->is_sending = true;
    nng_ctx_send(flight->ctx, flight->aio);
}

/* A context's callback: alternates between sending and receiving. */
static void step(void *user) {
    struct flight *flight = user;
    must(nng_aio_result(flight->aio), "request");
    if (flight->is_sending) {
        flight->is_sending = false;
        nng_ctx_recv(flight->ctx, flight->aio);
        return;
    }
    take_answer(flight, nng_aio_get_msg(flight->aio));
    begin(flight);
}

static void one_by_one(nng_socket socket, struct flight *flight) {
    nng_msg *message;
    while (encode_next(flight)) {
        must(nng_sendmsg(socket, message_of(&flight->request), 0), "send");
        must(nng_recvmsg(socket, &message, 0), "receive");
        take_answer(flight, message);
    }
}

static void ask_by_nng(const char *address, size_t in_flight) {
    static struct flight flights[IN_FLIGHT_MAX];
    nng_socket socket;
    must(nng_req0_open(&socket), "socket");
    must(nng_dial(socket, address, NULL, 0), address);
    must(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, 5000), "socket");
    for (size_t i = 0; i < in_flight; i++) {
        buffer_init(&flights[i].request);
        arena_init(&flights[i].arena, 1 << 20);
    }
    if (in_flight == 1) {
        one_by_one(socket, &flights[0]);
        return;
    }
    sem_init(&landed, 0, 0);
    for (size_t i = 0; i < in_flight; i++) {
        must(nng_ctx_open(&flights[i].ctx, socket), "context");
        must(nng_aio_alloc(&flights[i].aio, step, &flights[i]), "aio");
        begin(&flights[i]);
    }
    for (size_t i = 0; i < in_flight; i++)
        sem_wait(&landed);
}

/* ---- libharrier */

/* One message in flight. The transactions point into `payments`. */
struct asking {
    struct harrier_client *client;
    int64_t asked_ns;
    size_t count;
    struct payment payments[BATCH_MAX];
    struct harrier_transaction transactions[BATCH_MAX];
};

/* Fills in the next batch and starts its time. Returns false if there are no more payments. */
static bool fill(struct asking *call) {
    uint64_t number;
    call->count = tally_take(&tally, batch, &number);
    for (size_t i = 0; i < call->count; i++) {
        struct payment *p = &call->payments[i];
        *p = payment_make(&world, number + i);
        call->transactions[i] = (struct harrier_transaction){.id = p->id,
                                                             .event_time_us = p->event_time_us,
                                                             .amount_minor = p->amount_minor,
                                                             .currency = "EUR",
                                                             .card = p->card,
                                                             .customer = p->customer,
                                                             .merchant = p->merchant,
                                                             .device = p->device,
                                                             .ip = p->ip,
                                                             .country = p->country,
                                                             .mcc = p->mcc,
                                                             .channel = p->channel};
    }
    call->asked_ns = tally_now_ns();
    return call->count > 0;
}

/* Checks and counts an answer; frees it. */
static void take_reply(struct asking *call, struct harrier_reply *reply) {
    int64_t now_ns = tally_now_ns();
    check(reply->result_count == call->count);
    for (size_t i = 0; i < call->count; i++)
        if (reply->results[i].error_code != HARRIER_OK)
            fail("answer", reply->results[i].error_message);
    harrier_reply_free(reply);
    tally_answer(&tally, call->count, call->asked_ns, now_ns);
}

/* Waits until the next message is due. Its latency counts from then, even if it is sent late. */
static void keep_pace(struct asking *asking, int64_t *due_ns) {
    if (pace_ns == 0)
        return;
    *due_ns += pace_ns;
    struct timespec time = {*due_ns / 1000000000, *due_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0)
        continue;
    asking->asked_ns = *due_ns;
}

/* The callback of harrier_score_submit(), and its first call with neither reply nor failure. */
static void submit_next(struct harrier_reply *reply, const struct harrier_error *failure,
                        void *user) {
    struct asking *call = user;
    struct harrier_error error;
    if (failure)
        fail("answer", failure->message);
    if (reply)
        take_reply(call, reply);
    if (fill(call) && harrier_score_submit(call->client, call->transactions, call->count, NULL,
                                           submit_next, call, &error) < 0)
        fail("submit", error.message);
}

static void ask_by_library(const char *address, size_t in_flight) {
    static struct asking calls[IN_FLIGHT_MAX];
    struct harrier_options options = {.address = address, .deadline_us = 5000000};
    struct harrier_error error;
    struct harrier_client *client;
    if (harrier_client_new(&options, &client, &error) < 0)
        fail(address, error.message);
    for (size_t i = 0; i < in_flight; i++)
        calls[i].client = client;
    if (in_flight == 1) {
        struct harrier_reply *reply;
        int64_t due_ns = tally_now_ns();
        while (fill(&calls[0])) {
            keep_pace(&calls[0], &due_ns);
            if (harrier_score(client, calls[0].transactions, calls[0].count, NULL, &reply, &error) <
                0)
                fail("score", error.message);
            take_reply(&calls[0], reply);
        }
    }
    for (size_t i = 0; in_flight > 1 && i < in_flight; i++)
        submit_next(NULL, NULL, &calls[i]);
    harrier_drain(client);
    harrier_client_free(client);
}

int main(int argc, char **argv) {
    if (argc != 9 && argc != 10) {
        fputs("usage: ask nng|lib ADDRESS WORLD IN_FLIGHT BATCH FIRST COUNT SECONDS "
              "[PER_SECOND]\n",
              stderr);
        return 64;
    }
    bool by_nng = strcmp(argv[1], "nng") == 0;
    size_t in_flight = strtoul(argv[4], NULL, 10);
    world = world_parse(argv[3]);
    batch = strtoul(argv[5], NULL, 10);
    if (in_flight < 1 || in_flight > IN_FLIGHT_MAX || batch < 1 || batch > (by_nng ? 1 : BATCH_MAX))
        fail("arguments", "expected 1 to 1,024 in flight with 1 to 100 payments each (nng: 1)");
    double per_second = argc == 10 ? atof(argv[9]) : 0;
    if (argc == 10 && (by_nng || in_flight != 1 || per_second < 1))
        fail("arguments", "PER_SECOND is for lib with one in flight, and at least 1");
    pace_ns = argc == 10 ? (int64_t)(1e9 / per_second) : 0;
    tally_begin(&tally, strtoull(argv[6], NULL, 10), strtoull(argv[7], NULL, 10), atof(argv[8]));
    signal(SIGTERM, stop);
    (by_nng ? ask_by_nng : ask_by_library)(argv[2], in_flight);
    tally_print(&tally);
    return 0;
}
