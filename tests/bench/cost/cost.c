/* What one decision costs, for gate.py to count under callgrind: the service as harrierd runs it,
 * from a request's bytes to the answer's, with the shipped policy and without a network.
 *
 * usage: cost POLICY FOLDER       FOLDER: empty; the archive is made in it
 *
 * Everything is the same each time: payments drawn from a fixed seed, and a clock that moves only
 * when told to. First come WARM payments, so that cards have a history; then the COUNTED ones, one
 * a message, each inside of counted_decision(), and nothing else is. */
#include "core/base/check.h"
#include "core/wire/message.h"
#include "server/metrics.h"
#include "server/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WARM    20000
#define COUNTED 2000
#define BATCH   100 /* of the warm ones */

#define CARDS     2000
#define CUSTOMERS 1500
#define MERCHANTS 300
#define DEVICES   2500

#define START_US INT64_C(1767225600000000) /* 2026-01-01 */
#define STEP_US  INT64_C(20000000)         /* from payment to payment */

/* SplitMix64 */
static uint64_t chance_state = 1;
static uint64_t chance(uint64_t below) {
    uint64_t z = chance_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

/* Few are drawn often, most are drawn seldom. */
static uint64_t skewed(uint64_t below) {
    uint64_t a = chance(below), b = chance(below);
    return a < b ? a : b;
}

/* ---- time ---- */

static int64_t now_us = START_US;
static int64_t wall(const struct clock *self) {
    (void)self;
    return now_us;
}
static int64_t monotonic(const struct clock *self) {
    (void)self;
    return now_us - START_US + 1;
}
static const struct clock still = {wall, monotonic};

/* ---- payments ---- */

/* One payment's texts. */
struct payment {
    struct transaction transaction;
    char id[24], ip[24], email[32], keys[4][24];
};

static struct text put(char *room, size_t size, const char *before, uint64_t number,
                       const char *behind) {
    int length = snprintf(room, size, "%s%" PRIu64 "%s", before, number, behind);
    check(length > 0 && (size_t)length < size);
    return (struct text){.data = room, .length = (size_t)length};
}

static void make_payment(struct payment *payment, uint64_t number) {
    static const char *const countries[] = {"DE", "DE", "DE", "FR", "NL", "GB"};
    static const char *const channels[] = {"ecom", "pos", "pos", "app"};
    static const char *const mccs[] = {"5411", "5812", "5732", "5947"};
    uint64_t card = skewed(CARDS), device = skewed(DEVICES);
    struct transaction *transaction = &payment->transaction;
    now_us += STEP_US;
    *transaction = (struct transaction){
        .id = put(payment->id, sizeof payment->id, "p", number, ""),
        .event_time_us = now_us,
        .amount_minor = (int64_t)(100 + chance(20000)),
        .currency = TEXT_LITERAL("EUR"),
    };
    struct text *fields = transaction->fields;
    fields[FIELD_CARD] = put(payment->keys[0], sizeof payment->keys[0], "card_", card, "");
    fields[FIELD_CUSTOMER] =
        put(payment->keys[1], sizeof payment->keys[1], "customer_", card * CUSTOMERS / CARDS, "");
    fields[FIELD_MERCHANT] =
        put(payment->keys[2], sizeof payment->keys[2], "m_", skewed(MERCHANTS), "");
    fields[FIELD_DEVICE] = put(payment->keys[3], sizeof payment->keys[3], "d_", device, "");
    fields[FIELD_IP] = put(payment->ip, sizeof payment->ip, "198.51.100.", device % 250, "");
    fields[FIELD_EMAIL] = put(payment->email, sizeof payment->email, "c", card, "@example.com");
    fields[FIELD_COUNTRY] = text_of(countries[chance(6)]);
    fields[FIELD_CHANNEL] = text_of(channels[chance(4)]);
    fields[FIELD_MCC] = text_of(mccs[chance(4)]);
}

static void encode(const struct transaction *transactions, size_t count, struct buffer *bytes) {
    struct error error;
    const struct request request = {
        .deadline_us = 100000,
        .call = CALL_SCORE,
        .score = {.transactions = transactions, .transaction_count = count},
    };
    buffer_clear(bytes);
    if (message_encode_request(&request, bytes, &error) < 0) {
        fprintf(stderr, "cost: %s\n", error.text);
        exit(1);
    }
}

/* ---- asking ---- */

static size_t answered; /* transactions with a decision */
static struct arena arena;

static void take_answer(struct front_request *request, const void *bytes, size_t length) {
    struct response response;
    struct error error;
    (void)request;
    arena_reset(&arena);
    check(message_decode_response(bytes, length, &arena, &response, &error) == 0);
    for (size_t i = 0; response.call == CALL_SCORE && i < response.score.count; i++)
        answered += response.score.results[i].error.code == 0;
}
static const struct front_kind kind = {.name = "cost", .reply = take_answer};
static struct front front = {.kind = &kind};

/* gate.py has callgrind count what is inside, but for take_answer(). */
static __attribute__((noinline, noclone)) void counted_decision(struct service *service,
                                                                struct front_request *request) {
    service_handle(service, request);
    __asm__ volatile(""); /* no jump in the call's place, which callgrind would not see come back */
}

static void ask(struct service *service, const struct buffer *bytes, bool counted) {
    struct front_request request = {.front = &front,
                                    .bytes = bytes->bytes,
                                    .length = bytes->length,
                                    .arrived_us = monotonic(&still)};
    if (counted)
        counted_decision(service, &request);
    else
        service_handle(service, &request);
}

static void run(struct service *service) {
    static struct payment payments[BATCH];
    static struct transaction transactions[BATCH];
    struct buffer bytes;
    buffer_init(&bytes);
    for (uint64_t number = 0; number < WARM; number += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            make_payment(&payments[i], number + i);
            transactions[i] = payments[i].transaction;
        }
        encode(transactions, BATCH, &bytes);
        ask(service, &bytes, false);
    }
    for (uint64_t number = WARM; number < WARM + COUNTED; number++) {
        make_payment(&payments[0], number);
        encode(&payments[0].transaction, 1, &bytes);
        ask(service, &bytes, true);
    }
    buffer_deinit(&bytes);
}

static struct service *open_service(const char *policy, const char *folder) {
    static char archive[512], generations[512];
    static struct log log;
    snprintf(archive, sizeof archive, "%s/archive", folder);
    snprintf(generations, sizeof generations, "%s/generations", folder);
    log_init(&log, STDERR_FILENO, LOG_ERROR);
    const struct service_settings settings = {
        .policy = policy,
        .archive = archive,
        .generations = generations,
        .sync_interval_us = 1000,
        .lazy_sync_interval_us = INT64_C(3600000000),
        .max_ahead_us = 60000000,
        .message_bytes_max = MESSAGE_SIZE_MAX,
        .clock = &still,
        .log = &log,
        .metrics = server_metrics_new(),
    };
    struct service *service;
    struct error error;
    if (service_open(&settings, &service, &error) < 0) {
        fprintf(stderr, "cost: %s\n", error.text);
        exit(1);
    }
    while (service_state(service, NULL, 0) == SERVICE_STARTING)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return service;
}

int main(int argc, char **argv) {
    struct error error;
    if (argc != 3) {
        fprintf(stderr, "usage: cost POLICY FOLDER\n");
        return 64;
    }
    arena_init(&arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    struct service *service = open_service(argv[1], argv[2]);
    run(service);
    if (service_close(service, &error) < 0) {
        fprintf(stderr, "cost: %s\n", error.text);
        return 1;
    }
    if (answered != WARM + COUNTED) {
        fprintf(stderr, "cost: %zu of %d transactions were decided\n", answered, WARM + COUNTED);
        return 1;
    }
    printf("%d\n", COUNTED);
    return 0;
}
