/* One simulated transaction, and its row in the output. */
#pragma once

#include "simulate_world.h"

#include "core/base/buffer.h"

enum purchase_channel { CHANNEL_POS, CHANNEL_ATM, CHANNEL_ECOM, CHANNEL_APP, CHANNEL_MOTO };

/* What a purchase is part of: label_scenario. Before SCENARIO_FIRST_FRAUD lies what honest people
 * do, some of it easily taken for fraud. */
enum scenario {
    SCENARIO_EVERYDAY, /* an empty label_scenario */
    SCENARIO_TRAVELLER,
    SCENARIO_BIG_PURCHASE,
    SCENARIO_SHARED_DEVICE,
    SCENARIO_NEW_DEVICE,
    SCENARIO_PAYDAY_BURST,
    SCENARIO_GAMING_BURST,
    SCENARIO_COMMUTER,
    SCENARIO_STOLEN_CARD,
    SCENARIO_FIRST_FRAUD = SCENARIO_STOLEN_CARD,
    SCENARIO_CARD_TESTING,
    SCENARIO_COMPROMISED_MERCHANT,
    SCENARIO_DEVICE_RING,
    SCENARIO_IMPOSSIBLE_TRAVEL,
    SCENARIO_ACCOUNT_TAKEOVER,
    SCENARIO_COUNT
};

const char *scenario_name(enum scenario scenario);
static inline bool scenario_is_fraud(enum scenario scenario) {
    return scenario >= SCENARIO_FIRST_FRAUD;
}

enum reported { REPORTED_NEVER, REPORTED_LEGIT, REPORTED_FRAUD };

struct purchase {
    int64_t time_us; /* whole milliseconds */
    int64_t amount_minor;
    int64_t reported_us; /* when the outcome became known; REPORTED_NEVER: 0 */
    uint64_t card, customer;
    uint64_t device, ip; /* 0: none, in a store */
    uint32_t merchant;
    uint32_t order; /* in which it was made: decides between equal times */
    uint8_t terminal;
    uint8_t channel;  /* enum purchase_channel */
    uint8_t scenario; /* enum scenario */
    uint8_t reported; /* enum reported */
};

struct purchases {
    struct purchase *rows;
    size_t count, capacity;
};

void purchases_deinit(struct purchases *purchases);
/* Returns the copy, valid until the next call; its order is set. */
struct purchase *purchases_add(struct purchases *purchases, const struct purchase *purchase);
/* By time, then in the order they were made. */
void purchases_sort(struct purchases *purchases);

/* Decides what will be reported about it and when. */
void purchase_report(struct purchase *purchase, struct random_stream *stream);

/* Amounts as they stand on a price tag: some end in .99 or .00, cash comes in notes. */
int64_t purchase_price(struct random_stream *stream, enum purchase_channel channel,
                       uint64_t amount_minor);

enum purchase_format { PURCHASE_CSV, PURCHASE_JSONL };

/* The line of column names; nothing for JSON lines. */
void purchase_append_header(struct buffer *buffer, enum purchase_format format);
/* number: of the purchase within its day, from 1 */
void purchase_append_row(struct buffer *buffer, enum purchase_format format,
                         const struct world *world, const struct purchase *purchase,
                         uint32_t number);

/* Gregorian calendar ↔ days since 1970-01-01; years 1970 to 9999. */
int32_t date_of(int year, int month, int day);
struct date {
    int year, month, day;
};
struct date date_from(int32_t days);
