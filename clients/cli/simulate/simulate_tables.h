/* What the simulated world is made of: places, kinds of merchants, rhythms of a day. Figures are
 * rough on purpose: they give the traffic its shape and are no statistics of any country. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOURS 24

struct place {
    char country[3];
    int32_t latitude_e4, longitude_e4; /* degrees × 10^4 */
    int16_t offset_minutes;            /* local time − UTC in winter; summer time is left out */
    uint16_t homes;                    /* weight: how many customers live there */
    uint16_t visits;                   /* weight: how many travel there */
    int8_t neighbour;                  /* place across a border, a short drive away; −1: none */
};

#define PLACE_COUNT 40
extern const struct place places[PLACE_COUNT];

/* "EUR", "GBP" or, wherever neither is at home, "USD". */
const char *place_currency(const struct place *place);
/* Roughly, and never too much by half: for the time a journey takes. */
uint32_t place_distance_km(const struct place *from, const struct place *to);

enum rhythm {
    RHYTHM_SHOPS,   /* opening hours */
    RHYTHM_MEALS,   /* noon and evening */
    RHYTHM_COMMUTE, /* morning and late afternoon */
    RHYTHM_ONLINE,  /* evening, some of the night */
    RHYTHM_ALWAYS,
    RHYTHM_COUNT
};

/* How welcome an hour of local time is, 0…100. */
extern const uint8_t rhythm_hours[RHYTHM_COUNT][HOURS];
/* When people are about: weights of local hours on working days and on others. */
extern const uint8_t waking_hours[2][HOURS];

/* Kinds of merchants that the simulation asks for by name; the others follow. */
enum category_name {
    CATEGORY_GROCERY,
    CATEGORY_RESTAURANT,
    CATEGORY_TRANSIT,
    CATEGORY_CASH,
    CATEGORY_NEEDED_COUNT, /* every place has a store of those above */
    CATEGORY_ELECTRONICS = CATEGORY_NEEDED_COUNT,
    CATEGORY_JEWELLERY,
    CATEGORY_FURNITURE,
    CATEGORY_TRAVEL,
    CATEGORY_DIGITAL,
    CATEGORY_CHARITY,
    CATEGORY_QUASI_CASH,
    CATEGORY_GIFT_CARDS,
    CATEGORY_NAMED_COUNT
};

struct category {
    char mcc[5];
    enum rhythm rhythm;
    uint32_t median_minor;
    uint8_t sigma_hundredths; /* of the amount's logarithm */
    uint8_t stores;           /* weight among merchants one walks into */
    uint8_t online;           /* weight among merchants on the net */
    bool has_app;
};

#define CATEGORY_COUNT 24
extern const struct category categories[CATEGORY_COUNT]; /* named ones first, in their order */
