/* The program in which gate.py counts the instructions of a decision under callgrind: the service
 * as harrierd runs it, from request bytes to answer bytes, without a network.
 *
 * usage: cost POLICY FOLDER       FOLDER: empty; gets the archive
 *
 * Every run is identical: payments come from a fixed seed, and only they move the clock. WARM
 * payments give the cards a history. Then COUNTED payments follow, one a message, each within
 * counted_decision(), which contains nothing else. */
#include "tests/bench/payments.h"

#include <stdio.h>

#define WARM    20000
#define COUNTED 2000
#define BATCH   100 /* for the warm-up */

static const struct payers payers = {
    .cards = 2000,
    .customers = 1500,
    .merchants = 300,
    .devices = 2500,
    .step_us = 20000000,
};

/* callgrind counts what happens inside, except for take_answer(): see gate.py. */
static __attribute__((noinline, noclone)) void counted_decision(void *service,
                                                                struct front_request *request) {
    service_handle(service, request);
    __asm__ volatile(""); /* prevents a tail call, whose return callgrind would miss */
}

static void run(struct service *service) {
    static struct payment payments[BATCH];
    static struct transaction transactions[BATCH];
    struct buffer bytes;
    buffer_init(&bytes);
    for (uint64_t number = 0; number < WARM; number += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            make_payment(&payments[i], &payers, number + i);
            transactions[i] = payments[i].transaction;
        }
        encode_request(transactions, BATCH, &bytes);
        ask(service, &bytes, NULL);
    }
    for (uint64_t number = WARM; number < WARM + COUNTED; number++) {
        make_payment(&payments[0], &payers, number);
        encode_request(&payments[0].transaction, 1, &bytes);
        ask(service, &bytes, counted_decision);
    }
    buffer_deinit(&bytes);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: cost POLICY FOLDER\n");
        return 64;
    }
    struct service *service = open_service(argv[1], argv[2]);
    run(service);
    close_service(service, WARM + COUNTED);
    printf("%d\n", COUNTED);
    return 0;
}
