/* The payments sent to every peer and to Harrier. A payment is a pure function of its number, so
 * all servers get the same ones in the same order, each at its own speed.
 *
 * The first `history` payments are spread over the 30 days before `start_us` and give cards,
 * customers, merchants and devices a history; from then on one follows every `step_us`. A few cards
 * and merchants have most of the payments. */
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

/* Parses "CARDS,MERCHANTS,HISTORY,START_US,STEP_US"; ends the program if it is invalid. */
struct world world_parse(const char *text);

struct payment payment_make(const struct world *world, uint64_t number);

/* Borrows the payment's strings. */
struct transaction payment_transaction(const struct payment *payment);

/* Writes the JSON for the web services and returns its length. out: at least PAYMENT_JSON_MAX */
#define PAYMENT_JSON_MAX 512
int payment_json(const struct payment *payment, char *out);
