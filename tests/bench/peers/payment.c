/* The payments of payment.h. */
#include "payment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MONTH_US INT64_C(2592000000000)

struct world world_parse(const char *text) {
    struct world world;
    if (sscanf(text, "%" SCNu64 ",%" SCNu64 ",%" SCNu64 ",%" SCNd64 ",%" SCNd64, &world.cards,
               &world.merchants, &world.history, &world.start_us, &world.step_us) != 5 ||
        world.cards == 0 || world.merchants == 0 || world.step_us < 0) {
        fprintf(stderr, "\"%s\": expected CARDS,MERCHANTS,HISTORY,START_US,STEP_US\n", text);
        exit(64);
    }
    return world;
}

static uint64_t mix(uint64_t z) { /* SplitMix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The `what`-th random number of a payment: independent of all others, without a state. */
static uint64_t draw(uint64_t number, uint64_t what) {
    return mix(number * 8 + what + UINT64_C(0x9e3779b97f4a7c15));
}

/* limit × u^power for uniform u: low numbers are more frequent. */
static uint64_t skewed(uint64_t random, uint64_t limit, int power) {
    double u = (double)(random >> 11) * 0x1p-53, x = 1;
    for (int i = 0; i < power; i++)
        x *= u;
    return (uint64_t)(x * (double)limit);
}

/* Scatters consecutive numbers, so that their entities are not neighbours in a sorted table. */
static uint64_t token(uint64_t number) {
    return (number * UINT64_C(0x9e3779b97f4a7c15)) >> 20;
}

/* Formats by hand, because snprintf() in the client would be slower than the server's decisions. */
static char *put(char *out, const char *before, uint64_t number, unsigned base, size_t digits) {
    size_t length = strlen(before);
    memcpy(out, before, length);
    for (size_t i = digits; i-- > 0; number /= base)
        out[length + i] = "0123456789abcdef"[number % base];
    out[length + digits] = '\0';
    return out + length + digits;
}

static void put_ip(char *out, uint64_t number) {
    out = put(out, "10.", 100 + (number >> 14) % 100, 10, 3);
    out = put(out, ".", 100 + (number >> 7) % 128, 10, 3);
    put(out, ".", 100 + number % 128, 10, 3);
}

/* The history is spread evenly over the month before start_us. */
static int64_t event_time(const struct world *world, uint64_t number) {
    if (number < world->history)
        return world->start_us -
               MONTH_US / (int64_t)world->history * (int64_t)(world->history - number);
    return world->start_us + world->step_us * (int64_t)(number - world->history);
}

/* Customers have 1.5 cards and two devices, of which they use one most of the time. Amounts are
 * mostly small. */
struct payment payment_make(const struct world *world, uint64_t number) {
    static const char *const channels[] = {"ecom", "app", "pos", "pos"};
    uint64_t card = skewed(draw(number, 0), world->cards, 2), customer = card * 2 / 3;
    uint64_t merchant = skewed(draw(number, 1), world->merchants, 3);
    uint64_t device = customer * 2 + (draw(number, 2) % 8 == 0);
    uint64_t small = draw(number, 3);
    struct payment p = {.channel = channels[merchant % 4],
                        .country = small % 50 ? "DE" : "FR",
                        .event_time_us = event_time(world, number),
                        .amount_minor = 100 + (int64_t)skewed(draw(number, 4), 50000, 3)};
    put(p.id, "p", number, 10, 12);
    put(p.card, "c_", token(card), 16, 11);
    put(p.customer, "u_", token(customer), 16, 11);
    put(p.merchant, "m_", token(merchant), 16, 11);
    put(p.device, "d_", token(device), 16, 11);
    put(p.mcc, "", 4000 + merchant % 97 * 13, 10, 4);
    put_ip(p.ip, customer);
    return p;
}

struct transaction payment_transaction(const struct payment *p) {
    struct transaction t = {.id = text_of(p->id),
                            .event_time_us = p->event_time_us,
                            .amount_minor = p->amount_minor,
                            .currency = TEXT_LITERAL("EUR")};
    t.fields[FIELD_CARD] = text_of(p->card);
    t.fields[FIELD_CUSTOMER] = text_of(p->customer);
    t.fields[FIELD_MERCHANT] = text_of(p->merchant);
    t.fields[FIELD_DEVICE] = text_of(p->device);
    t.fields[FIELD_IP] = text_of(p->ip);
    t.fields[FIELD_COUNTRY] = text_of(p->country);
    t.fields[FIELD_MCC] = text_of(p->mcc);
    t.fields[FIELD_CHANNEL] = text_of(p->channel);
    return t;
}

int payment_json(const struct payment *p, char *out) {
    return snprintf(out, PAYMENT_JSON_MAX,
                    "{\"id\":\"%s\",\"event_time_us\":%" PRId64 ",\"amount_minor\":%" PRId64
                    ",\"currency\":\"EUR\",\"card\":\"%s\",\"customer\":\"%s\",\"merchant\":\"%s\","
                    "\"device\":\"%s\",\"ip\":\"%s\",\"country\":\"%s\",\"mcc\":\"%s\","
                    "\"channel\":\"%s\"}",
                    p->id, p->event_time_us, p->amount_minor, p->card, p->customer, p->merchant,
                    p->device, p->ip, p->country, p->mcc, p->channel);
}
