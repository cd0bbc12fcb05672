/* The list of purchases, what will be reported of them, the calendar, and rows as bytes. */
#include "simulate_purchase.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

void purchases_deinit(struct purchases *purchases) {
    free(purchases->rows);
    *purchases = (struct purchases){0};
}

struct purchase *purchases_add(struct purchases *purchases, const struct purchase *purchase) {
    if (purchases->count == purchases->capacity) {
        purchases->capacity = purchases->capacity > 0 ? purchases->capacity * 2 : 256;
        purchases->rows =
            check_reallocarray(purchases->rows, purchases->capacity, sizeof *purchases->rows);
    }
    struct purchase *row = &purchases->rows[purchases->count];
    *row = *purchase;
    row->order = (uint32_t)purchases->count++;
    return row;
}

/* A total order: qsort() is not stable. */
static int compare_purchases(const void *left, const void *right) {
    const struct purchase *a = left, *b = right;
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

void purchases_sort(struct purchases *purchases) {
    if (purchases->count > 1)
        qsort(purchases->rows, purchases->count, sizeof *purchases->rows, compare_purchases);
}

/* ---- what is said about it later, and what it costs ---- */

/* Random numbers are drawn before the decision, so that their count does not depend on it. */
void purchase_report(struct purchase *purchase, struct random_stream *stream) {
    bool fraud = scenario_is_fraud(purchase->scenario);
    /* Small amounts are overlooked; of honest purchases some are disputed or asked about. */
    uint32_t chance = !fraud ? 15000 : purchase->amount_minor < 500 ? 600000 : 920000;
    uint64_t minutes = random_lognormal(stream, fraud ? 1500 : 1200, 110);
    if (!random_chance(stream, chance))
        return;
    purchase->reported = fraud ? REPORTED_FRAUD : REPORTED_LEGIT;
    purchase->reported_us = purchase->time_us + (int64_t)(minutes + 10) * MINUTE_US;
}

/* The limits keep prices plausible. */
int64_t purchase_price(struct random_stream *stream, enum purchase_channel channel,
                       uint64_t amount_minor) {
    int64_t amount = (int64_t)amount_minor;
    if (channel == CHANNEL_ATM) {
        amount = (amount + 500) / 1000 * 1000;
        return amount < 1000 ? 1000 : amount > 100000 ? 100000 : amount;
    }
    if (amount < 10)
        amount = 10;
    if (amount > 2500000)
        amount = 2500000;
    if (amount >= 300 && random_chance(stream, 300000))
        amount = amount / 100 * 100 + (random_chance(stream, 500000) ? 99 : 0);
    return amount;
}

/* ---- names ---- */

const char *scenario_name(enum scenario scenario) {
    static const char *const names[SCENARIO_COUNT] = {
        [SCENARIO_EVERYDAY] = "",
        [SCENARIO_TRAVELLER] = "traveller",
        [SCENARIO_BIG_PURCHASE] = "big_purchase",
        [SCENARIO_SHARED_DEVICE] = "shared_device",
        [SCENARIO_NEW_DEVICE] = "new_device",
        [SCENARIO_PAYDAY_BURST] = "payday_burst",
        [SCENARIO_GAMING_BURST] = "gaming_burst",
        [SCENARIO_COMMUTER] = "commuter",
        [SCENARIO_STOLEN_CARD] = "stolen_card",
        [SCENARIO_CARD_TESTING] = "card_testing",
        [SCENARIO_COMPROMISED_MERCHANT] = "compromised_merchant",
        [SCENARIO_DEVICE_RING] = "device_ring",
        [SCENARIO_IMPOSSIBLE_TRAVEL] = "impossible_travel",
        [SCENARIO_ACCOUNT_TAKEOVER] = "account_takeover",
    };
    return names[scenario];
}

static const char *channel_name(enum purchase_channel channel) {
    static const char *const names[] = {"pos", "atm", "ecom", "app", "moto"};
    return names[channel];
}

/* ---- the calendar (Hinnant, "chrono-compatible low-level date algorithms") ---- */

int32_t date_of(int year, int month, int day) {
    int y = month <= 2 ? year - 1 : year;
    int era = y / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct date date_from(int32_t days) {
    int z = days + 719468;
    int era = z / 146097;
    int day_of_era = z - era * 146097;
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted_month = (5 * day_of_year + 2) / 153;
    int day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    return (struct date){
        .year = year_of_era + era * 400 + (month <= 2), .month = month, .day = day};
}

/* ---- rows: written by hand, printf would be most of the time a simulation takes ---- */

/* Longest row, with a good margin: rows are some 300 bytes. */
#define ROW_BYTES_MAX 1024

/* All put_…() functions return where they ended; the caller has made the room. */
static char *put_text(char *at, const char *string) {
    size_t length = strlen(string);
    memcpy(at, string, length);
    return at + length;
}

/* At least `width` digits. */
static char *put_number(char *at, uint64_t number, size_t width) {
    char digits[20]; /* the most that a number has */
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (count < sizeof digits && ((number /= 10) > 0 || count < width));
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

/* Fixed width. */
static char *put_hex(char *at, uint64_t number, int digits) {
    for (int i = digits - 1; i >= 0; i--)
        *at++ = "0123456789abcdef"[number >> (4 * i) & 15];
    return at;
}

/* A prefix and hex digits: can never be taken for a card number. */
static char *put_token(char *at, char kind, uint64_t token) {
    *at++ = kind;
    *at++ = '_';
    return put_hex(at, token, 16);
}

static char *put_date(char *at, int32_t days, const char *separator) {
    struct date date = date_from(days);
    at = put_number(at, (uint64_t)date.year, 4);
    at = put_text(at, separator);
    at = put_number(at, (uint64_t)date.month, 2);
    at = put_text(at, separator);
    return put_number(at, (uint64_t)date.day, 2);
}

/* RFC 3339 in milliseconds. */
static char *put_time(char *at, int64_t time_us) {
    uint64_t milliseconds = (uint64_t)(time_us % DAY_US) / 1000;
    at = put_date(at, (int32_t)(time_us / DAY_US), "-");
    *at++ = 'T';
    at = put_number(at, milliseconds / 3600000, 2);
    *at++ = ':';
    at = put_number(at, milliseconds / 60000 % 60, 2);
    *at++ = ':';
    at = put_number(at, milliseconds / 1000 % 60, 2);
    *at++ = '.';
    at = put_number(at, milliseconds % 1000, 3);
    *at++ = 'Z';
    return at;
}

/* All currencies of the simulation have two decimals. */
static char *put_amount(char *at, int64_t amount_minor) {
    at = put_number(at, (uint64_t)amount_minor / 100, 1);
    *at++ = '.';
    return put_number(at, (uint64_t)amount_minor % 100, 2);
}

/* Four decimals, some ten metres. */
static char *put_degrees(char *at, int32_t degrees_e4) {
    uint32_t magnitude = (uint32_t)(degrees_e4 < 0 ? -degrees_e4 : degrees_e4);
    if (degrees_e4 < 0)
        *at++ = '-';
    at = put_number(at, magnitude / 10000, 1);
    *at++ = '.';
    return put_number(at, magnitude % 10000, 4);
}

/* Documentation and private networks only. */
static char *put_ip(char *at, uint64_t ip) {
    if (ip & IP_IS_V6) {
        at = put_text(at, "2001:db8");
        for (int shift = 32; shift >= 0; shift -= 16) {
            *at++ = ':';
            at = put_hex(at, (ip >> shift & 0xffff) | 0x1000, 4); /* no leading zeros to drop */
        }
        return put_text(at, "::1");
    }
    at = put_text(at, "10");
    for (int shift = 16; shift >= 0; shift -= 8) {
        *at++ = '.';
        at = put_number(at, ip >> shift & 255, 1);
    }
    return at;
}

/* The columns, in this order. Those that `harrier score` knows have its names; it ignores label_…,
 * which is the truth that no scorer may see. */
enum column {
    COLUMN_ID,
    COLUMN_EVENT_TIME,
    COLUMN_AMOUNT,
    COLUMN_CURRENCY,
    COLUMN_CARD,
    COLUMN_CUSTOMER,
    COLUMN_MERCHANT,
    COLUMN_TERMINAL,
    COLUMN_DEVICE,
    COLUMN_IP,
    COLUMN_COUNTRY,
    COLUMN_MCC,
    COLUMN_CHANNEL,
    COLUMN_LATITUDE,
    COLUMN_LONGITUDE,
    COLUMN_OUTCOME,
    COLUMN_OUTCOME_TIME,
    COLUMN_LABEL_FRAUD,
    COLUMN_LABEL_SCENARIO,
    COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
    "id",       "event_time",   "amount",      "currency",      "card",
    "customer", "merchant",     "terminal",    "device",        "ip",
    "country",  "mcc",          "channel",     "latitude",      "longitude",
    "outcome",  "outcome_time", "label_fraud", "label_scenario"};

/* A purchase with what its columns are looked up in. */
struct row {
    const struct world *world;
    const struct purchase *purchase;
    const struct merchant *merchant;
    uint32_t number;
};

/* Terminal and place are known of such purchases only. */
static bool in_store(const struct purchase *purchase) {
    return purchase->channel == CHANNEL_POS || purchase->channel == CHANNEL_ATM;
}

/* Unique over all days of a run; the prefix tells runs with other options apart. */
static char *put_id(char *at, const struct row *row) {
    *at++ = 's';
    at = put_hex(at, row->world->id_prefix, 8);
    *at++ = '-';
    at = put_date(at, (int32_t)(row->purchase->time_us / DAY_US), "");
    *at++ = '-';
    return put_number(at, row->number, 6);
}

static char *put_terminal(char *at, const struct row *row) {
    if (!in_store(row->purchase))
        return at;
    at = put_token(at, 't', row->merchant->token);
    *at++ = '_';
    return put_number(at, row->purchase->terminal, 1);
}

static char *put_outcome(char *at, const struct purchase *purchase) {
    static const char *const names[] = {"", "legit", "fraud"};
    return put_text(at, names[purchase->reported]);
}

/* Nothing written: the column is empty in this row. */
static char *put_column(char *at, const struct row *row, enum column column) {
    const struct purchase *purchase = row->purchase;
    const struct merchant *merchant = row->merchant;
    const struct place *place = &places[merchant->place];
    switch (column) {
    case COLUMN_ID:
        return put_id(at, row);
    case COLUMN_EVENT_TIME:
        return put_time(at, purchase->time_us);
    case COLUMN_AMOUNT:
        return put_amount(at, purchase->amount_minor);
    case COLUMN_CURRENCY:
        return put_text(at, place_currency(place));
    case COLUMN_CARD:
        return put_token(at, 'c', purchase->card);
    case COLUMN_CUSTOMER:
        return put_token(at, 'u', purchase->customer);
    case COLUMN_MERCHANT:
        return put_token(at, 'm', merchant->token);
    case COLUMN_TERMINAL:
        return put_terminal(at, row);
    case COLUMN_DEVICE:
        return purchase->device ? put_token(at, 'd', purchase->device) : at;
    case COLUMN_IP:
        return purchase->ip ? put_ip(at, purchase->ip) : at;
    case COLUMN_COUNTRY:
        return put_text(at, place->country);
    case COLUMN_MCC:
        return put_text(at, categories[merchant->category].mcc);
    case COLUMN_CHANNEL:
        return put_text(at, channel_name(purchase->channel));
    case COLUMN_LATITUDE:
        return in_store(purchase) ? put_degrees(at, merchant->latitude_e4) : at;
    case COLUMN_LONGITUDE:
        return in_store(purchase) ? put_degrees(at, merchant->longitude_e4) : at;
    case COLUMN_OUTCOME:
        return put_outcome(at, purchase);
    case COLUMN_OUTCOME_TIME:
        return purchase->reported == REPORTED_NEVER ? at : put_time(at, purchase->reported_us);
    case COLUMN_LABEL_FRAUD:
        return put_text(at, scenario_is_fraud(purchase->scenario) ? "1" : "0");
    case COLUMN_LABEL_SCENARIO:
        return put_text(at, scenario_name(purchase->scenario));
    case COLUMN_COUNT:
        break;
    }
    return at;
}

/* No value needs quotes. */
static char *put_csv(char *at, const struct row *row) {
    for (int column = 0; column < COLUMN_COUNT; column++) {
        if (column > 0)
            *at++ = ',';
        at = put_column(at, row, column);
    }
    *at++ = '\n';
    return at;
}

/* Columns without quotes in JSON. */
static bool is_number(enum column column) {
    return column == COLUMN_AMOUNT || column == COLUMN_LATITUDE || column == COLUMN_LONGITUDE ||
           column == COLUMN_LABEL_FRAUD;
}

/* Empty columns are left out. No value holds a character that JSON wants escaped. */
static char *put_json(char *at, const struct row *row) {
    *at++ = '{';
    for (int column = 0; column < COLUMN_COUNT; column++) {
        char *start = at;
        if (column > 0)
            *at++ = ',';
        *at++ = '"';
        at = put_text(at, column_names[column]);
        at = put_text(at, is_number(column) ? "\":" : "\":\"");
        char *value = at;
        at = put_column(at, row, column);
        if (at == value)
            at = start;
        else if (!is_number(column))
            *at++ = '"';
    }
    return put_text(at, "}\n");
}

void purchase_append_header(struct buffer *buffer, enum purchase_format format) {
    if (format != PURCHASE_CSV)
        return;
    for (int column = 0; column < COLUMN_COUNT; column++) {
        if (column > 0)
            buffer_append(buffer, ",", 1);
        buffer_append_string(buffer, column_names[column]);
    }
    buffer_append(buffer, "\n", 1);
}

void purchase_append_row(struct buffer *buffer, enum purchase_format format,
                         const struct world *world, const struct purchase *purchase,
                         uint32_t number) {
    struct row row = {.world = world,
                      .purchase = purchase,
                      .merchant = &world->merchants[purchase->merchant],
                      .number = number};
    char *start = (char *)buffer_reserve(buffer, ROW_BYTES_MAX);
    char *end = format == PURCHASE_CSV ? put_csv(start, &row) : put_json(start, &row);
    check(end - start <= ROW_BYTES_MAX);
    buffer->length += (size_t)(end - start);
}
