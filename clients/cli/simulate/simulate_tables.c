/* Constants, each line of a table in the units of simulate_tables.h. */
#include "simulate_tables.h"

#include <string.h>

/* clang-format off */
const struct place places[PLACE_COUNT] = {
    /*      latitude longitude  UTC+  homes visits neighbour */
    {"DE",  525200,   134000,   60, 60, 30, -1}, /* Berlin */
    {"DE",  535500,    99900,   60, 35, 15, -1}, /* Hamburg */
    {"DE",  481400,   115800,   60, 35, 25, -1}, /* Munich */
    {"DE",  509400,    69600,   60, 30, 15, -1}, /* Cologne */
    {"DE",  507800,    60800,   60, 14,  3,  5}, /* Aachen */
    {"NL",  508500,    56900,   60, 10,  4,  4}, /* Maastricht */
    {"FR",  488600,    23500,   60, 60, 40, -1}, /* Paris */
    {"FR",  457600,    48400,   60, 25, 12, -1}, /* Lyon */
    {"FR",  433000,    53700,   60, 20, 14, -1}, /* Marseille */
    {"FR",  485700,    77500,   60, 14,  6, 10}, /* Strasbourg */
    {"DE",  485700,    78200,   60,  6,  1,  9}, /* Kehl */
    {"IT",  419000,   125000,   60, 30, 30, -1}, /* Rome */
    {"IT",  454600,    91900,   60, 35, 18, -1}, /* Milan */
    {"IT",  408500,   142700,   60, 15, 10, -1}, /* Naples */
    {"ES",  404200,   -37000,   60, 40, 20, -1}, /* Madrid */
    {"ES",  413900,    21700,   60, 35, 30, -1}, /* Barcelona */
    {"ES",  395700,    26500,   60,  5, 35, -1}, /* Palma */
    {"NL",  523700,    49000,   60, 25, 20, -1}, /* Amsterdam */
    {"BE",  508500,    43500,   60, 22, 10, -1}, /* Brussels */
    {"LU",  496100,    61300,   60,  5,  3, -1}, /* Luxembourg */
    {"AT",  482100,   163700,   60, 22, 18, 21}, /* Vienna */
    {"SK",  481500,   171100,   60, 10,  4, 20}, /* Bratislava */
    {"PT",  387200,   -91400,    0, 20, 22, -1}, /* Lisbon */
    {"IE",  533500,   -62600,    0, 18, 10, -1}, /* Dublin */
    {"FI",  601700,   249400,  120, 14,  5, -1}, /* Helsinki */
    {"GR",  379800,   237300,  120, 16, 24, -1}, /* Athens */
    {"GB",  515100,    -1300,    0, 25, 40, -1}, /* London */
    {"GB",  534800,   -22400,    0,  8,  6, -1}, /* Manchester */
    {"US",  407100,  -740100, -300,  3, 20, -1}, /* New York */
    {"US",  340500, -1182400, -480,  2,  8, -1}, /* Los Angeles */
    {"US",  257600,  -801900, -300,  1,  6, -1}, /* Miami */
    {"TR",  410100,   289800,  180,  0, 16, -1}, /* Istanbul */
    {"TH",  137600,  1005000,  420,  0, 10, -1}, /* Bangkok */
    {"AE",  252000,   552700,  240,  0, 10, -1}, /* Dubai */
    {"BR", -235500,  -466300, -180,  0,  4, -1}, /* Sao Paulo */
    {"MX",  194300,  -991300, -360,  0,  5, -1}, /* Mexico City */
    {"JP",  356900,  1396900,  540,  0,  6, -1}, /* Tokyo */
    {"ID",   -62000, 1068500,  420,  0,  3, -1}, /* Jakarta */
    {"ZA",  -339200,  184200,  120,  0,  3, -1}, /* Cape Town */
    {"MA",  316300,   -79900,   60,  0,  7, -1}, /* Marrakesh */
};

const uint8_t rhythm_hours[RHYTHM_COUNT][HOURS] = {
    /* 0   1   2   3   4   5   6   7   8   9  10  11  12  13  14  15  16  17  18  19  20  21  22  23
     */
    {  0,  0,  0,  0,  0,  0,  2, 15, 40, 70, 90,100, 90, 80, 80, 85, 95,100,100, 80, 35, 10,  3,  0},
    {  6,  3,  1,  0,  0,  0,  3, 15, 25, 20, 20, 50,100, 90, 40, 25, 25, 40, 80,100, 95, 70, 35, 15},
    {  2,  1,  0,  0,  1, 10, 40, 95,100, 60, 30, 25, 30, 30, 30, 45, 80,100, 85, 50, 25, 15, 12,  6},
    { 25, 14,  8,  5,  4,  6, 12, 25, 40, 50, 55, 60, 65, 60, 55, 55, 60, 65, 75, 90,100,100, 80, 50},
    { 30, 20, 15, 12, 12, 15, 30, 50, 70, 80, 90, 95,100, 95, 90, 90, 95,100,100, 95, 85, 70, 55, 40},
};

const uint8_t waking_hours[2][HOURS] = {
    {  6,  3,  2,  1,  2,  6, 22, 52, 62, 48, 46, 58, 84, 70, 52, 54, 68, 92,100, 90, 78, 60, 36, 16},
    { 16, 10,  6,  3,  2,  2,  6, 14, 34, 60, 84, 96,100, 92, 84, 78, 78, 80, 82, 80, 74, 60, 44, 30},
};

const struct category categories[CATEGORY_COUNT] = {
    /* mcc    rhythm         median sigma stores online app */
    {"5411", RHYTHM_SHOPS,    2900,  75, 22,  3, true},  /* groceries */
    {"5812", RHYTHM_MEALS,    3100,  60, 15,  5, true},  /* restaurants */
    {"4111", RHYTHM_COMMUTE,   260,  25,  3,  0, true},  /* local transit */
    {"6011", RHYTHM_ALWAYS,   8000,  60,  6,  0, false}, /* cash machines */
    {"5732", RHYTHM_SHOPS,    9900, 105,  4, 10, false}, /* electronics */
    {"5944", RHYTHM_SHOPS,   14500, 100,  2,  3, false}, /* jewellery */
    {"5712", RHYTHM_SHOPS,   18900, 100,  2,  3, false}, /* furniture */
    {"4722", RHYTHM_ONLINE,  23900,  90,  1,  6, false}, /* travel agencies */
    {"5816", RHYTHM_ONLINE,    899,  85,  0,  9, true},  /* games and other digital goods */
    {"8398", RHYTHM_ONLINE,   2000,  80,  0,  3, false}, /* charities */
    {"6051", RHYTHM_ONLINE,  11000, 110,  0,  2, true},  /* quasi-cash: coins, wallets */
    {"5947", RHYTHM_ONLINE,   3500,  70,  1,  4, false}, /* gift cards and novelties */
    {"5814", RHYTHM_MEALS,    1150,  50, 14,  6, true},  /* fast food */
    {"5541", RHYTHM_ALWAYS,   5400,  45,  8,  0, false}, /* fuel */
    {"5912", RHYTHM_SHOPS,    1700,  70,  7,  3, false}, /* pharmacies */
    {"5651", RHYTHM_SHOPS,    5200,  75,  7, 12, true},  /* clothing */
    {"5942", RHYTHM_SHOPS,    1900,  60,  2,  6, false}, /* books */
    {"5999", RHYTHM_ONLINE,   3300,  90,  3, 16, true},  /* everything shops */
    {"7011", RHYTHM_ALWAYS,  16500,  75,  4,  4, false}, /* hotels */
    {"4511", RHYTHM_ONLINE,  21000,  85,  0,  4, true},  /* airlines */
    {"4899", RHYTHM_ONLINE,   1299,  35,  0,  6, true},  /* streaming */
    {"7995", RHYTHM_ONLINE,   2500,  95,  0,  2, true},  /* betting */
    {"5945", RHYTHM_SHOPS,    2700,  70,  2,  4, false}, /* toys */
    {"4121", RHYTHM_ALWAYS,   1700,  50,  2,  4, true},  /* taxis */
};
/* clang-format on */

const char *place_currency(const struct place *place) {
    static const char euro[][3] = {"DE", "NL", "FR", "IT", "ES", "BE", "LU",
                                   "AT", "SK", "PT", "IE", "FI", "GR"};
    for (size_t i = 0; i < sizeof euro / sizeof *euro; i++)
        if (strcmp(place->country, euro[i]) == 0)
            return "EUR";
    return strcmp(place->country, "GB") == 0 ? "GBP" : "USD";
}

static uint32_t gap(int32_t a, int32_t b) {
    return (uint32_t)(a > b ? a - b : b - a);
}

uint32_t place_distance_km(const struct place *from, const struct place *to) {
    uint32_t north = gap(from->latitude_e4, to->latitude_e4);
    uint32_t east = gap(from->longitude_e4, to->longitude_e4);
    if (east > 1800000)
        east = 3600000 - east;
    /* 111 km a degree; eastward about two thirds of that where most places are */
    east = east * 2 / 3;
    uint32_t longer = north > east ? north : east, shorter = north > east ? east : north;
    return (longer + shorter / 2) / 1000 * 111 / 10;
}
