/* What one decision costs, for gate.py to count under callgrind: the service as harrierd runs it,
 * from a request's bytes to the answer's, with the shipped policy and without a network.
 *
 * usage: cost POLICY FOLDER       FOLDER: empty; the archive is made in it
 *
 * Everything is the same each time: payments drawn from a fixed seed, and a clock that moves only
 * when told to. First come WARM payments, so that cards have a history; then the COUNTED ones, one
 * a message, each inside of counted_decision(), and nothing else is. */
#include "tests/bench/payments.h"

#include <stdio.h>

#define WARM    20000
#define COUNTED 2000
#define BATCH   100 /* of the warm ones */

static const struct payers payers = {
    .cards = 2000,
    .customers = 1500,
    .merchants = 300,
    .devices = 2500,
    .step_us = 20000000,
};

/* gate.py has callgrind count what is inside, but for take_answer(). */
static __attribute__((noinline, noclone)) void counted_decision(void *service,
                                                                struct front_request *request) {
    service_handle(service, request);
    __asm__ volatile(""); /* no jump in the call's place, which callgrind would not see come back */
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
