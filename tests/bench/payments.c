#include "payments.h"

#include "core/base/check.h"
#include "core/wire/message/message.h"
#include "server/ops/metrics.h"
#include "tests/split_mix.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define START_US INT64_C(1767225600000000) /* 2026-01-01 */

static uint64_t chance_state = 1;
static uint64_t chance(uint64_t below) {
    return split_mix(&chance_state) % below;
}

/* The smaller of two draws: low numbers are more frequent. */
static uint64_t skewed(uint64_t below) {
    uint64_t a = chance(below), b = chance(below);
    return a < b ? a : b;
}

/* ---- the clock ---- */

static int64_t now_us = START_US;
/* Only make_payment() moves the clock, so the service sees the same times in every run. */
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

/* Formats "BEFORE NUMBER BEHIND" without spaces into `room`. */
static struct text put(char *room, size_t size, const char *before, uint64_t number,
                       const char *behind) {
    int length = snprintf(room, size, "%s%" PRIu64 "%s", before, number, behind);
    check(length > 0 && (size_t)length < size);
    return (struct text){.data = room, .length = (size_t)length};
}

void make_payment(struct payment *payment, const struct payers *payers, uint64_t number) {
    static const char *const countries[] = {"DE", "DE", "DE", "FR", "NL", "GB"};
    static const char *const channels[] = {"ecom", "pos", "pos", "app"};
    static const char *const mccs[] = {"5411", "5812", "5732", "5947"};
    uint64_t card = skewed(payers->cards), device = skewed(payers->devices);
    struct transaction *transaction = &payment->transaction;
    now_us += payers->step_us;
    *transaction = (struct transaction){
        .id = put(payment->id, sizeof payment->id, "p", number, ""),
        .event_time_us = now_us,
        .amount_minor = (int64_t)(100 + chance(20000)),
        .currency = TEXT_LITERAL("EUR"),
    };
    struct text *fields = transaction->fields;
    fields[FIELD_CARD] = put(payment->keys[0], sizeof payment->keys[0], "card_", card, "");
    fields[FIELD_CUSTOMER] = put(payment->keys[1], sizeof payment->keys[1], "customer_",
                                 card * payers->customers / payers->cards, "");
    fields[FIELD_MERCHANT] =
        put(payment->keys[2], sizeof payment->keys[2], "m_", skewed(payers->merchants), "");
    fields[FIELD_DEVICE] = put(payment->keys[3], sizeof payment->keys[3], "d_", device, "");
    fields[FIELD_IP] = put(payment->ip, sizeof payment->ip, "198.51.100.", device % 250, "");
    fields[FIELD_EMAIL] = put(payment->email, sizeof payment->email, "c", card, "@example.com");
    fields[FIELD_COUNTRY] = text_of(countries[chance(6)]);
    fields[FIELD_CHANNEL] = text_of(channels[chance(4)]);
    fields[FIELD_MCC] = text_of(mccs[chance(4)]);
}

void encode_request(const struct transaction *transactions, size_t count, struct buffer *bytes) {
    struct error error;
    const struct request request = {
        .deadline_us = 100000,
        .call = CALL_SCORE,
        .score = {.transactions = transactions, .transaction_count = count},
    };
    buffer_clear(bytes);
    if (message_encode_request(&request, bytes, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
}

/* ---- requests ---- */

static size_t decided;
static struct buffer answer;

/* gate.py does not count this function, which belongs to the measurement. The service owns the
 * bytes, so they are copied. */
static void take_answer(struct front_request *request, const void *bytes, size_t length) {
    (void)request;
    buffer_clear(&answer);
    buffer_append(&answer, bytes, length);
}

/* Decodes the answer to count its decisions; errors make close_service() fail. */
static void count_decisions(void) {
    static struct arena arena;
    struct response response;
    struct error error;
    if (!arena.limit)
        arena_init(&arena, MESSAGE_RESPONSE_ARENA_LIMIT);
    arena_reset(&arena);
    check(message_decode_response(answer.bytes, answer.length, &arena, &response, &error) == 0);
    for (size_t i = 0; response.call == CALL_SCORE && i < response.score.count; i++)
        decided += response.score.results[i].error.code == 0;
}

/* A front without a network: the service answers through take_answer() before this returns. */
void ask(struct service *service, const struct buffer *bytes,
         void (*decide)(void *service, struct front_request *request)) {
    static const struct front_kind kind = {.name = "bench", .reply = take_answer};
    static struct front front = {.kind = &kind};
    struct front_request request = {.front = &front,
                                    .bytes = bytes->bytes,
                                    .length = bytes->length,
                                    .arrived_us = monotonic(&still)};
    (decide ? decide : service_handle)(service, &request);
    count_decisions();
}

size_t answered(void) {
    return decided;
}

/* ---- the service ---- */

struct service *open_service(const char *policy, const char *folder) {
    static char archive[512], generations[512];
    static struct log log;
    snprintf(archive, sizeof archive, "%s/archive", folder);
    snprintf(generations, sizeof generations, "%s/generations", folder);
    log_init(&log, STDERR_FILENO, LOG_ERROR);
    const struct service_settings settings = {
        .policy = policy,
        .archive = archive,
        .generations = generations,
        .pseudonym_keys = getenv("HARRIER_PSEUDONYM_KEYS"),
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
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    while (service_state(service, NULL, 0) == SERVICE_STARTING)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return service;
}

void close_service(struct service *service, size_t expected) {
    struct error error;
    if (service_close(service, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    if (decided != expected) {
        fprintf(stderr, "%zu of %zu transactions were decided\n", decided, expected);
        exit(1);
    }
}
