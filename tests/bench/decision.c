/* The core's time for one transaction, from request bytes to answer bytes, archive included: the
 * service as harrierd runs it, without a network. Messages of one transaction and of a hundred take
 * turns.
 *
 * WARM payments of CARDS cards precede the rounds. The figure of a round is the median of its
 * messages, in microseconds per transaction.
 *
 * usage: decision POLICY FOLDER CARDS WARM [ROUNDS]     FOLDER: empty; gets the archive */
#include "payments.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH          100
#define BATCHES        500  /* a round */
#define SINGLES        5000 /* a round */
#define ROUNDS_DEFAULT 7
#define ROUNDS_MAX     99

static int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t took_ns;
static void timed_decision(void *service, struct front_request *request) {
    int64_t began = now_ns();
    service_handle(service, request);
    took_ns = now_ns() - began;
}

struct bench {
    struct service *service;
    struct payers payers;
    uint64_t number; /* of the next payment */
    struct buffer bytes;
};

static void ask_next(struct bench *bench, size_t count) {
    static struct payment payments[BATCH];
    static struct transaction transactions[BATCH];
    for (size_t i = 0; i < count; i++) {
        make_payment(&payments[i], &bench->payers, bench->number++);
        transactions[i] = payments[i].transaction;
    }
    encode_request(transactions, count, &bench->bytes);
    ask(bench->service, &bench->bytes, timed_decision);
}

static int compare(const void *a, const void *b) {
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

/* Microseconds per transaction: the median of `messages` messages of `count` transactions. */
static double measure(struct bench *bench, size_t messages, size_t count) {
    static int64_t times[SINGLES > BATCHES ? SINGLES : BATCHES];
    for (size_t i = 0; i < messages; i++) {
        ask_next(bench, count);
        times[i] = took_ns;
    }
    qsort(times, messages, sizeof *times, compare);
    return (double)times[messages / 2] / 1000 / (double)count;
}

static uint64_t read_number(const char *text, uint64_t most) {
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (*end || end == text || number < 1 || number > most) {
        fprintf(stderr, "decision: \"%s\"; expected 1 to %" PRIu64 "\n", text, most);
        exit(64);
    }
    return number;
}

int main(int argc, char **argv) {
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: decision POLICY FOLDER CARDS WARM [ROUNDS]\n");
        return 64;
    }
    uint64_t cards = read_number(argv[3], 1000000000), warm = read_number(argv[4], 1000000000);
    uint64_t rounds = argc > 5 ? read_number(argv[5], ROUNDS_MAX) : ROUNDS_DEFAULT;
    struct bench bench = {
        .service = open_service(argv[1], argv[2]),
        .payers = {.cards = cards,
                   .customers = cards * 3 / 4 + 1,
                   .merchants = cards / 50 + 1,
                   .devices = cards * 5 / 4 + 1,
                   .step_us = INT64_C(86400000000) * 30 / (int64_t)warm + 1}, /* over 30 days */
    };
    buffer_init(&bench.bytes);
    while (bench.number < warm)
        ask_next(&bench, warm - bench.number < BATCH ? (size_t)(warm - bench.number) : BATCH);
    printf("%" PRIu64 " transactions of %" PRIu64 " cards before; us for each transaction\n", warm,
           cards);
    for (uint64_t i = 0; i < rounds; i++) {
        printf("decision_single_%" PRIu64 "\t%.3f\n", cards, measure(&bench, SINGLES, 1));
        printf("decision_batch_%" PRIu64 "\t%.3f\n", cards, measure(&bench, BATCHES, BATCH));
        fflush(stdout);
    }
    buffer_deinit(&bench.bytes);
    close_service(bench.service, bench.number);
    return 0;
}
