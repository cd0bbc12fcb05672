/* The payments that every peer and Harrier are asked about: a pure function of their number, so
 * that each gets the same ones in the same order, as fast as it can take them.
 *
 * The first `history` of them lie in the 30 days before `start_us` and give cards, customers,
 * merchants and devices a past; the others follow each other every `step_us` from there on. A few
 * cards and merchants have most of the payments. */
#pragma once

#include "core/wire/types/transaction.h"

#include <stdint.h>

struct world {
    uint64_t cards, merchants, history;
    int64_t start_us, step_us;
};

struct payment {
    char id[32], card[24], customer[24], merchant[24], device[24], ip[24], mcc[8];
    const char *channel, *country;
    int64_t event_time_us, amount_minor;
};

/* "CARDS,MERCHANTS,HISTORY,START_US,STEP_US"; ends the program when it is not. */
struct world world_parse(const char *text);

struct payment payment_make(const struct world *world, uint64_t number);

/* Borrows the payment's strings. */
struct transaction payment_transaction(const struct payment *payment);

/* As the web services take it; returns the length. room: at least PAYMENT_JSON_MAX */
#define PAYMENT_JSON_MAX 512
int payment_json(const struct payment *payment, char *out);
