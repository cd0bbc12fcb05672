/* The simulated world: who lives in it and where one can buy. Made whole from the options, constant
 * afterwards.
 *
 * What changes over time (a customer leaves and another takes the place, a card expires, a phone is
 * replaced, a dynamic ip moves on, people travel) is a function of the date, not of a run: the 2nd
 * of January is the same day whether a run starts there or a year before. So any day can be made
 * alone. */
#pragma once

#include "simulate_random.h"
#include "simulate_tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAY_US          INT64_C(86400000000)
#define MINUTE_US       INT64_C(60000000)
#define MINUTES_PER_DAY 1440

struct world_options {
    uint64_t seed;
    uint32_t customers;
    uint32_t merchants;
    uint32_t transactions_per_day; /* the mean, fraud included */
    uint32_t fraud_per_million;    /* of the transactions */
};

#define WORLD_CUSTOMERS_MIN    50
#define WORLD_CUSTOMERS_MAX    5000000
#define WORLD_MERCHANTS_MIN    300
#define WORLD_MERCHANTS_MAX    60000
#define WORLD_TRANSACTIONS_MIN 100
#define WORLD_TRANSACTIONS_MAX 10000000
#define WORLD_FRAUD_MAX        200000 /* per million */

struct merchant {
    uint64_t token;
    uint8_t place, category;
    bool online;
    uint8_t terminals;
    uint16_t price_percent;            /* dear or cheap, for its kind */
    int32_t latitude_e4, longitude_e4; /* of the store */
};

#define FAVOURITE_STORES 6
#define FAVOURITE_SITES  4
#define FAMILY_SIZE      4 /* neighbours in the numbering; one family in five shares a tablet */

/* A customer's place in the world. Whoever holds it has these habits. */
struct customer {
    uint8_t place;
    uint8_t cards;     /* 1 or 2 */
    uint8_t devices;   /* 1 or 2 */
    int8_t late_hours; /* early birds below 0 */
    uint8_t online_percent;
    uint8_t payday; /* day of the month */
    bool commuter, gamer;
    bool family; /* shares a device and an address with the family */
    uint16_t spending_percent;
    uint32_t activity; /* weight of this customer's share of all purchases */
    uint32_t favourites[FAVOURITE_STORES + FAVOURITE_SITES]; /* merchants; stores first */
};

/* Merchants to choose from, with running sums of their popularity. */
struct choice {
    uint32_t *merchants;
    uint64_t *cumulative;
    uint32_t count;
};

struct world {
    struct world_options options;
    struct merchant *merchants;
    struct choice stores[PLACE_COUNT];
    struct choice sites;                    /* all online merchants */
    struct choice sites_of[CATEGORY_COUNT]; /* online merchants of one kind */
    struct customer *customers;
    /* Customers by favourite merchant: regulars[regular_starts[m] … regular_starts[m + 1]),
     * in the order of their numbers. */
    uint32_t *regulars;
    uint32_t *regular_starts;
    uint64_t homes[PLACE_COUNT], visits[PLACE_COUNT]; /* running sums of the weights */
    uint64_t waking[2][HOURS];
    uint64_t activity_total;
    uint64_t
        purchases_millionths;    /* a day's everyday purchases, without special habits and fraud */
    uint32_t habits_per_million; /* special habits are rarer where there is little traffic */
    uint32_t id_prefix;          /* tells transactions of different options apart */
};

/* The options are within their limits. */
struct world *world_new(const struct world_options *options);
void world_free(struct world *world);

/* The store of a needed kind that every place has. */
uint32_t world_needed_store(uint8_t place, enum category_name category);

/* What a purchase at this merchant may cost; percent: of what is usual there. */
uint64_t world_amount(const struct world *world, uint32_t merchant, uint32_t percent,
                      struct random_stream *stream);

uint32_t choice_pick(const struct choice *choice, struct random_stream *stream);

/* Who a customer is on one day (days since 1970-01-01). Tokens are 64 random bits; 0 is none. */
struct identity {
    uint64_t customer;
    uint64_t cards[2];
    uint64_t devices[3]; /* own ones, then the family's tablet or 0 */
    bool device_is_new;  /* devices[0] came within the last two days */
    uint64_t home_ip, mobile_ip;
};

struct identity world_identity(const struct world *world, uint32_t customer, int32_t day);

/* Where a person is: at home, under way (no store can see them) or away. */
struct journey {
    bool away;     /* some of this day is not spent at home */
    uint8_t place; /* the destination */
    int32_t departs,
        arrives; /* minutes of this UTC day between which they are under way outwards … */
    int32_t returns, back; /* … and homewards; beyond the day where that is another day's */
};

struct journey world_journey(const struct world *world, uint32_t customer, int32_t day);

/* 64 bits that nothing else has, never 0: for what is not a customer's (a fraudster's device). */
uint64_t token_of(struct random_stream *stream);

/* Addresses in networks that never belong to anyone: 10.0.0.0/8, and 2001:db8::/32 with IP_IS_V6.
 * 0 is none. */
#define IP_IS_V6   (UINT64_C(1) << 63)
#define IP_IS_V4   (UINT64_C(1) << 62)
#define IP_V4_MASK UINT64_C(0xffffff)
#define IP_V6_MASK UINT64_C(0xffffffffffff)
uint64_t ip_of(struct random_stream *stream);
